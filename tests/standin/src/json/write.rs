//! Writes JSON strings.

/// Appends `text` as a JSON string, quotes included; only what must be escaped is.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (pos, &byte) in bytes.iter().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => {
                out.push_str(&text[done..pos]);
                out.push_str(&format!("\\u{byte:04x}"));
                done = pos + 1;
                continue;
            }
            _ => continue,
        };
        out.push_str(&text[done..pos]);
        out.push_str(escape);
        done = pos + 1;
    }
    out.push_str(&text[done..]);
    out.push('"');
}

/// `text` as a JSON string, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_string(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_it_writes_parses_back() {
        let text = "q\" b\\ n\n r\r t\t c\u{1}\u{0} é🦀";
        assert_eq!(serde_json::from_str::<String>(&quoted(text)).expect("valid JSON"), text);
    }
}
