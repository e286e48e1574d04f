//! A JSON text gone through token by token: no tree, no recursion, no copy.

use std::borrow::Cow;
use std::ops::Range;

use super::marks::Marks;
use super::nesting::Nesting;
use super::outline;

/// The deepest nesting that [`Scanner::new`] follows: what a hostile server sends is
/// not to cost more than its bytes do.
pub const DEEPEST: usize = 10_000;

/// Why a text cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanError {
    /// It ends too early.
    Cut,
    /// It is no JSON at this byte.
    NotJson(usize),
    /// It is nested deeper than [`DEEPEST`] at this byte.
    TooDeep(usize),
    /// More values are selected than the caller takes.
    TooMany,
}

/// Goes through a text.
#[derive(Debug)]
pub struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    mode: Mode,
    /// The deepest nesting that it follows where it skips an object or a list.
    deepest: usize,
    spaced: bool,
    marks: Marks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Brackets and strings, whatever stands between them.
    Outline,
    /// Nothing but JSON.
    Strict,
}

/// Whether a text is JSON and nothing else, as [`Scanner::strict`] takes it.
pub fn is_json(text: &[u8]) -> bool {
    let mut scanner = Scanner::strict(text);
    scanner.value().and_then(|_| scanner.end()).is_ok()
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub struct Key<'t> {
    /// As it stands in the text, without its quotes.
    pub(super) raw: &'t [u8],
    pub(super) escaped: bool,
}

impl<'t> Key<'t> {
    /// Whether it is this name.
    #[inline]
    pub fn is(&self, name: &str) -> bool {
        self.raw == name.as_bytes() || (self.escaped && self.name() == name)
    }

    /// The name that it is.
    pub fn name(&self) -> Cow<'t, str> {
        let unescaped =
            self.escaped.then(|| serde_json::from_slice(&[b"\"", self.raw, b"\""].concat()));
        match unescaped {
            Some(Ok(name)) => Cow::Owned(name),
            // Of what is no text (half a surrogate pair) the letters are taken as they are.
            _ => String::from_utf8_lossy(self.raw),
        }
    }
}

impl<'t> Scanner<'t> {
    /// Finds where values begin and end. What stands between brackets and strings is
    /// not looked at: a value that is no JSON hides none of those beside it.
    pub fn new(text: &'t [u8]) -> Self {
        let (mode, deepest) = (Mode::Outline, DEEPEST);
        Self { text, at: 0, mode, deepest, spaced: false, marks: Marks::default() }
    }

    /// Takes nothing but JSON (RFC 8259), as `serde_json` does where it ignores values;
    /// of any depth. That the text is UTF-8 is for the caller to know.
    pub fn strict(text: &'t [u8]) -> Self {
        Self { mode: Mode::Strict, deepest: usize::MAX, ..Self::new(text) }
    }

    /// Goes on from here, over an object or a list, taking nothing but JSON; `None`, and
    /// nothing is skipped, where there is something else, or where it is nested so deep
    /// that it might be too deep for the text as a whole.
    pub fn strictly<T>(&mut self, go: impl FnOnce(&mut Self) -> Result<T, ScanError>) -> Option<T> {
        let (at, mode, deepest) = (self.at, self.mode, self.deepest);
        (self.mode, self.deepest) = (Mode::Strict, DEEPEST / 2);
        let done = go(self).ok();
        (self.mode, self.deepest) = (mode, deepest);
        if done.is_none() {
            self.at = at;
        }
        done
    }

    /// How many bytes have been gone through.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether there was space between the tokens so far.
    pub fn spaced(&self) -> bool {
        self.spaced
    }

    /// Whether nothing but JSON is taken.
    pub fn is_strict(&self) -> bool {
        self.mode != Mode::Outline
    }

    /// Nothing but space is left.
    ///
    /// # Errors
    /// When there is more.
    pub fn end(&mut self) -> Result<(), ScanError> {
        self.space();
        if self.at < self.text.len() { Err(ScanError::NotJson(self.at)) } else { Ok(()) }
    }

