//! Finds the end of an object or a list by its brackets and strings alone, 64 bytes at a
//! time: what stands where is found as masks, a bit for each byte (Langdale and Lemire,
//! "Parsing Gigabytes of JSON per Second", 2019).

use wide::u8x64;

use super::marks::{Marks, padded};
use super::nesting::Nesting;
use super::scan::{DEEPEST, ScanError};

/// An object or a list that was skipped.
pub(super) struct Skipped {
    /// One past its last byte.
    pub(super) end: usize,
    /// Whether there is space in it, outside of strings.
    pub(super) spaced: bool,
    /// The marks of the bytes in which it ends.
    pub(super) marks: Marks,
}

/// Skips the object or list that begins at a place.
pub(super) fn skip(text: &[u8], start: usize) -> Result<Skipped, ScanError> {
    let mut open = Nesting::default();
    // All bits or none: whether the bytes at hand begin in a string.
    let mut in_string = 0;
    let mut escaped = false;
    let mut spaced = false;
    let mut block = start;
    loop {
        let rest = text.get(block..).filter(|rest| !rest.is_empty()).ok_or(ScanError::Cut)?;
        let bytes = rest.first_chunk().copied().unwrap_or_else(|| padded(rest));
        let (mut quotes, backslashes) = quotes_and_backslashes(&bytes);
        if backslashes != 0 || escaped {
            quotes = unescaped(quotes, backslashes, in_string != 0, &mut escaped);
        }
        if quotes != 0 || in_string == 0 {
            // Opening quotes are in, closing ones are not.
            let within = prefix_xor(quotes) ^ in_string;
            let (brackets, spaces) = brackets_and_spaces(&bytes);
            let (mut left, spaces) = (brackets & !within, spaces & !within);
            while left != 0 {
                let bit = left.trailing_zeros();
                let at = block + bit as usize;
                match bytes[bit as usize] {
                    byte @ (b'{' | b'[') => open.push(byte == b'{'),
                    byte @ (b'}' | b']') if open.pop() != Some(byte == b'}') => {
                        return Err(ScanError::NotJson(at));
                    }
                    _ => {}
                }
                if open.depth() == 0 {
                    spaced |= spaces & ((1 << bit) - 1) != 0;
                    return Ok(Skipped { end: at + 1, spaced, marks: Marks::of(block, &bytes) });
                }
                if open.depth() > DEEPEST {
                    return Err(ScanError::TooDeep(at + 1));
                }
                left &= left - 1;
            }
            spaced |= spaces != 0;
            in_string = (within >> 63).wrapping_neg();
        }
        block += Marks::BYTES;
    }
}

#[inline]
fn quotes_and_backslashes(bytes: &[u8; Marks::BYTES]) -> (u64, u64) {
    let bytes = u8x64::new(*bytes);
    let is = |byte: u8| bytes.simd_eq(u8x64::splat(byte)).to_bitmask();
    (is(b'"'), is(b'\\'))
}

/// Brackets, with some letters that stand in no JSON outside of a string, and space, with
/// what stands in none either.
// Inlined, it is taken apart byte by byte.
#[inline(never)]
fn brackets_and_spaces(bytes: &[u8; Marks::BYTES]) -> (u64, u64) {
    /// The bits in which brackets differ.
    const DIFFERENT: u8 = (b'[' ^ b'{') | (b'{' ^ b'}');
    let bytes = u8x64::new(*bytes);
    let brackets = (bytes | u8x64::splat(DIFFERENT)).simd_eq(u8x64::splat(b'{' | DIFFERENT));
    let spaces = bytes.min(u8x64::splat(b' ')).simd_eq(bytes);
    (brackets.to_bitmask(), spaces.to_bitmask())
}

/// The quotes before which no escape begins; `escaped` says whether one ends in the first
/// byte, and then whether one goes on behind the last.
#[inline(never)]
fn unescaped(quotes: u64, backslashes: u64, mut in_string: bool, escaped: &mut bool) -> u64 {
    let mut left = quotes | backslashes;
    if std::mem::take(escaped) {
        left &= !1;
    }
    let mut found = 0;
    while left != 0 {
        let bit = left & left.wrapping_neg();
        left ^= bit;
        if quotes & bit != 0 {
            found |= bit;
            in_string = !in_string;
        } else if in_string {
            *escaped = bit << 1 == 0;
            left &= !(bit << 1);
        }
    }
    found
}

/// For each byte, whether the bits up to it are odd in number.
#[inline]
fn prefix_xor(mut mask: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        mask ^= mask << shift;
    }
    mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The end, or what is wrong where, and whether there is space, byte by byte.
    fn slowly(text: &[u8], start: usize) -> Result<(usize, bool), ScanError> {
        let (mut open, mut at, mut spaced) = (Vec::new(), start, false);
        let mut in_string = false;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'\\' if in_string => at += 1,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => open.push(byte + 2),
                b'}' | b']' if open.pop() != Some(byte) => return Err(ScanError::NotJson(at)),
                b' ' | b'\n' => spaced = true,
                _ => {}
            }
            at += 1;
            if open.is_empty() && !in_string {
                return Ok((at, spaced));
            }
        }
        Err(ScanError::Cut)
    }

    fn quickly(text: &[u8], start: usize) -> Result<(usize, bool), ScanError> {
        let skipped = skip(text, start)?;
        let last = skipped.marks.known(skipped.end);
        let here = text[skipped.end..].iter().position(|b| matches!(b, b'"' | b'\\' | ..b' '));
        // What it says of the bytes behind is so.
        assert!(last.is_none_or(|mark| here == Some(mark - skipped.end)));
        Ok((skipped.end, skipped.spaced))
    }

    proptest! {
        #[test]
        fn it_ends_where_it_ends_byte_by_byte(
            text in r#"[\[{]([\[\]{},:\\" \nx]|"[a-z\[\]{}é ,\\"]{0,70}"|\\"|\[\{|\}\]|"\\\\"){0,40}"#,
            before in 0_usize..70,
        ) {
            let whole = ["x".repeat(before), text].concat();
            prop_assert_eq!(
                quickly(whole.as_bytes(), before), slowly(whole.as_bytes(), before), "{}", whole
            );
        }

        #[test]
        fn strings_of_any_length_hide_what_is_in_them(
            pieces in prop::collection::vec((0_usize..130, "[\\[\\]{} \\\\\"]{0,3}"), 0..6),
        ) {
            let quoted = pieces.iter().map(|(length, odd)| {
                serde_json::to_string(&format!("{odd}{}{odd}", "é".repeat(*length))).unwrap()
            });
            let text = format!("[{}]", quoted.collect::<Vec<_>>().join(","));
            prop_assert_eq!(quickly(text.as_bytes(), 0), Ok((text.len(), false)));
        }
    }
}
