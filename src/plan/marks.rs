//! What strings of a JSON text are made of, found 64 bytes at a time.

use wide::u8x64;

/// Where quotes, backslashes and control characters stand in the 64 bytes that were
/// looked at last: half of all strings are shorter than what it costs to begin a search
/// of their own.
#[derive(Debug)]
pub(super) struct Marks {
    /// The place of the first of these bytes.
    start: usize,
    /// A bit for each, the lowest for the first.
    bits: u64,
}

impl Default for Marks {
    fn default() -> Self {
        // No text has such a place.
        Self { start: usize::MAX / 2, bits: 0 }
    }
}

impl Marks {
    pub(super) const BYTES: usize = 64;

    /// Those of some bytes.
    pub(super) fn of(start: usize, bytes: &[u8; Self::BYTES]) -> Self {
        Self { start, bits: marks(bytes) }
    }

    /// The first of them from a place on, if it is among these bytes.
    #[inline(always)]
    pub(super) fn known(&self, from: usize) -> Option<usize> {
        let within = from.wrapping_sub(self.start);
        if within >= Self::BYTES {
            return None;
        }
        let bits = self.bits >> within;
        (bits != 0).then(|| from + bits.trailing_zeros() as usize)
    }

    /// The first of them from a place on, where it is not known.
    #[inline(never)]
    pub(super) fn search(&mut self, text: &[u8], from: usize) -> Option<usize> {
        let is_known = from.wrapping_sub(self.start) < Self::BYTES;
        let mut start = if is_known { self.start + Self::BYTES } else { from };
        loop {
            let bytes = text.get(start..).filter(|bytes| !bytes.is_empty())?;
            let bits = match bytes.first_chunk() {
                Some(bytes) => marks(bytes),
                None => marks(&padded(bytes)),
            };
            if bits != 0 {
                *self = Self { start, bits };
                return Some(start + bits.trailing_zeros() as usize);
            }
            start += Self::BYTES;
        }
    }
}

/// Where the marks are.
// Inlined, it is taken apart byte by byte.
#[inline(never)]
fn marks(bytes: &[u8; Marks::BYTES]) -> u64 {
    let bytes = u8x64::new(*bytes);
    // With one bit changed, a quote comes right behind the control characters.
    let changed = bytes ^ u8x64::splat(b'"' ^ b' ');
    let low = changed.min(u8x64::splat(b' ')).simd_eq(changed);
    (low | bytes.simd_eq(u8x64::splat(b'\\'))).to_bitmask()
}

/// The last bytes of a text.
#[cold]
pub(super) fn padded(bytes: &[u8]) -> [u8; Marks::BYTES] {
    let mut all = [b' '; Marks::BYTES];
    all.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    all
}
