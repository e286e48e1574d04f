//! Makes the bytes of a reply readable: what is broken in them is mended before
//! any parser sees them, so that a bad value costs a character and not a page.

use std::borrow::Cow;

use scrape_api::Bytes;

/// The text that ends the life of JSON as a script (XSSI protection), as servers
/// put it before the JSON.
const XSSI: [&[u8]; 5] =
    [b")]}',", b")]}'", b"throw 1; < don't be evil' >", b"while(1);", b"for(;;);"];

const BOM: &[u8] = b"\xef\xbb\xbf";
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// A body that can be parsed.
pub(crate) struct Repaired {
    /// The body: the one that came, without a byte order mark or a script guard
    /// before it, or a mended copy.
    pub(crate) body: Bytes,
    /// How many places were mended; 0 means that no value was changed.
    pub(crate) mended: u64,
}

/// Replaces broken UTF-8 by U+FFFD, one for each maximal part as the Unicode
/// standard (section 3.9) recommends, and, where the body is JSON, writes raw
/// control characters inside strings as escapes and unpaired surrogate escapes
/// as `\ufffd`. Valid JSON in valid UTF-8 comes back as it is, without a copy.
pub(crate) fn repair(body: &Bytes) -> Repaired {
    let body = strip(body);
    let json = looks_like_json(&body);
    let valid = simdutf8::basic::from_utf8(&body).is_ok();
    if valid && !(json && is_suspect(&body)) {
        return Repaired { body, mended: 0 };
    }
    let mut mended = 0;
    let mut text = Cow::Borrowed(&body[..]);
    if !valid {
        let mut out = Vec::with_capacity(body.len() + 64);
        for chunk in body.utf8_chunks() {
            out.extend_from_slice(chunk.valid().as_bytes());
            if !chunk.invalid().is_empty() {
                out.extend_from_slice(REPLACEMENT);
                mended += 1;
            }
        }
        text = Cow::Owned(out);
    }
    if json && let Some((out, places)) = repair_json(&text) {
        text = Cow::Owned(out);
        mended += places;
    }
    let mended_body = match text {
        Cow::Owned(out) => Bytes::from(out),
        Cow::Borrowed(_) => body.clone(),
    };
    Repaired { body: mended_body, mended }
}

/// Without byte order marks and script guards; gateways put one before another.
fn strip(body: &Bytes) -> Bytes {
    let mut start = 0;
    loop {
        let rest = &body[start..];
        let text = rest.trim_ascii_start();
        let guard = XSSI.iter().find(|guard| text.starts_with(guard));
        start += match guard {
            _ if rest.starts_with(BOM) => BOM.len(),
            Some(guard) => rest.len() - text.len() + guard.len(),
            None => return body.slice(start..),
        };
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// Whether there may be something to mend: a control character anywhere (most
/// JSON comes without line ends) or an escape that may be a surrogate's.
fn is_suspect(body: &[u8]) -> bool {
    // Without early exit inside a block, so that it is vectorised.
    let control = body.chunks(256).any(|c| c.iter().fold(false, |found, b| found | (*b < 0x20)));
    control
        || memchr::memmem::find_iter(body, b"\\u")
            .any(|at| matches!(body.get(at + 2), Some(b'd' | b'D')))
}

/// The mended JSON and the number of places, if there are any.
fn repair_json(body: &[u8]) -> Option<(Vec<u8>, u64)> {
    let mut out = Vec::new();
    let mut mended = 0;
    let mut copied = 0;
    let mut at = 0;
    let mut replace = |from: usize, to: usize, with: &[u8]| {
        if mended == 0 {
            out.reserve(body.len() + 64);
        }
        out.extend_from_slice(&body[copied..from]);
        out.extend_from_slice(with);
        copied = to;
        mended += 1;
    };
    while let Some(open) = memchr::memchr(b'"', &body[at..]) {
        at += open + 1;
        while let Some(&byte) = body.get(at) {
            match byte {
                b'"' => break,
                b'\\' => match surrogate(&body[at..]) {
                    Surrogate::None => at += 2,
                    Surrogate::Pair => at += 12,
                    Surrogate::Lone => {
                        replace(at, at + 6, b"\\ufffd");
                        at += 6;
                    }
                },
                0..0x20 => {
                    replace(at, at + 1, format!("\\u{byte:04x}").as_bytes());
                    at += 1;
                }
                _ => at += 1,
            }
        }
        at = (at + 1).min(body.len());
    }
    if mended > 0 {
        out.extend_from_slice(&body[copied..]);
    }
    (mended > 0).then_some((out, mended))
}

enum Surrogate {
    /// Another escape, or none that is whole.
    None,
    /// A high one, and a low one after it.
    Pair,
    /// One without the other.
    Lone,
}

/// What kind of surrogate the escape at the start of `text` stands for.
fn surrogate(text: &[u8]) -> Surrogate {
    match unit(text) {
        Some(0xd800..0xdc00) => match text.get(6..).and_then(unit) {
            Some(0xdc00..0xe000) => Surrogate::Pair,
            _ => Surrogate::Lone,
        },
        Some(0xdc00..0xe000) => Surrogate::Lone,
        _ => Surrogate::None,
    }
}

/// The code unit of an escape `\uXXXX` at the start of `text`.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.get(..6)?.strip_prefix(b"\\u")?;
    // `from_str_radix` alone would take a sign.
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
