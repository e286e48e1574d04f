//! Divides the text into blocks and writes them.

use std::cell::Cell;

use crate::chars::{indent, is_blank};
use crate::inline::{Inline, Place};
use crate::lex::Context;
use crate::list::{self, Levels, Marker};
use crate::options::Options;
use crate::table::{self, find_line_end};
use crate::tag::{self, Kind, Span};
use crate::verbatim::Finder;
use crate::writer::Writer;
use crate::{code, escape};

/// Converts a text with line feeds only.
pub(crate) fn convert(text: &str, options: &Options) -> String {
    let mut blocks = Blocks {
        text,
        spans: tag::spans(text),
        line: Cell::default(),
        inline: Inline::new(text, options),
        verbatim: Finder::default(),
        out: Writer::with_capacity(text.len() + text.len() / 8 + 32),
    };
    blocks.all(0, text.len());
    blocks.out.finish()
}

/// The text and how far it has been read.
struct Blocks<'a, 'o> {
    text: &'a str,
    spans: Vec<Span<'a>>,
    /// A position and the end of its line.
    line: Cell<(usize, usize)>,
    inline: Inline<'o>,
    verbatim: Finder,
    out: Writer,
}

/// What may begin at the start of a line and is no paragraph.
enum Structure {
    Heading { level: usize, content: usize },
    Quote { content: usize },
    Rule,
    List,
    Row,
    Verbatim { end: usize, language: &'static str },
}

impl<'a> Blocks<'a, '_> {
    /// Converts `start..end`: the whole text, or the body of a quote or panel.
    fn all(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let line_end = self.line_end(at, end);
            let content = at + indent(&self.text[at..line_end]);
            if content == line_end {
                at = line_end + 1;
                continue;
            }
            if let Some(span) = self.block_span(content, content, content + 1, end) {
                at = self.span(span, false);
                continue;
            }
            let line_start = at == start || self.text.as_bytes()[at - 1] == b'\n';
            let structure = if line_start { self.structure(at, end) } else { None };
            at = match structure {
                Some(structure) => self.write(structure, at, end),
                None => {
                    let stop = self.text_end(content, end, false);
                    self.paragraph(content, stop, true);
                    stop
                }
            };
        }
    }

    /// The position of the line feed that ends the line at `at`, or `end`.
    /// Remembered, since one line may hold thousands of blocks.
    fn line_end(&self, at: usize, end: usize) -> usize {
        let (from, mut until) = self.line.get();
        if from == until || !(from..=until).contains(&at) {
            until = find_line_end(self.text, at, self.text.len());
            self.line.set((at, until));
        }
        until.min(end)
    }

    /// The spans that begin at or after `start`.
    fn spans_from(&self, start: usize) -> &[Span<'a>] {
        &self.spans[self.spans.partition_point(|s| s.start < start)..]
    }

    /// The spans that begin in `start..end`.
    fn spans_in(&self, start: usize, end: usize) -> &[Span<'a>] {
        let spans = self.spans_from(start);
        &spans[..spans.partition_point(|s| s.start < end)]
    }

    /// The first span in `start..stop` that is a block of its own. Code on one
    /// line with other text, which begins at `text_start`, is not.
    fn block_span(
        &self,
        text_start: usize,
        start: usize,
        stop: usize,
        end: usize,
    ) -> Option<Span<'a>> {
        self.spans_in(start, stop).iter().copied().find(|span| {
            let inline = matches!(span.kind, Kind::Code | Kind::NoFormat)
                && !self.text[span.start..span.end].contains('\n');
            let before = self.text[text_start..span.start].trim_end_matches([' ', '\t']);
            let starts = before.is_empty() || before.ends_with('\n');
            let rest = self.text[span.end.min(end)..end].trim_start_matches([' ', '\t']);
            let ends = rest.is_empty() || rest.starts_with('\n');
            !inline || (starts && ends)
        })
    }

    /// What begins with the line at `at`, if it is no paragraph.
    fn structure(&mut self, at: usize, end: usize) -> Option<Structure> {
        let line = &self.text[at..self.line_end(at, end)];
        let text = line.trim_start();
        let skipped = line.len() - text.len();
        match text.as_bytes().first()? {
            b'h' => {
                if let Some(level) = heading(text) {
                    return Some(Structure::Heading { level, content: at + skipped + 4 });
                }
            }
            b'b' if text.starts_with("bq. ") => {
                return Some(Structure::Quote { content: at + skipped + 4 });
            }
            b'-' if is_rule(text) => return Some(Structure::Rule),
            b'|' if table::row_end(self.text, at, end, self.spans_from(at)).is_some() => {
                return Some(Structure::Row);
            }
            _ => {}
        }
        let free = self.spans_from(at).first().map_or(end, |span| span.start.min(end));
        if let Some(run) = self.verbatim.at(self.text, at, free) {
            return Some(Structure::Verbatim { end: run.end, language: run.language });
        }
        list::marker(line, false).map(|_| Structure::List)
    }

    /// Writes what begins with the line at `at`; returns where to go on.
    fn write(&mut self, structure: Structure, at: usize, end: usize) -> usize {
        match structure {
            Structure::Heading { level, content } => {
                let stop = self.line_stop(content, end);
                let mut title = self.inline(content, stop, Place::Line);
                title.truncate(title.trim_end().len());
                // A number sign at the end would be read as the heading's closing marks.
                if title.trim_end_matches('#').ends_with(' ') && title.ends_with('#') {
                    title.insert(title.len() - 1, '\\');
                }
                if !title.is_empty() {
                    self.out.block();
                    self.out.text(&format!("{} {}", "#".repeat(level), title.trim_start()));
                }
                stop
            }
            Structure::Quote { content } => self.line_quote(content, end),
            Structure::Rule => {
                self.out.block();
                self.out.text("---");
                self.line_end(at, end)
            }
            Structure::List => self.list(at, end),
            Structure::Row => self.table(at, end),
            Structure::Verbatim { end: stop, language } => {
                self.out.block();
                code::push_fence(&mut self.out, language, &self.text[at..stop]);
                stop
            }
        }
    }

    /// The end of the line at `at`, or the block that begins in it.
    fn line_stop(&self, at: usize, end: usize) -> usize {
        let line_end = self.line_end(at, end);
        self.block_span(at, at, line_end, end).map_or(line_end, |span| span.start)
    }

    /// Where the text that begins at `start` ends: at a blank line, at a line
    /// that begins something else, or where a block begins inside a line. Below
    /// the first line of a list item (`item`) a marker alone begins the next.
    fn text_end(&mut self, start: usize, end: usize, item: bool) -> usize {
        let mut at = start;
        loop {
            let line_end = self.line_end(at, end);
            if let Some(span) = self.block_span(start, at, line_end, end) {
                return span.start;
            }
            let next = line_end + 1;
            if next >= end {
                return end;
            }
            let line = &self.text[next..self.line_end(next, end)];
            if is_blank(line) || self.structure(next, end).is_some() {
                return next;
            }
            if item && at == start && self.lone_marker(next, end).is_some() {
                return next;
            }
            at = next;
        }
    }

    /// A list marker alone on the line at `at`, if the next line is text, with
    /// which its item goes on.
    fn lone_marker(&mut self, at: usize, end: usize) -> Option<Marker> {
        let marker = list::lone_marker(&self.text[at..self.line_end(at, end)])?;
        let next = (self.line_end(at, end) + 1).min(end);
        let line = &self.text[next..self.line_end(next, end)];
        let content = next + indent(line);
        let text = !is_blank(line)
            && list::lone_marker(line).is_none()
            && self.block_span(content, content, content + 1, end).is_none()
            && self.structure(next, end).is_none();
        text.then_some(marker)
    }

    fn inline(&self, start: usize, stop: usize, place: Place) -> String {
        let spans = self.spans_in(start, stop);
        let context = Context { base: start, spans, cells: false, links: true };
        self.inline.text(&self.text[start..stop], context, place)
    }

    /// Writes the text of `start..stop`, if it shows anything.
    fn paragraph(&mut self, start: usize, stop: usize, separate: bool) {
        let text = &self.text[start..stop];
        let stop = start + text.trim_end().len();
        let start = start + indent(text);
        if start >= stop {
            return;
        }
        let text = self.inline(start, stop, Place::Paragraph);
        if text.is_empty() {
            return;
        }
        if separate {
            self.out.block();
        } else {
            self.out.line();
        }
        self.out.text(&text);
    }

    /// Writes a pair of tags as a block, code directly below the text if `tight`;
    /// returns where it ends.
    fn span(&mut self, span: Span<'a>, tight: bool) -> usize {
        let (start, end) = span.body;
        let body = &self.text[start..end];
        match span.kind {
            Kind::Code | Kind::NoFormat | Kind::Fence => {
                let (language, title) = match span.kind {
                    Kind::Code => code::language_and_title(span.params),
                    Kind::Fence => (span.params, None),
                    _ => ("", None),
                };
                if tight {
                    self.out.line();
                } else {
                    self.out.block();
                }
                if self.title(title) {
                    self.out.line();
                }
                code::push_fence(&mut self.out, language, code::body(body));
            }
            Kind::Quote | Kind::Panel => {
                let mut params = span.params.split('|');
                let title = params.find_map(|p| p.trim().strip_prefix("title=")).map(str::trim);
                let title = title.filter(|t| !t.is_empty());
                if !is_blank(body) || title.is_some() {
                    self.out.block();
                    self.out.open("> ", "> ");
                    self.title(title);
                    self.all(start, end);
                    self.out.close("> ");
                }
            }
        }
        span.end
    }

    /// Writes the title of a code block or panel, if there is one.
    fn title(&mut self, title: Option<&str>) -> bool {
        if let Some(title) = title {
            let mut text = String::from("**");
            escape::push_plain(&mut text, title);
            text.push_str("**");
            self.out.text(&text);
        }
        title.is_some()
    }

    /// Writes lines that begin with `bq. ` as one quote.
    fn line_quote(&mut self, first: usize, end: usize) -> usize {
        let mut content = first;
        let mut open = false;
        loop {
            let stop = self.line_stop(content, end);
            let text = self.inline(content, stop, Place::Paragraph);
            if !text.is_empty() {
                if open {
                    self.out.line();
                } else {
                    self.out.block();
                    self.out.open("> ", "> ");
                    open = true;
                }
                self.out.text(&text);
            }
            let next = self.line_end(stop, end);
            let line = self.text.get(next + 1..end).unwrap_or_default();
            let skipped = line.len() - line.trim_start_matches([' ', '\t']).len();
            if next == stop && line[skipped..].starts_with("bq. ") {
                content = next + 1 + skipped + 4;
                continue;
            }
            if open {
                self.out.close("> ");
            }
            return stop;
        }
    }

    fn list(&mut self, start: usize, end: usize) -> usize {
        let mut levels = Levels::default();
        let mut at = start;
        while at < end {
            let line = &self.text[at..self.line_end(at, end)];
            let mut marker = list::marker(line, at > start);
            if marker.is_none() && at > start {
                marker = self.lone_marker(at, end);
            }
            let Some(marker) = marker else { break };
            let (indent, text) = levels.item(&marker);
            if at == start {
                self.out.block();
            } else {
                self.out.line();
            }
            let rest = " ".repeat(indent + text.len());
            self.out.open(&format!("{}{text}", &rest[..indent]), &rest);
            at = self.item(at + marker.content, end);
            self.out.close(&rest);
        }
        at
    }

    /// Writes the content of a list item, with the lines and blocks that follow
    /// up to a blank line or another structure; returns the start of a line.
    fn item(&mut self, start: usize, end: usize) -> usize {
        let mut at = start;
        let mut separate = false;
        loop {
            let stop = self.text_end(at, end, true);
            self.paragraph(at, stop, separate);
            at = stop;
            if let Some(span) = self.block_span(at, at, at + 1, end) {
                at = self.span(span, true);
                separate = !span.kind.is_raw();
                let line_end = self.line_end(at, end);
                if !is_blank(&self.text[at..line_end]) {
                    continue;
                }
                at = (line_end + 1).min(end);
                let line = &self.text[at..self.line_end(at, end)];
                if !is_blank(line) && self.structure(at, end).is_none() {
                    continue;
                }
            }
            return at;
        }
    }

    fn table(&mut self, start: usize, end: usize) -> usize {
        let mut rows = Vec::new();
        let mut at = start;
        while at < end {
            let Some(row_end) = table::row_end(self.text, at, end, self.spans_from(at)) else {
                break;
            };
            let first = at + indent(&self.text[at..row_end]);
            let context = Context {
                base: first,
                spans: self.spans_in(first, row_end),
                cells: true,
                links: true,
            };
            rows.push(self.inline.cells(&self.text[first..row_end], context));
            at = (row_end + 1).min(end);
        }
        self.out.block();
        table::push_table(&mut self.out, rows);
        at
    }
}

/// The level of a heading: `h1. ` to `h6. `. Without the space it is text, as in
/// `h2.database`.
fn heading(text: &str) -> Option<usize> {
    let level = match text.as_bytes() {
        [b'h', level @ b'1'..=b'6', b'.', b' ' | b'\t', ..] => level - b'0',
        _ => return None,
    };
    Some(usize::from(level))
}

/// Three dashes or more alone on a line. Jira asks for four; three are what is
/// pasted from Markdown.
fn is_rule(text: &str) -> bool {
    let text = text.trim_end();
    text.len() >= 3 && text.bytes().all(|b| b == b'-')
}
