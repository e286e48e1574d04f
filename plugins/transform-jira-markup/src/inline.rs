//! Writes inline markup as Markdown.

use crate::count::Count;
use crate::emphasis;
use crate::lex::{self, Context, lex};
use crate::options::{Mentions, Options};
use crate::token::{Form, Kind, Link, Role, Token};
use crate::{code, escape, url};
use std::borrow::Cow;

/// Where the text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a paragraph or a list item, where lines may be mistaken for blocks.
    Paragraph,
    /// On one line: a heading, the text of a link.
    Line,
    /// In a cell of a table.
    Cell,
}

/// Writes tokens as Markdown.
pub(crate) struct Inline<'o> {
    options: &'o Options,
    count: Count,
}

/// Text under construction.
struct Draft<'a> {
    out: String,
    place: Place,
    /// The source, for what depends on the whole of it.
    source: &'a str,
    /// Where the source begins in the whole text.
    base: usize,
    count: &'a Count,
    /// Start of the current line.
    line: usize,
    /// End of the line before it, if there is one.
    previous: Option<usize>,
    /// White space is dropped after an explicit break.
    trim: bool,
    /// What had to be found out about the source, once.
    backticks: Option<usize>,
}

impl<'o> Inline<'o> {
    /// For pieces of `text`.
    pub(crate) fn new(text: &str, options: &'o Options) -> Self {
        Self { options, count: Count::new(text) }
    }

    /// Converts a piece of text without cells.
    pub(crate) fn text(&self, source: &str, context: Context<'_, '_>, place: Place) -> String {
        let mut tokens = Vec::new();
        lex(source, context, &mut tokens);
        emphasis::resolve(&mut tokens);
        escape_tags(&mut tokens);
        self.tokens(&tokens, source, place, context.base)
    }

    /// Converts the cells of a row: whether each is a header, and its content.
    pub(crate) fn cells(&self, source: &str, context: Context<'_, '_>) -> Vec<(bool, String)> {
        let mut tokens = Vec::new();
        lex(source, context, &mut tokens);
        emphasis::resolve(&mut tokens);
        escape_tags(&mut tokens);
        let mut cells = Vec::new();
        let mut start = 0;
        let mut header = false;
        for (i, token) in tokens.iter().enumerate() {
            if let Token::Cell { header: next } = token {
                // Nothing stands before the first separator.
                if start > 0 {
                    cells.push((header, self.tokens(&tokens[start..i], source, Place::Cell, 0)));
                }
                (start, header) = (i + 1, *next);
            }
        }
        let last = self.tokens(&tokens[start..], source, Place::Cell, 0);
        if !last.trim().is_empty() {
            cells.push((header, last));
        }
        cells
    }

