//! Divides inline markup into tokens, in one pass.

use crate::chars::{Class, after, before, class, run};
use crate::link::Pair;
use crate::seek::Seek;
use crate::tag::{self, Span};
use crate::token::{Delimiter, Kind, Link, Role, Token};
use crate::{code, entity, image, link, url};

/// What surrounds the text and changes how it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a, 's> {
    /// Position of the text in the whole, to which the spans refer.
    pub(crate) base: usize,
    /// The pairs of tags that begin in the text, all of which are inline here.
    pub(crate) spans: &'s [Span<'a>],
    /// Whether `|` separates cells.
    pub(crate) cells: bool,
    /// Whether brackets may be links; not inside a link.
    pub(crate) links: bool,
}

/// A piece of markup: where it ends, and what it is, if it shows.
type Step<'a> = Option<(usize, Option<Token<'a>>)>;

struct Lexer<'a, 's, 't> {
    text: &'a str,
    context: Context<'a, 's>,
    tokens: &'t mut Vec<Token<'a>>,
    /// Start of the text that is not yet a token.
    pending: usize,
    /// What is shown before `pending`.
    shown: Class,
    /// Matched brackets, found when the first is met, and the next to look at.
    brackets: Option<(Vec<Pair>, usize)>,
    next_span: usize,
    mono: Seek,
    bang: Seek,
    ticks: [Seek; 3],
}

/// Appends the tokens of `text` to `tokens`.
pub(crate) fn lex<'a>(text: &'a str, context: Context<'a, '_>, tokens: &mut Vec<Token<'a>>) {
    let mut lexer = Lexer {
        text,
        context,
        tokens,
        pending: 0,
        shown: Class::Space,
        brackets: None,
        next_span: 0,
        mono: Seek::default(),
        bang: Seek::default(),
        ticks: Default::default(),
    };
    lexer.all();
}

