//! Strictly nothing but JSON is taken, and strings end where they end.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

/// Whether the whole text is taken, and whether there was space in it.
fn taken(text: &[u8]) -> Option<bool> {
    let mut scanner = Scanner::strict(text);
    scanner.value().ok()?;
    scanner.end().ok()?;
    Some(scanner.spaced())
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

#[test]
fn strictly_nothing_but_json_is_taken() {
    for text in [
        "1",
        "-0",
        "0.50",
        "1e5",
        "1E+05",
        "-1.5e-3",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "1e+",
        "0x1",
        "1 2",
        "true",
        "truex",
        "nul",
        "null",
        "NaN",
        "\"\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\u00e9\\n\\/\"",
        "\"a\tb\"",
        "\"a\u{1}\"",
        "\"é\u{7f}\"",
        "[]",
        "[ ]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2]",
        "[[],{}]",
        "[1}",
        "{]",
        "{}",
        "{ }",
        "{\"a\":1}",
        "{\"a\" : 1 , \"b\":[{}]}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}}",
        "",
        " ",
        "\u{c}1",
        "[1]\u{c}",
        "\u{feff}1",
        "{\"a\":\"0123456789abcdef0123456789\\\"\",\"b\":\"\\\\\"}",
    ] {
        assert_eq!(taken(text.as_bytes()).is_some(), is_json(text.as_bytes()), "{text:?}");
    }
}

#[test]
fn depth_costs_a_bit() {
    for depth in [1, 63, 64, 65, 127, 128, 129, 50_000] {
        let text = format!("{}1{}", "[{\"a\":".repeat(depth), "}]".repeat(depth));
        assert_eq!(taken(text.as_bytes()), Some(false), "{depth}");
        let wrong = text.replacen("}]", "]}", 1);
        assert_eq!(taken(wrong.as_bytes()), None, "{depth}");
        assert_eq!(taken(&text.as_bytes()[..text.len() - 1]), None, "{depth}");
    }
}

#[test]
fn space_between_tokens_is_seen_and_space_in_strings_is_none() {
    assert_eq!(taken(b"{\"a b\":[1,\" \"]}"), Some(false));
    for text in ["{\"a\": 1}", "{\"a\":1 }", "[1, 2]", "[ ]", "[1]\n", " [1]", "[1\t,2]"] {
        assert_eq!(taken(text.as_bytes()), Some(true), "{text:?}");
    }
}

#[test]
fn a_string_ends_at_its_quote_wherever_that_stands() {
    for length in 0..80 {
        for filling in ["x", "é", "\u{7f}", "!", "#", "[", "]"] {
            let text = filling.repeat(length);
            let quoted = format!("\"{text}\", \"");
            let mut scanner = Scanner::strict(quoted.as_bytes());
            assert_eq!(scanner.value(), Ok(0..text.len() + 2), "{quoted}");
            let escaped = format!("\"{text}\\\"{text}\"");
            let mut scanner = Scanner::new(escaped.as_bytes());
            assert_eq!(scanner.value(), Ok(0..escaped.len()), "{escaped}");
        }
    }
}

proptest! {
    #[test]
    fn what_serde_json_takes_is_taken_and_nothing_else(
        text in r#"([\[\]{},:"\\ \n0-9eE.+-]|"[a-z"\\]{0,20}"|true|null|\\u00e|"k":)*"#,
    ) {
        prop_assert_eq!(taken(text.as_bytes()).is_some(), is_json(text.as_bytes()));
    }

    #[test]
    fn what_is_cut_or_changed_is_judged_alike(
        at in 0_usize..200,
        byte in prop::sample::select(&b"{}[],:\"\\ \n01-.eE+tfnu\x01a"[..]),
    ) {
        let whole = br#"{"a": [1, -2.5e+3, true, false, null, "x\u00e9\n", {"b":{}}, [[]]], "c d": "0123456789abcdefghijklmnopq", "e": {"f": [0, 1]}}"#;
        let mut changed = whole.to_vec();
        let at = at % whole.len();
        changed[at] = byte;
        prop_assert_eq!(taken(&changed).is_some(), is_json(&changed));
        changed.insert(at, byte);
        prop_assert_eq!(taken(&changed).is_some(), is_json(&changed));
        prop_assert_eq!(taken(&whole[..at]).is_some(), is_json(&whole[..at]));
    }
}