    fn tokens(&self, tokens: &[Token<'_>], source: &str, place: Place, base: usize) -> String {
        let mut draft = Draft::new(source, place, base, &self.count);
        for (i, token) in tokens.iter().enumerate() {
            match token {
                Token::Text(text) => draft.push(text),
                Token::Verbatim(text) => draft.out.push_str(text),
                Token::Literal(c) => draft.out.push(*c),
                Token::Escaped(text) => {
                    text.chars().for_each(|c| draft.out.extend(['\\', c]));
                }
                Token::Ticks(n) => draft.ticks(*n),
                Token::TagOpen { escape } => draft.tag_open(*escape),
                Token::Mono(content) => {
                    let content = mono(content);
                    code::push_span(&mut draft.out, &content);
                }
                Token::Code(body) => draft.code(body),
                Token::Link(link) => {
                    self.link(&mut draft, link);
                    // A name must not run into the word after it.
                    let next = tokens.get(i + 1);
                    let word = matches!(next, Some(Token::Text(t)) if t.starts_with(char::is_alphanumeric));
                    if word && matches!(link, Link::Mention(_)) {
                        draft.out.push(' ');
                    }
                }
                Token::Image { file, alt } => {
                    draft.out.push_str("![");
                    escape::push_plain(&mut draft.out, alt);
                    draft.out.push_str("](");
                    self.destination(&mut draft.out, file);
                    draft.out.push(')');
                }
                Token::Delimiter(d) => match d.role {
                    Role::Literal if d.forced => draft.out.extend(['{', char::from(d.sign), '}']),
                    Role::Escaped if d.forced => {
                        draft.out.extend(['{', '\\', char::from(d.sign), '}'])
                    }
                    Role::Literal => (0..d.run).for_each(|_| draft.out.push(char::from(d.sign))),
                    Role::Escaped => {
                        (0..d.run).for_each(|_| draft.out.extend(['\\', char::from(d.sign)]));
                    }
                    Role::Open(form) => draft.out.push_str(mark(d.kind, form).0),
                    Role::Close(form) => draft.out.push_str(mark(d.kind, form).1),
                },
                Token::Break if matches!(tokens.get(i + 1), Some(Token::Newline)) => {}
                Token::Break => {
                    draft.newline(self.options.line_breaks.as_str());
                    draft.trim = true;
                }
                Token::Newline => draft.newline(self.options.line_breaks.as_str()),
                Token::Cell { .. } => {}
            }
        }
        draft.finish()
    }

    fn link(&self, draft: &mut Draft<'_>, link: &Link<'_>) {
        match *link {
            Link::Mention(name) => {
                if self.options.mentions == Mentions::At {
                    draft.out.push('@');
                }
                escape::push_plain(&mut draft.out, name);
            }
            Link::File { text, name } => {
                self.link_text(draft, if text.is_empty() { name } else { text }, text.is_empty());
                draft.out.push('(');
                self.destination(&mut draft.out, name);
                draft.out.push(')');
            }
            Link::Url { text: "", url, title: "" }
                if url::is_absolute(url) && !url.contains(['<', '>']) =>
            {
                draft.out.extend(["<", url, ">"]);
            }
            Link::Url { text, url, title } => {
                self.link_text(draft, if text.is_empty() { url } else { text }, text.is_empty());
                draft.out.push('(');
                url::push_destination(&mut draft.out, url);
                if !title.is_empty() {
                    draft.out.push_str(" \"");
                    draft.out.push_str(&title.replace('"', "\\\""));
                    draft.out.push('"');
                }
                draft.out.push(')');
            }
        }
    }

    fn link_text(&self, draft: &mut Draft<'_>, text: &str, plain: bool) {
        draft.out.push('[');
        if plain {
            escape::push_plain(&mut draft.out, text);
        } else {
            let context = Context { base: 0, spans: &[], cells: false, links: false };
            let text = self.text(text, context, Place::Line);
            draft.out.push_str(&escape::brackets(&text));
        }
        draft.out.push(']');
    }

    fn destination(&self, out: &mut String, file: &str) {
        match &self.options.attachment_base {
            Some(base) if !url::is_absolute(file) => {
                url::push_destination(out, &format!("{base}{file}"));
            }
            _ => url::push_destination(out, file),
        }
    }
}

/// The marks around a kind of emphasis.
fn mark(kind: Kind, form: Form) -> (&'static str, &'static str) {
    match (kind, form) {
        (_, Form::Hidden) | (Kind::None, _) => ("", ""),
        (Kind::Strong, Form::Markdown) => ("**", "**"),
        (Kind::Emphasis, Form::Markdown) => ("*", "*"),
        (Kind::Deleted | Kind::MarkdownDeleted, Form::Markdown) => ("~~", "~~"),
        (Kind::Strong, Form::Html) => ("<strong>", "</strong>"),
        (Kind::Emphasis, Form::Html) => ("<em>", "</em>"),
        (Kind::Deleted | Kind::MarkdownDeleted, Form::Html) => ("<del>", "</del>"),
        (Kind::Inserted, _) => ("<ins>", "</ins>"),
        (Kind::Super, _) => ("<sup>", "</sup>"),
        (Kind::Sub, _) => ("<sub>", "</sub>"),
        (Kind::Cite, _) => ("<cite>", "</cite>"),
    }
}

/// The text of `{{…}}`: escapes and entities resolved, colours gone; other
/// markup stays as the signs that people meant, since it is code.
fn mono(content: &str) -> Cow<'_, str> {
    if !content.contains(['\\', '{', '&']) {
        return content.into();
    }
    let mut out = String::with_capacity(content.len());
    let mut at = 0;
    while let Some(c) = content[at..].chars().next() {
        let rest = &content[at..];
        if let Some(end) = lex::invisible(content, at) {
            at = end;
        } else if let Some((c, len)) = crate::entity::decode(rest) {
            out.push(c);
            at += len;
        } else {
            let escaped = rest.strip_prefix('\\').and_then(|r| r.chars().next());
            let c =
                escaped.filter(|&c| "*_-+^~?{}[]|!#".contains(c)).inspect(|_| at += 1).unwrap_or(c);
            out.push(c);
            at += c.len_utf8();
        }
    }
    out.into()
}

