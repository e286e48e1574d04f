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
    while let Some(&byte) = rest.as_bytes().first() {
        // Most texts are ASCII, for which tables of Unicode cost ten times as much.
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte.to_ascii_lowercase()));
            (spaced, rest) = (false, &rest[1..]);
            continue;
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some(c) if c.is_alphanumeric() => {
                out.extend(c.to_lowercase());
                spaced = false;
            }
            _ if !spaced => {
                out.push(' ');
                spaced = true;
            }
            _ => {}
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
