//! Whether one text says what another says: the normalisation behind the leak
//! check and the test `mentions`.

/// Lower case, with each run of characters that are neither letters nor digits
/// made one space, and a space at either end, so that a phrase is found at word
/// boundaries by searching for it.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    for c in text.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// The number of words of a normalised text.
pub fn words(normalised: &str) -> usize {
    normalised.split_ascii_whitespace().count()
}
