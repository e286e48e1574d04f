//! Chance that depends on nothing but its inputs.

use fastrand::Rng;

/// Mixes two numbers into one with no visible relation to either (SplitMix64's finaliser).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut x =
        a.wrapping_add(b.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// FNV-1a of some bytes.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// A hash as a number in 0..1.
pub(crate) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// What synthetic data needs of a random generator.
pub(crate) trait Dice {
    /// True with that probability.
    fn chance(&mut self, p: f64) -> bool;
    /// One of a list that is not empty.
    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T;
    /// A whole number of at least 0 that is mostly small and sometimes large
    /// (Pareto with exponent `tail`), cut at `max`.
    fn heavy(&mut self, scale: f64, tail: f64, max: u64) -> u64;
}

impl Dice for Rng {
    fn chance(&mut self, p: f64) -> bool {
        self.f64() < p
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.usize(..list.len())]
    }

    fn heavy(&mut self, scale: f64, tail: f64, max: u64) -> u64 {
        let u = 1.0 - self.f64();
        let value = scale * (u.powf(-1.0 / tail) - 1.0);
        (value as u64).min(max)
    }
}