    /// Goes to the next byte that is no space.
    ///
    /// # Errors
    /// When there is none.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, ScanError> {
        match self.text.get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => {
                self.space();
                self.text.get(self.at).copied().ok_or(ScanError::Cut)
            }
        }
    }

    /// Skips space.
    #[cold]
    pub fn space(&mut self) {
        let start = self.at;
        // All but the form feed are space of JSON.
        let is_space = match self.mode {
            Mode::Outline => u8::is_ascii_whitespace,
            Mode::Strict => |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r'),
        };
        while self.text.get(self.at).is_some_and(is_space) {
            self.at += 1;
        }
        self.spaced |= self.at > start;
    }

    /// Goes into the object or list that begins here; whether there is something in it.
    /// Then [`Scanner::another`] follows each value.
    ///
    /// # Errors
    /// When the text ends.
    pub fn open(&mut self, close: u8) -> Result<bool, ScanError> {
        self.at += 1;
        let empty = self.peek()? == close;
        self.at += usize::from(empty);
        Ok(!empty)
    }

    /// After a value: false behind the closing bracket, true behind a comma.
    ///
    /// # Errors
    /// When there is neither.
    #[inline(always)]
    pub fn another(&mut self, close: u8) -> Result<bool, ScanError> {
        if self.text.get(self.at) == Some(&b',') {
            self.at += 1;
            return Ok(true);
        }
        let byte = self.peek()?;
        if byte != close && byte != b',' {
            return Err(ScanError::NotJson(self.at));
        }
        self.at += 1;
        Ok(byte != close)
    }

    /// Calls `each` behind each key of the object that begins here, to skip its value.
    ///
    /// # Errors
    /// When the text cannot be followed.
    pub fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, Key<'t>) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        let mut more = self.open(b'}')?;
        while more {
            let key = self.key()?;
            each(self, key)?;
            more = self.another(b'}')?;
        }
        Ok(())
    }

    /// Calls `each` before each item of the list that begins here, to skip it.
    ///
    /// # Errors
    /// When the text cannot be followed.
    pub fn items(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        let mut more = self.open(b']')?;
        let mut index = 0;
        while more {
            each(self, index)?;
            index += 1;
            more = self.another(b']')?;
        }
        Ok(())
    }

    /// Skips a key and its colon.
    ///
    /// # Errors
    /// When there is none.
    #[inline(always)]
    pub fn key(&mut self) -> Result<Key<'t>, ScanError> {
        let start = self.at + 1;
        if self.text.get(self.at) == Some(&b'"') {
            let end = self.mark(start)?;
            if let Some(b"\":") = self.text[end..].first_chunk() {
                self.at = end + 2;
                return Ok(Key { raw: &self.text[start..end], escaped: false });
            }
        }
        self.any_key()
    }

    #[inline(never)]
    fn any_key(&mut self) -> Result<Key<'t>, ScanError> {
        if self.peek()? != b'"' {
            return Err(ScanError::NotJson(self.at));
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        let raw = &self.text[start..self.at - 1];
        if self.peek()? != b':' {
            return Err(ScanError::NotJson(self.at));
        }
        self.at += 1;
        Ok(Key { raw, escaped })
    }

    /// Skips a value and says where it was.
    ///
    /// # Errors
    /// When it cannot be followed.
    pub fn value(&mut self) -> Result<Range<usize>, ScanError> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(start..self.at)
    }

    /// Skips a value.
    ///
    /// # Errors
    /// When it cannot be followed.
    #[inline(always)]
    pub fn skip(&mut self) -> Result<(), ScanError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.first() == Some(&b'"') {
            return self.string().map(drop);
        }
        if let Some(b"null," | b"null}") = rest.first_chunk() {
            self.at += 4;
            return Ok(());
        }
        self.any_value()
    }

    #[inline(never)]
    fn any_value(&mut self) -> Result<(), ScanError> {
        match (self.peek()?, self.mode) {
            (b'"', _) => self.string().map(drop),
            (b'{' | b'[', Mode::Outline) => self.brackets(),
            (_, Mode::Outline) => self.outline(),
            (b'{' | b'[', Mode::Strict) => self.tokens(),
            (_, Mode::Strict) => self.scalar(),
        }
    }

    /// Skips what stands here up to the next bracket, quote, colon or comma.
    fn outline(&mut self) -> Result<(), ScanError> {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .position(|b| matches!(b, b',' | b'}' | b']' | b':' | b'"' | b'{' | b'['))
            .unwrap_or(rest.len());
        let length = rest[..length].trim_ascii_end().len();
        if length == 0 {
            return Err(ScanError::NotJson(self.at));
        }
        self.at += length;
        Ok(())
    }

    /// Skips an object or a list, by its brackets and strings alone.
    fn brackets(&mut self) -> Result<(), ScanError> {
        let skipped = outline::skip(self.text, self.at)?;
        (self.at, self.marks) = (skipped.end, skipped.marks);
        self.spaced |= skipped.spaced;
        Ok(())
    }

    /// Skips an object or a list of which every token is in its place.
    fn tokens(&mut self) -> Result<(), ScanError> {
        let mut open = Nesting::default();
        loop {
            // Before a value.
            let byte = self.peek()?;
            let object = byte == b'{';
            if object || byte == b'[' {
                if self.open(if object { b'}' } else { b']' })? {
                    open.push(object);
                    if open.depth() > self.deepest {
                        return Err(ScanError::TooDeep(self.at));
                    }
                    if object {
                        self.key()?;
                    }
                    continue;
                }
            } else if byte == b'"' {
                self.string()?;
            } else {
                self.scalar()?;
            }
            // After it.
            loop {
                let Some(object) = open.top() else { return Ok(()) };
                if self.another(if object { b'}' } else { b']' })? {
                    if object {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// Skips a number, `true`, `false` or `null`.
    #[inline(always)]
    fn scalar(&mut self) -> Result<(), ScanError> {
        match self.text[self.at..].first_chunk() {
            Some(b"null") => self.at += 4,
            _ => self.any_scalar()?,
        }
        Ok(())
    }

    #[inline(never)]
    fn any_scalar(&mut self) -> Result<(), ScanError> {
        let rest = &self.text[self.at..];
        self.at += match rest.first_chunk() {
            Some(b"true") => 4,
            Some(b"fals") if rest.get(4) == Some(&b'e') => 5,
            _ => number(rest).ok_or(ScanError::NotJson(self.at))?,
        };
        Ok(())
    }

    /// Skips a string; whether it has an escape in it.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, ScanError> {
        let mark = self.mark(self.at + 1)?;
        if self.text[mark] == b'"' {
            self.at = mark + 1;
            return Ok(false);
        }
        self.escaped_string(mark)
    }

    /// Skips a string whose first mark is not its end.
    #[inline(never)]
    fn escaped_string(&mut self, mut mark: usize) -> Result<bool, ScanError> {
        let mut escaped = false;
        loop {
            let next = match (self.text[mark], self.mode) {
                (b'"', _) => break,
                (b'\\', mode) => {
                    escaped = true;
                    mark + match mode {
                        Mode::Outline => 2,
                        Mode::Strict => {
                            escape(&self.text[mark..]).ok_or(ScanError::NotJson(mark))?
                        }
                    }
                }
                // A control character.
                (_, Mode::Outline) => mark + 1,
                (_, Mode::Strict) => return Err(ScanError::NotJson(mark)),
            };
            mark = self.mark(next)?;
        }
        self.at = mark + 1;
        Ok(escaped)
    }

    /// The first mark from a place on.
    #[inline(always)]
    fn mark(&mut self, from: usize) -> Result<usize, ScanError> {
        // Most strings are short and end in the bytes that were looked at last.
        match self.marks.known(from) {
            Some(mark) => Ok(mark),
            None => self.marks.search(self.text, from).ok_or(ScanError::Cut),
        }
    }
}

/// How long the escape is that a text begins with, if it is one.
fn escape(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// How long the number is that a text begins with, if it is one.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = usize::from(text.first() == Some(&b'-'));
    let mut at = match text.get(whole)? {
        b'0' => whole + 1,
        b'1'..=b'9' => whole + digits(whole),
        _ => return None,
    };
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
