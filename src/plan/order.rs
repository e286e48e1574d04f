//! Keys and versions encoded so that their bytes compare as they do.

use super::{KeyOrder, datetime};

/// A key whose bytes compare as keys do in this order.
///
/// In natural order each run of digits, without leading zeros, is preceded by
/// its length as one character (`KAFKA-9` < `KAFKA-10`). The key itself follows
/// after a NUL, so that `1` and `01` differ and the order is total.
pub fn order_key(order: KeyOrder, key: &str) -> String {
    if order == KeyOrder::Text {
        return key.to_owned();
    }
    let mut out = String::with_capacity(key.len() * 2 + 4);
    let mut rest = key;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let number = rest[..digits].trim_start_matches('0');
            // From '0' up, which is where digits sort among other characters;
            // longer numbers than fit are clamped and compare as text.
            let length =
                char::from_u32(u32::from(b'0') + number.len().min(70) as u32).unwrap_or('~');
            out.push(length);
            out.push_str(number);
        }
        let text =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| i + digits);
        out.push_str(&rest[digits..text]);
        rest = &rest[text..];
    }
    out.push('\0');
    out.push_str(key);
    out
}

/// The key that [`order_key`] encoded.
pub fn original_key(order: KeyOrder, encoded: &str) -> &str {
    match order {
        KeyOrder::Text => encoded,
        KeyOrder::Natural => encoded.rsplit_once('\0').map_or(encoded, |(_, key)| key),
    }
}

/// A version whose bytes compare as versions do: points in time by instant
/// whatever their offset, everything else in natural order.
pub fn version_key(version: &str) -> String {
    match datetime::parse(version).and_then(datetime::format) {
        Some(instant) => instant,
        None => order_key(KeyOrder::Natural, version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_keys_compare_as_numbers() {
        let keys = ["A-1", "A-2", "A-9", "A-10", "A-10a", "A-99", "A-100", "AB-1", "B-1"];
        let mut encoded: Vec<_> = keys.iter().map(|k| order_key(KeyOrder::Natural, k)).collect();
        let expected = encoded.clone();
        encoded.sort();
        assert_eq!(encoded, expected);
        for (key, encoded) in keys.iter().zip(&expected) {
            assert_eq!(original_key(KeyOrder::Natural, encoded), *key);
        }
    }

    #[test]
    fn versions_compare_by_instant() {
        let older = version_key("2023-11-07T06:00:00.000+0200");
        let newer = version_key("2023-11-07T05:00:00.000+0000");
        assert!(older < newer);
        assert!(version_key("9") < version_key("10"));
    }
}
