//! Whether one text says what another says: the normalisation behind the leak
//! check and the test `mentions`.

/// Lower case, with each run of characters that are neither letters nor digits
/// made one space, and a space at either end, so that a phrase is found at word
/// boundaries by searching for it.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    let mut spaced = true;
    let mut rest = text;
    loop {
        // Most texts are ASCII, for which tables of Unicode cost ten times as much.
        let ascii = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if ascii > 0 {
            let start = out.len();
            out.push_str(&rest[..ascii]);
            out[start..].make_ascii_lowercase();
            spaced = false;
        }
        let mut chars = rest[ascii..].chars();
        match chars.next() {
            None => break,
            Some(c) if !c.is_ascii() && c.is_alphanumeric() => {
                out.extend(c.to_lowercase());
                spaced = false;
            }
            Some(_) if !spaced => {
                out.push(' ');
                spaced = true;
            }
            Some(_) => {}
        }
        rest = chars.as_str();
    }
    if !spaced {
        out.push(' ');
    }
    out
}

/// The number of words of a normalised text.
pub fn words(normalised: &str) -> usize {
    normalised.split_ascii_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_between_single_spaces() {
        for (text, expected) in [
            ("", " "),
            ("...", " "),
            ("[KAFKA-1] Broker  fails!", " kafka 1 broker fails "),
            ("ÜBER-all x2\n", " über all x2 "),
            ("İ ǅ 東京 ½", " i\u{307} ǆ 東京 ½ "),
        ] {
            assert_eq!(normalise(text), expected, "{text}");
        }
    }
}
