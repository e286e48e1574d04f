//! JSON on one line: space between tokens removed, all else untouched.

use memchr::memchr2;

/// Copies a valid JSON text without the space between its tokens. Numbers and
/// strings stay byte for byte what they were; the result has no line break.
pub fn minify(json: &[u8], out: &mut Vec<u8>) {
    out.reserve(json.len());
    // What is copied goes in pieces that are as long as can be: most servers send no
    // space at all.
    let (mut from, mut at) = (0, 0);
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = string_end(json, at),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.extend_from_slice(&json[from..at]);
                at += 1;
                from = at;
            }
            _ => at += 1,
        }
    }
    out.extend_from_slice(&json[from..]);
}

/// One past the quote that closes the string which opens at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::minify;

    fn minified(text: &str) -> String {
        let mut out = Vec::new();
        minify(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_space_between_tokens_goes() {
        for (text, expected) in [
            ("{ \"a\" : [ 1.0 , 2e+05 ,\r\n\t-0 ] }", r#"{"a":[1.0,2e+05,-0]}"#),
            (r#"{"a b": " x  \" , \\", "é\n" : null}"#, r#"{"a b":" x  \" , \\","é\n":null}"#),
            ("  true ", "true"),
            (r#"" \\\\ ""#, r#"" \\\\ ""#),
            (r#"["\\", "\"", "a" ]"#, r#"["\\","\"","a"]"#),
            ("[ ]", "[]"),
            ("1", "1"),
        ] {
            assert_eq!(minified(text), expected);
            assert_eq!(minified(expected), expected, "again");
        }
    }

    #[test]
    fn the_value_stays_the_same() {
        let value = serde_json::json!({
            "text": "line\nbreak \\ \" \u{2028} 🦀", "n": [1, 2.5, -3e10], "o": { "": {} }
        });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(minified(&pretty), value.to_string());
    }
}
