//! How much work templates may do: an evaluation, and all those together that make
//! one thing (the examples of a task for a record, a row).

use std::cell::Cell;
use std::iter::Peekable;

use minijinja::{Error, ErrorKind, Value};

use crate::plan::native;

/// The unit is minijinja's: a step of a template, or some 64 bytes that it makes or
/// goes through. So this bounds the memory of an evaluation as well, by 128 MiB.
/// Records of 5 MB go through the shipped templates.
pub(super) const FUEL: u64 = 2_000_000;

/// Bytes for a unit.
const UNIT: usize = 64;

/// The longest chain of operators in an expression (`a + b + c | d.e`). The parser
/// makes a level of each, and walks them on the stack.
const LONGEST_CHAIN: usize = 1000;

thread_local! {
    /// What is left for the thing that is being made; none while nothing is.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The budget of a thing that is made of several templates, from here until it is
/// dropped. One within another shares that one's.
#[must_use]
pub struct Budget {
    outermost: bool,
}

impl Budget {
    /// Begins.
    pub fn begin() -> Self {
        let outermost = LEFT.get().is_none();
        if outermost {
            LEFT.set(Some(FUEL));
        }
        Self { outermost }
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        if self.outermost {
            LEFT.set(None);
        }
    }
}

/// Takes from the budget, where one is kept.
///
/// # Errors
/// Where too little is left.
pub(super) fn spend(fuel: u64) -> Result<(), Error> {
    let Some(left) = LEFT.get() else { return Ok(()) };
    LEFT.set(Some(left.saturating_sub(fuel)));
    if left < fuel { Err(Error::from(ErrorKind::OutOfFuel)) } else { Ok(()) }
}

/// What is left of the budget, where one is kept.
#[cfg(test)]
pub(super) fn left() -> Option<u64> {
    LEFT.get()
}

/// What it costs to make a number of bytes.
pub fn of_bytes(bytes: usize) -> u64 {
    1 + u64::try_from(bytes / UNIT).unwrap_or(u64::MAX)
}

/// What it costs to make a JSON value.
pub fn of_value(value: &Value) -> u64 {
    of_bytes(native::bytes(value))
}

/// What it costs to make a text.
pub(super) fn of_text(text: &str) -> u64 {
    of_bytes(native::VALUE_BYTES + text.len())
}

/// Refuses a template with an expression that is too long a chain.
///
/// # Errors
/// Where there is one.
pub(super) fn check_chains(source: &str) -> Result<(), Error> {
    let mut bytes = source.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'{' {
            continue;
        }
        if let Some(open) = bytes.next_if(|next| matches!(next, b'{' | b'%')) {
            let close = if open == b'{' { b'}' } else { open };
            if chain(&mut bytes, close) > LONGEST_CHAIN {
                let message = format!("an expression of more than {LONGEST_CHAIN} operators");
                return Err(Error::new(ErrorKind::SyntaxError, message));
            }
        }
    }
    Ok(())
}

/// How long the chains in an expression may be, which ends with `close` and `}`:
/// what stands between two items of a list, or two arguments, is a chain.
fn chain(bytes: &mut Peekable<impl Iterator<Item = u8>>, close: u8) -> usize {
    let (mut longest, mut length, mut braces) = (0, 0, 0_usize);
    let (mut quote, mut escaped, mut before) = (None, false, b' ');
    while let Some(byte) = bytes.next() {
        if let Some(open) = quote {
            if byte == open && !escaped {
                quote = None;
            }
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        if byte == close && braces == 0 && bytes.next_if_eq(&b'}').is_some() {
            break;
        }
        match byte {
            b'"' | b'\'' => (quote, escaped) = (Some(byte), false),
            b'{' => braces += 1,
            b'}' => braces = braces.saturating_sub(1),
            b',' => length = 0,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'~' | b'|' | b'.' | b'[' | b'(' | b'=' | b'<'
            | b'>' => length += 1,
            // `not not a`
            b'a'..=b'z' if before.is_ascii_whitespace() => length += 1,
            _ => {}
        }
        before = byte;
        longest = longest.max(length);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_within_is_spent_without() {
        assert!(spend(u64::MAX).is_ok(), "nothing is made");
        let _outer = Budget::begin();
        assert!(spend(FUEL - 10).is_ok());
        {
            let _inner = Budget::begin();
            assert!(spend(6).is_ok());
        }
        assert!(spend(5).is_err());
        assert!(spend(1).is_err());
    }

    #[test]
    fn long_chains_are_refused_and_long_lists_are_not() {
        let list = format!("{{{{ x in [{}] }}}}", "'a.b + c', 1.5, ".repeat(5000));
        assert!(check_chains(&list).is_ok());
        let prose = format!("{{ {} }} {{{{ {{'a': {{}}}} }}}} - ", "a + b. ".repeat(5000));
        assert!(check_chains(&prose).is_ok());
        for chain in ["+1", " not ", "|abs", ".a", " ~ '}}'", " + {'a': {}}"] {
            for (open, close) in [("{{", "}}"), ("{% if", "%}")] {
                let source = format!("text {open} 1{} {close}", chain.repeat(1100));
                assert!(check_chains(&source).is_err(), "{chain}");
            }
        }
    }
}