/// The bytes at which something may begin.
const fn special(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\\' | b'&' | b'<' | b'{' | b'[' | b']' | b'!' | b'`' | b':' | b'|')
        || is_sign(byte)
}

const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'*' | b'_' | b'-' | b'+' | b'^' | b'~' | b'?')
}

const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = special(byte as u8);
        byte += 1;
    }
    table
};

impl<'a> Lexer<'a, '_, '_> {
    fn all(&mut self) {
        let text = self.text;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !SPECIAL[bytes[at] as usize] {
                at += 1;
                continue;
            }
            match self.step(at) {
                Some((end, token)) => {
                    // An address begins before the sign at which it is noticed,
                    // the parenthesis after a bracket behind it.
                    let start = match token {
                        Some(Token::Verbatim(t) | Token::Escaped(t)) => end - t.len(),
                        _ => at,
                    };
                    self.flush(start.max(self.pending));
                    if let Some(token) = token {
                        self.push(token, end);
                    }
                    (self.pending, at) = (end, end);
                }
                // Signs come in runs, which are judged as one.
                None if is_sign(bytes[at]) => at += run(bytes, at),
                None => at += 1,
            }
        }
        self.flush(text.len());
    }

    fn flush(&mut self, end: usize) {
        if end > self.pending {
            self.shown = class(before(self.text, end));
            self.tokens.push(Token::Text(&self.text[self.pending..end]));
        }
    }

    fn push(&mut self, token: Token<'a>, end: usize) {
        self.shown = match &token {
            Token::Newline | Token::Break | Token::Cell { .. } => Class::Space,
            Token::Literal(c) => class(Some(*c)),
            Token::Verbatim(_) => class(before(self.text, end)),
            _ => Class::Other,
        };
        self.tokens.push(token);
    }

    fn step(&mut self, at: usize) -> Step<'a> {
        let bytes = self.text.as_bytes();
        match bytes[at] {
            b'\n' => Some((at + 1, Some(Token::Newline))),
            b'\\' => self.backslash(at),
            b'&' => self.entity(at),
            b'<' => self.angle(at),
            b'{' => self.brace(at),
            b'[' if self.context.links => self.bracket(at),
            b']' if bytes.get(at + 1) == Some(&b'(') => {
                Some((at + 2, Some(Token::Escaped(&self.text[at + 1..at + 2]))))
            }
            b'!' => self.bang(at),
            b'`' => self.backtick(at),
            b':' => {
                let (start, end) = url::bare(self.text, self.pending, at)?;
                Some((end, Some(Token::Verbatim(&self.text[start..end]))))
            }
            b'|' if self.context.cells => {
                let header = bytes.get(at + 1) == Some(&b'|');
                Some((at + 1 + usize::from(header), Some(Token::Cell { header })))
            }
            b'[' | b']' | b'|' => None,
            _ => self.sign(at),
        }
    }

    fn backslash(&mut self, at: usize) -> Step<'a> {
        let bytes = self.text.as_bytes();
        match run(bytes, at) {
            1 => {}
            2 => return Some((at + 2, Some(Token::Break))),
            // More than two are text.
            n => return Some((at + n, Some(Token::Escaped(&self.text[at..at + n])))),
        }
        let next = bytes.get(at + 1).copied();
        match next {
            Some(sign @ (b'*' | b'_' | b'~')) => {
                Some((at + 2, Some(self.delimiter(at, at + 2, sign, 1, Kind::None))))
            }
            Some(b']') if bytes.get(at + 2) == Some(&b'(') => Some((at + 1, None)),
            Some(c) if b"-+^?{}[]()|!#".contains(&c) => {
                Some((at + 2, Some(Token::Literal(char::from(c)))))
            }
            // Markdown takes a backslash before punctuation or a line's end for an escape.
            Some(c) if !c.is_ascii_punctuation() && c != b'\n' => None,
            _ => Some((at + 1, Some(Token::Escaped(&self.text[at..at + 1])))),
        }
    }

    fn entity(&mut self, at: usize) -> Step<'a> {
        let (c, len) = entity::decode(&self.text[at..])?;
        let end = at + len;
        let token = match c {
            '*' | '_' | '~' => self.delimiter(at, end, c as u8, 1, Kind::None),
            '<' if opens_tag(self.text, end) => Token::TagOpen { escape: false },
            '`' => Token::Literal('\''),
            // Not to be taken for escapes, links or entities again: left as they are.
            '\\' | '[' | ']' => Token::Verbatim(&self.text[at..end]),
            '&' if after(self.text, end).is_some_and(|c| c.is_ascii_alphanumeric() || c == '#') => {
                Token::Verbatim(&self.text[at..end])
            }
            c => Token::Literal(c),
        };
        Some((end, Some(token)))
    }

    fn angle(&mut self, at: usize) -> Step<'a> {
        let rest = &self.text[at + 1..];
        if !opens_tag(self.text, at + 1) {
            return None;
        }
        // `<http://…>` and `<a@b.c>` show the same in both.
        let end = rest.find(|c: char| c.is_whitespace() || c == '<' || c == '>');
        if let Some(end) = end.filter(|&end| rest[end..].starts_with('>')) {
            let inner = &rest[..end];
            let mail = inner.split_once('@').is_some_and(|(user, host)| {
                let valid =
                    |s: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
                !user.is_empty() && !host.is_empty() && valid(user) && valid(host)
            });
            if url::is_absolute(inner) || mail {
                let end = at + 1 + end + 1;
                return Some((end, Some(Token::Verbatim(&self.text[at..end]))));
            }
        }
        Some((at + 1, Some(Token::TagOpen { escape: false })))
    }

    fn brace(&mut self, at: usize) -> Step<'a> {
        let text = self.text;
        let bytes = text.as_bytes();
        if let Some(code) = self.raw(at) {
            return Some(code);
        }
        if self.context.cells
            && let Some(tag) = tag::tag_at(text, at).filter(|t| !t.kind.is_raw())
        {
            return Some((tag.end, None));
        }
        if text[at..].starts_with("{{") {
            let double = |b: &[u8], i: usize| b[i..].starts_with(b"}}");
            let close = self.mono.next(bytes, at + 2, double)?;
            let braces = run(bytes, close);
            let content = text[at + 2..close + braces - 2].trim();
            let content = strip_braces(content);
            if content.is_empty() {
                return None;
            }
            return Some((close + braces, Some(Token::Mono(content))));
        }
        if let Some(end) = invisible(text, at) {
            return Some((end, None));
        }
        let (sign, kind, len) = match bytes.get(at + 1)? {
            b'?' if text[at + 1..].starts_with("??}") => (b'?', Kind::Cite, 4),
            &sign if bytes.get(at + 2) == Some(&b'}') => (sign, kind(sign, 1), 3),
            _ => return None,
        };
        if kind == Kind::None || !is_sign(sign) {
            return None;
        }
        let Token::Delimiter(d) = self.delimiter(at, at + len, sign, 1, kind) else { return None };
        let token = Delimiter { forced: true, opens: true, closes: true, ..d };
        Some((at + len, Some(Token::Delimiter(token))))
    }

    /// The code block that begins at `at`.
    fn raw(&mut self, at: usize) -> Step<'a> {
        let Context { base, spans, .. } = self.context;
        while spans.get(self.next_span).is_some_and(|s| s.start < base + at) {
            self.next_span += 1;
        }
        let span = spans.get(self.next_span)?;
        if span.start != base + at || !span.kind.is_raw() {
            return None;
        }
        // Where no fence can be written, its language is text.
        let language = if span.kind == tag::Kind::Fence { span.params.len() } else { 0 };
        let body = &self.text[span.body.0 - base - language..span.body.1 - base];
        Some((span.end - base, Some(Token::Code(code::body(body)))))
    }

    fn bracket(&mut self, at: usize) -> Step<'a> {
        let text = self.text;
        let (pairs, next) = self.brackets.get_or_insert_with(|| (link::pairs(text), 0));
        while pairs.get(*next).is_some_and(|p| p.open < at) {
            *next += 1;
        }
        let close = pairs.get(*next).filter(|p| p.open == at)?.close;
        if let Some(len) = link::markdown(&text[at..], close - at) {
            return Some((at + len, Some(Token::Verbatim(&text[at..at + len]))));
        }
        let found = link::parse(&text[at + 1..close])?;
        // The same address twice is one address.
        let found = match found {
            Link::Url { text, url, title } if text == url => Link::Url { text: "", url, title },
            found => found,
        };
        Some((close + 1, Some(Token::Link(found))))
    }

    fn bang(&mut self, at: usize) -> Step<'a> {
        let text = self.text;
        if image::is_markdown(text, at)
            && self.context.links
            && let Some((end, Some(Token::Verbatim(_)))) = self.bracket(at + 1)
        {
            return Some((end, Some(Token::Verbatim(&text[at..end]))));
        }
        if text[at + 1..].starts_with(['!', '=', ' ', '(']) {
            return None;
        }
        let close = self.bang.next(text.as_bytes(), at + 1, |b, i| b[i] == b'!')?;
        Some((close + 1, Some(image::parse(text, at, close)?)))
    }

    fn backtick(&mut self, at: usize) -> Step<'a> {
        if let Some(code) = self.raw(at) {
            return Some(code);
        }
        let bytes = self.text.as_bytes();
        let len = run(bytes, at);
        let exact = move |b: &[u8], i: usize| {
            b[i] == b'`' && b[i - 1] != b'`' && run(&b[..b.len().min(i + len + 1)], i) == len
        };
        let close = match self.ticks.get_mut(len - 1) {
            Some(seek) => seek.next(bytes, at + len, exact),
            None => None,
        };
        Some(match close {
            Some(close) => (close + len, Some(Token::Verbatim(&self.text[at..close + len]))),
            None => (at + len, Some(Token::Ticks(len))),
        })
    }

    fn sign(&mut self, at: usize) -> Step<'a> {
        let bytes = self.text.as_bytes();
        let (sign, len) = (bytes[at], run(bytes, at));
        let end = at + len;
        let spaced = at > 0 && bytes[at - 1] == b' ' && bytes.get(end) == Some(&b' ');
        if sign == b'-' && is_smiley(self.text, at) {
            return None;
        }
        if sign == b'-' && spaced && (len == 2 || len == 3) {
            let dash = if len == 2 { '–' } else { '—' };
            return Some((end, Some(Token::Literal(dash))));
        }
        // `(*)` and its like are icons, or the arguments of a query.
        let icon = self.text[..at].ends_with('(') && self.text[end..].starts_with(')');
        let kind = if icon { Kind::None } else { kind(sign, len) };
        let token = self.delimiter(at, end, sign, len, kind);
        let Token::Delimiter(d) = &token else { return None };
        let jira = d.kind != Kind::None && (d.opens || d.closes);
        (jira || d.markdown_opens() || d.markdown_closes()).then_some((end, Some(token)))
    }

    /// The delimiter written at `at..end`.
    fn delimiter(&self, at: usize, end: usize, sign: u8, run: usize, kind: Kind) -> Token<'a> {
        let (previous, next) = (before(self.text, at), after(self.text, end));
        let shown_before = if at > self.pending { class(previous) } else { self.shown };
        Token::Delimiter(Delimiter {
            sign,
            run,
            kind,
            forced: false,
            opens: class(previous) != Class::Word && !matches!(next, None | Some(' ' | '\n')),
            closes: !matches!(previous, None | Some(' ' | '\n')) && class(next) != Class::Word,
            before: shown_before,
            after: class(after(self.text, shown(self.text, end))),
            role: Role::Literal,
        })
    }
}

