//! One line of a text that is no YAML, and what can be told of it without
//! understanding the rest.

/// The line that reading stopped in.
pub struct Line<'t> {
    /// Its text, without the line end.
    pub text: &'t str,
    /// Its first byte in the file.
    pub start: usize,
}

impl<'t> Line<'t> {
    /// The line around a byte of the file.
    pub fn around(text: &'t str, offset: usize) -> Self {
        // At a line end it is the line before that is meant.
        let mut at = offset.min(text.len());
        if text[at..].trim_start().is_empty() {
            at = text.trim_end().len();
        }
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        Self { text: text[start..end].trim_end_matches('\r'), start }
    }

    /// The part between two bytes of the file that are on the line.
    pub fn part(&self, start: usize, end: usize) -> &'t str {
        let at = |n: usize| n.saturating_sub(self.start).min(self.text.len());
        self.text.get(at(start)..at(end)).unwrap_or_default()
    }

    /// Where the line's text stands, without the blanks around it.
    pub fn content(&self) -> (usize, usize) {
        let indent = self.text.len() - self.text.trim_start().len();
        (self.start + indent, self.start + self.text.trim_end().len().max(indent))
    }

    /// The last line above with something in it, without blanks around it, and
    /// where that starts.
    pub fn above<'a>(&self, text: &'a str) -> Option<(usize, &'a str)> {
        let mut end = self.start;
        while end > 0 {
            let start = text[..end - 1].rfind('\n').map_or(0, |i| i + 1);
            let line = text[start..end].trim();
            if !line.is_empty() && !line.starts_with('#') {
                let indent = text[start..end].len() - text[start..end].trim_start().len();
                return Some((start + indent, line));
            }
            end = start;
        }
        None
    }

    /// The columns that keys above start in, next to that of this line.
    pub fn columns_above(&self, text: &str) -> Option<String> {
        let own = self.text.len() - self.text.trim_start().len();
        let mut left: Option<(usize, String)> = None;
        let mut right: Option<(usize, String)> = None;
        let mut number = text[..self.start].matches('\n').count();
        for line in text[..self.start].lines().rev() {
            let content = line.trim_start();
            let indent = line.len() - content.len();
            if let Some((key, _)) = content.split_once(':').filter(|_| !content.starts_with('#')) {
                let told = (indent, format!("`{}` in line {number}", key.trim_start_matches("- ")));
                match indent < own {
                    true => {
                        left = Some(told);
                        break;
                    }
                    false if right.as_ref().is_none_or(|(at, _)| indent < *at) => {
                        right = Some(told)
                    }
                    false => {}
                }
            }
            number -= 1;
        }
        let column = |(at, key): (usize, String)| format!("column {} as {key}", at + 1);
        let columns: Vec<_> = [left, right].into_iter().flatten().map(column).collect();
        (!columns.is_empty()).then(|| format!("start it in {}", columns.join(", or in ")))
    }

    /// A value above that opens a quote and does not close it on its line: where,
    /// and how it would be closed.
    pub fn open_above(&self, text: &str) -> Option<(usize, String)> {
        let mut end = self.start;
        while end > 0 {
            let start = text[..end - 1].rfind('\n').map_or(0, |i| i + 1);
            let line = Line { text: text[start..end].trim_end(), start };
            if let Some(at) = line.unclosed_quote() {
                let value = line.part(at, start + line.text.len());
                return Some((at, format!("{value}{}", &value[..1])));
            }
            end = start;
        }
        None
    }

    /// Where a quote opens a value and is not closed on the line.
    fn unclosed_quote(&self) -> Option<usize> {
        let mut open: Option<(usize, u8)> = None;
        let mut begins = true;
        for (i, b) in self.text.bytes().enumerate() {
            match open {
                Some((_, quote)) if b == quote => open = None,
                Some(_) => {}
                None if begins && matches!(b, b'"' | b'\'') => open = Some((i, b)),
                None if b == b'#' && (i == 0 || self.text[..i].ends_with(' ')) => break,
                None => {}
            }
            begins = match b {
                b' ' => begins || self.text[..i].ends_with([':', '-']),
                b',' | b'[' | b'{' => true,
                _ => false,
            };
        }
        open.map(|(at, _)| self.start + at)
    }

    /// Whether a flow map or list is open at a byte.
    pub fn opens_flow_before(&self, offset: usize) -> bool {
        let before = self.part(self.start, offset);
        before.matches(['{', '[']).count() > before.matches(['}', ']']).count()
    }

    /// What stands in the line from a byte on, as far as a value may go.
    pub fn value_at(&self, offset: usize) -> &'t str {
        let rest = self.part(offset, self.start + self.text.len());
        let rest = rest.split(" #").next().unwrap_or(rest);
        let rest = match self.opens_flow_before(offset) {
            true => rest.split([',', '}', ']']).next().unwrap_or(rest),
            false => rest,
        };
        rest.trim_end()
    }

    /// The quoted value that a byte of the line is in or right behind: where it
    /// starts and, where its end can be told, what is between its outermost quotes.
    pub fn quoted_value(&self, offset: usize) -> Option<(usize, Option<&'t str>)> {
        let offset = offset.saturating_sub(self.start);
        let mut from = 0;
        loop {
            let begins = |at: &usize| {
                let before = self.text[..*at].trim_end();
                before.is_empty() || before.ends_with([':', ',', '[', '{', '-'])
            };
            let quotes = self.text[from..].match_indices(['"', '\'']).map(|(i, _)| from + i);
            let start = quotes.take_while(|at| *at < offset.max(1)).find(begins)?;
            let quote = self.text[start..].chars().next()?;
            let rest = &self.text[start + 1..];
            // It ends where the line does, or where a flow map or list goes on.
            let end = rest.match_indices(quote).map(|(i, _)| i).find(|i| {
                let next = rest[i + 1..].trim_start();
                next.is_empty() || next.starts_with([',', '}']) || next.starts_with(" #")
            });
            match end {
                Some(end) if start + 1 + end < offset => from = start + end + 2,
                end => return Some((self.start + start, end.map(|end| &rest[..end]))),
            }
        }
    }

    /// A plain value inside a flow map or list with a template in its middle.
    pub fn template_in_flow(&self) -> Option<(usize, usize)> {
        let bare: Vec<_> = self.bare().collect();
        let braces =
            |i: usize| self.text[i..].starts_with("{{") || self.text[i..].starts_with("{%");
        let (at, ..) =
            bare.iter().copied().find(|(i, b, begins)| *b == b'{' && !begins && braces(*i))?;
        if !self.opens_flow_before(self.start + at) {
            return None;
        }
        let (start, ..) =
            bare.iter().copied().rfind(|(i, b, begins)| *i < at && *begins && *b != b' ')?;
        let rest = &self.text[start..];
        let closed = rest.rfind("}}").or_else(|| rest.rfind("%}"))? + 2;
        let tail = &rest[closed..];
        let end = start + closed + tail.find([',', '}', ']', ' ']).unwrap_or(tail.len());
        Some((self.start + start, self.start + end))
    }

    /// The bytes of the line that stand outside quotes: offset, byte, and
    /// whether a value may begin there.
    fn bare(&self) -> impl Iterator<Item = (usize, u8, bool)> {
        let mut quote = None;
        let mut begins = true;
        self.text.bytes().enumerate().filter_map(move |(i, b)| {
            let opens = begins;
            match quote {
                Some(q) => {
                    if b == q {
                        quote = None;
                    }
                    return None;
                }
                None if opens && matches!(b, b'"' | b'\'') => {
                    quote = Some(b);
                    return None;
                }
                None => {}
            }
            begins = match b {
                b' ' => begins || self.text[..i].ends_with([':', '-']),
                b',' | b'[' | b'{' => true,
                _ => false,
            };
            Some((i, b, opens))
        })
    }

    /// `{{ … }}` where a value begins.
    pub fn unquoted_template(&self) -> Option<(usize, usize)> {
        let (at, ..) = self.bare().find(|(i, b, begins)| {
            *begins && *b == b'{' && self.text[i + 1..].starts_with(['{', '%'])
        })?;
        let rest = &self.text[at..];
        let in_flow =
            self.bare().take_while(|(i, ..)| *i < at).any(|(_, b, _)| b == b'{' || b == b'[');
        let length = if in_flow {
            let closed =
                rest.rfind("}}").or_else(|| rest.rfind("%}")).map_or(rest.len(), |i| i + 2);
            // In a flow map the last `}}` may be one that closes the map itself.
            let tail = &rest[closed..];
            closed + tail.find([',', '}', ']', ' ']).unwrap_or(tail.len())
        } else {
            rest.split(" #").next().unwrap_or(rest).trim_end().len()
        };
        Some((self.start + at, self.start + at + length))
    }

    /// A path with brackets inside a flow map or list.
    pub fn unquoted_path(&self, offset: usize) -> Option<(usize, usize)> {
        let in_flow = self.bare().any(|(_, b, _)| b == b'{' || b == b'[');
        if !in_flow {
            return None;
        }
        let starts =
            self.bare().filter(|(i, b, begins)| *begins && *b == b'$' && self.start + i <= offset);
        let (at, ..) = starts.last()?;
        let rest = &self.text[at..];
        let bracket = rest.find(['[', ' ', ',', '}']).filter(|i| rest[*i..].starts_with('['))?;
        let mut depth = 0usize;
        let mut end = None;
        for (i, c) in rest.char_indices().skip(bracket) {
            match c {
                '[' => depth += 1,
                ']' if depth > 0 => depth -= 1,
                ']' | ',' | '}' | ' ' if depth == 0 => {
                    end = Some(i);
                    break;
                }
                _ => {}
            }
        }
        let unclosed = || rest.find([' ', ',', '}']);
        let end = end.or_else(|| if depth > 0 { unclosed() } else { None }).unwrap_or(rest.len());
        Some((self.start + at, self.start + at + end))
    }

    /// Whether a key stands before a byte.
    pub fn has_key_before(&self, offset: usize) -> bool {
        let before = &self.text[..(offset.saturating_sub(self.start)).min(self.text.len())];
        before.contains(": ")
    }

    /// What stands after the first key.
    pub fn value(&self) -> Option<&'t str> {
        let (_, value) = self.text.split_once(": ")?;
        Some(value.trim())
    }
}