/// Decides which `<` need an escape: those that a `>` follows in the same text.
fn escape_tags(tokens: &mut [Token<'_>]) {
    let mut closes = false;
    for token in tokens.iter_mut().rev() {
        match token {
            Token::Cell { .. } => closes = false,
            Token::Text(text) | Token::Verbatim(text) => closes = closes || text.contains('>'),
            // All of these may be written with HTML or angle brackets.
            Token::Literal('>')
            | Token::Delimiter(_)
            | Token::Link(_)
            | Token::Code(_)
            | Token::Newline => {
                closes = true;
            }
            Token::TagOpen { escape } => *escape = closes,
            _ => {}
        }
    }
}

impl<'a> Draft<'a> {
    fn new(source: &'a str, place: Place, base: usize, count: &'a Count) -> Self {
        Self {
            // The source of a cell is the whole row.
            out: String::with_capacity(if place == Place::Cell { 0 } else { source.len() + 16 }),
            place,
            source,
            base,
            count,
            line: 0,
            previous: None,
            trim: false,
            backticks: None,
        }
    }

    fn push(&mut self, text: &str) {
        let text = if std::mem::take(&mut self.trim) { text.trim_start() } else { text };
        self.out.push_str(text);
    }

    /// Backticks without a partner; the only run of a text has none in Markdown
    /// either.
    fn ticks(&mut self, n: usize) {
        let source = self.source;
        let alone = self.place != Place::Cell
            && n == *self.backticks.get_or_insert_with(|| {
                let code = source.contains("{{") || source.contains("{code");
                source.matches('`').count() + usize::from(code)
            });
        (0..n).for_each(|_| self.out.push_str(if alone { "`" } else { "\\`" }));
    }

    fn tag_open(&mut self, escape: bool) {
        let starts =
            self.place == Place::Paragraph && self.out[self.line..].trim_start().is_empty();
        self.out.push_str(if escape || starts { "\\<" } else { "<" });
    }

    /// Code inside a line; of several lines, one span for each.
    fn code(&mut self, body: &str) {
        for (i, line) in body.split('\n').enumerate() {
            if i > 0 {
                self.out.push_str("<br>");
            }
            if !line.is_empty() {
                code::push_span(&mut self.out, line);
            }
        }
    }

    fn newline(&mut self, break_with: &str) {
        match self.place {
            Place::Line => self.out.push(' '),
            Place::Cell => self.out.push_str("<br>"),
            Place::Paragraph => {
                if self.end_line() {
                    self.previous = Some(self.out.len());
                    self.out.push_str(break_with);
                    self.line = self.out.len();
                }
            }
        }
    }

    /// Ends the current line; says whether it shows anything.
    fn end_line(&mut self) -> bool {
        let kept = self.out.trim_end_matches([' ', '\t']).len().max(self.line);
        self.out.truncate(kept);
        if self.out.len() == self.line {
            return false;
        }
        if self.previous.is_none() {
            // Four spaces before a paragraph would make it code.
            let text = self.out.trim_start_matches([' ', '\t']).len();
            self.out.drain(..self.out.len() - text);
        }
        let keep = |n| self.count.next(n, self.base);
        escape::line_start(&mut self.out, self.line, self.previous.is_some(), keep);
        true
    }

    fn finish(mut self) -> String {
        if self.place == Place::Paragraph && !self.end_line() {
            // The break before an empty last line goes with it.
            self.out.truncate(self.previous.unwrap_or(0));
        }
        self.out
    }
}