/// Whether the `-` at `at` is the nose of `:-)` or a like.
fn is_smiley(text: &str, at: usize) -> bool {
    text[..at].ends_with([':', ';'])
        && text[at + 1..].starts_with([')', '(', 'D', 'P', 'p', '/', '|'])
}

/// Whether a `<` before `at` could begin an HTML tag, comment or instruction.
fn opens_tag(text: &str, at: usize) -> bool {
    text[shown(text, at)..]
        .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
}

/// What a run of a sign may be to Jira, or to people who paste Markdown.
fn kind(sign: u8, run: usize) -> Kind {
    match (sign, run) {
        (b'*', 1 | 2) => Kind::Strong,
        (b'_', 1) => Kind::Emphasis,
        (b'-', 1) => Kind::Deleted,
        (b'+', 1) => Kind::Inserted,
        (b'^', 1) => Kind::Super,
        (b'~', 1) => Kind::Sub,
        (b'~', 2) => Kind::MarkdownDeleted,
        (b'?', 2) => Kind::Cite,
        _ => Kind::None,
    }
}

/// The end of a tag that shows nothing, if one is at `at`: `{color}`,
/// `{color:…}`, `{anchor:…}`.
pub(crate) fn invisible(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].strip_prefix('{')?;
    if rest.starts_with("color}") {
        return Some(at + "{color}".len());
    }
    let param = rest.strip_prefix("color:").or_else(|| rest.strip_prefix("anchor:"))?;
    let len = param.find(['{', '}', '\n']).filter(|&i| i > 0 && param.as_bytes()[i] == b'}')?;
    Some(text.len() - param.len() + len + 1)
}

/// The position of what is shown next at or after `at`.
fn shown(text: &str, mut at: usize) -> usize {
    while let Some(end) = invisible(text, at) {
        at = end;
    }
    at
}

/// Removes the empty braces that editors put around monospaced text so that its
/// own braces do not confuse Jira: `{{{}Foo{}}}`.
fn strip_braces(mut content: &str) -> &str {
    while let Some(inner) = content.strip_prefix("{}") {
        content = inner;
    }
    while let Some(inner) = content.strip_suffix("{}") {
        content = inner;
    }
    content.trim()
}
