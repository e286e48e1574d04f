use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn mend(body: &[u8]) -> (Vec<u8>, u64) {
    let repaired = repair(&Bytes::copy_from_slice(body));
    (repaired.body.to_vec(), repaired.mended)
}

#[test]
fn each_fault_is_mended_and_counted() {
    let cases: [(&[u8], &[u8], u64); 22] = [
        (b"{\"a\":\"x\"}", b"{\"a\":\"x\"}", 0),
        (b"{\"a\":\"\xff\"}", "{\"a\":\"\u{fffd}\"}".as_bytes(), 1),
        (b"{\"a\":\"\xe2\x82\"}", "{\"a\":\"\u{fffd}\"}".as_bytes(), 1),
        (b"{\"a\":\"\x00\"}", b"{\"a\":\"\\u0000\"}", 1),
        (b"{\"a\":\"x\ny\tz\"}", b"{\"a\":\"x\\u000ay\\u0009z\"}", 2),
        (b"{\n  \"a\": \"x\"\r\n}", b"{\n  \"a\": \"x\"\r\n}", 0),
        (br#"{"a":"\ud83d"}"#, br#"{"a":"\ufffd"}"#, 1),
        (br#"{"a":"\uDE00x"}"#, br#"{"a":"\ufffdx"}"#, 1),
        (br#"{"a":"\ud83d\ude00"}"#, br#"{"a":"\ud83d\ude00"}"#, 0),
        (br#"{"a":"\ud83d\ud83d\ude00"}"#, br#"{"a":"\ufffd\ud83d\ude00"}"#, 1),
        (br#"{"a":"\ude00\ud83d"}"#, br#"{"a":"\ufffd\ufffd"}"#, 2),
        (br#"{"a":"\\ud83d"}"#, br#"{"a":"\\ud83d"}"#, 0),
        (br#"{"a":"\\\ud83d"}"#, br#"{"a":"\\\ufffd"}"#, 1),
        (br#"{"a":"\"\ud83d\""}"#, br#"{"a":"\"\ufffd\""}"#, 1),
        (br#"{"\ud83d":1}"#, br#"{"\ufffd":1}"#, 1),
        (br#"{"a":"\ud83d\n"}"#, br#"{"a":"\ufffd\n"}"#, 1),
        (b"\xef\xbb\xbf{}", b"{}", 0),
        (b")]}'\n{\"a\":1}", b"\n{\"a\":1}", 0),
        (b"throw 1; < don't be evil' >[1]", b"[1]", 0),
        (b"for(;;);{}", b"{}", 0),
        (b"User-agent: *\nDisallow: \xe4\n", "User-agent: *\nDisallow: \u{fffd}\n".as_bytes(), 1),
        (b"", b"", 0),
    ];
    for (body, expected, mended) in cases {
        let (got, count) = mend(body);
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
        assert_eq!(count, mended, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn whole_bodies_are_not_copied() {
    let body = Bytes::from_static(b"\xef\xbb\xbf{\n \"a\": \"\\ud83d\\ude00\" }");
    let repaired = repair(&body);
    assert_eq!(repaired.mended, 0);
    assert_eq!(repaired.body.as_ptr(), body[3..].as_ptr());
}

#[test]
fn a_cut_escape_ends_quietly() {
    for end in 0..12 {
        let text = &br#"["\ud83d\ude00"]"#[..2 + end];
        assert!(std::str::from_utf8(&mend(text).0).is_ok());
    }
}

/// JSON whose strings hold escapes, control characters and lone surrogates.
fn faulty_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\\ud83d".to_vec()),
        Just(b"\\uDe00".to_vec()),
        Just(b"\\\\".to_vec()),
        Just(b"\\\"".to_vec()),
        Just(b"\\u0000".to_vec()),
        Just(vec![0x01]),
        Just(b"\n".to_vec()),
        Just(vec![0xff]),
        Just(vec![0xed, 0xa0, 0x80]),
        Just("é".as_bytes().to_vec()),
        Just(b"ud83d".to_vec()),
        Just(b"{[,:".to_vec()),
    ];
    prop::collection::vec(prop::collection::vec(piece, 0..8), 0..6).prop_map(|strings| {
        let mut body = b"[".to_vec();
        for (i, pieces) in strings.iter().enumerate() {
            body.extend_from_slice(if i == 0 { b"\"" } else { b",\n \"" });
            body.extend(pieces.iter().flatten());
            body.push(b'"');
        }
        body.push(b']');
        body
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_become_utf8_and_stay_so(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let (once, _) = mend(&body);
        prop_assert!(std::str::from_utf8(&once).is_ok());
    }

    #[test]
    fn faulty_json_becomes_json(body in faulty_json()) {
        let (once, mended) = mend(&body);
        let parsed = serde_json::from_slice::<Value>(&once);
        prop_assert!(parsed.is_ok(), "{:?}: {}", parsed, String::from_utf8_lossy(&once));
        let (twice, again) = mend(&once);
        prop_assert_eq!(again, 0);
        prop_assert_eq!(twice, once.clone());
        prop_assert_eq!(mended == 0, once == body);
    }

    #[test]
    fn valid_json_is_unchanged(value in any_json(), pretty in any::<bool>()) {
        let body = if pretty {
            serde_json::to_vec_pretty(&value)
        } else {
            serde_json::to_vec(&value)
        }.unwrap();
        prop_assert_eq!(mend(&body), (body, 0));
    }
}
