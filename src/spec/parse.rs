//! From the text of a file to a tree.

use std::collections::HashMap;

use serde_yaml::granit_parser::{
    Event, Options, Parser, ScalarStyle, Span as Range, StrInput, StructureStyle,
};

use super::forms::quoted;
use super::slips;
use super::yaml::{Data, Key, Scalar, Style, Yaml};
use super::{Diagnostics, Span};

/// The most nodes of one file, aliases included: a spec has some hundreds.
const MAX_NODES: usize = 100_000;

/// Quotes that word processors make of `"` and `'`.
const TYPOGRAPHIC: [char; 5] = ['“', '”', '„', '‘', '’'];

/// Reads the text of a file. What is wrong with it as YAML ends the reading,
/// what is only wrong in one place (a key that comes twice) does not.
///
/// `None` when the text is no YAML; that has been reported.
pub fn parse(text: &str, file: u32, diagnostics: &mut Diagnostics) -> Option<Yaml> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader =
        Reader { parser, text, file, anchors: HashMap::new(), nodes: 0, diagnostics, last: 0 };
    reader.document().ok()
}

/// Reading cannot go on; the reason has been reported.
struct Stop;

struct Reader<'t, 'd> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    file: u32,
    anchors: HashMap<usize, Yaml>,
    nodes: usize,
    /// One past the last byte of the last scalar or closing bracket.
    last: u32,
    diagnostics: &'d mut Diagnostics,
}

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next() {
            Some(Ok((event, range))) => Ok((event, self.span(range))),
            Some(Err(error)) => {
                slips::report(self.text, self.file, &error, self.diagnostics);
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, self.at(self.text.len()))),
        }
    }

    fn span(&self, range: Range) -> Span {
        let range = range.byte_range().unwrap_or(0..0);
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset(range.start), end: offset(range.end) }
    }

    fn at(&self, offset: usize) -> Span {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset, end: offset }
    }

    fn document(&mut self) -> Result<Yaml, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_none() => {}
                Event::DocumentStart(..) => {
                    self.diagnostics
                        .error(span, "a second document starts here, after `---`")
                        .hint("put it into a file of its own");
                    return Err(Stop);
                }
                event => root = Some(self.node(event, span)?),
            }
        }
        // A file of comments only comes as a null.
        let empty = |root: &Yaml| root.is_null() && root.span.start == root.span.end;
        root.filter(|root| !empty(root)).ok_or_else(|| {
            let message = match self.text.trim().is_empty() {
                true => "the file is empty",
                false => "there is nothing in this file but comments",
            };
            self.diagnostics.error(self.at(0), message);
            Stop
        })
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Yaml, Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.diagnostics.error(span, format!("more than {MAX_NODES} values in one file"));
            return Err(Stop);
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag.as_ref().filter(|t| t.suffix() != "str") {
                    let place = self.tag_before(span);
                    let tagged = &self.text[place.start as usize..span.end.max(place.end) as usize];
                    self.diagnostics
                        .error(
                            place,
                            format!("`!{}` is a YAML tag, which means nothing here", tag.suffix()),
                        )
                        .hint(format!("quote it if text is meant: {}", quoted(tagged.trim())));
                    return Ok(Yaml { span: place, name: place, data: Data::Broken });
                }
                (anchor, self.scalar(&text, style, tag.is_some(), span))
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    let (event, at) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break at;
                    }
                    items.push(self.node(event, at)?);
                };
                (anchor, self.collection(span, end, Data::List(items)))
            }
            Event::MappingStart(style, anchor, _) => (anchor, self.map(style, span)?),
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                let node = node.unwrap_or(Yaml { span, name: span, data: Data::Broken });
                self.nodes += node.count();
                self.last = span.end;
                return Ok(node);
            }
            Event::UnresolvedAlias(name) => {
                self.diagnostics
                    .error(
                        span,
                        format!("`*{name}` is a YAML alias, and nothing is named `{name}`"),
                    )
                    .hint(format!("quote it if text is meant: \"*{name}\""));
                self.last = span.end;
                (0, Yaml { span, name: span, data: Data::Broken })
            }
            _ => (0, Yaml { span, name: span, data: Data::Broken }),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The place of the tag before a value.
    fn tag_before(&self, value: Span) -> Span {
        let before = &self.text[..value.start as usize];
        let Some(start) = before.rfind('!') else { return value };
        let end =
            self.text[start..].find(char::is_whitespace).map_or(self.text.len(), |i| start + i);
        let whole = Span { start: 0, ..self.at(self.text.len()) };
        whole.part(start, end)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tagged: bool, span: Span) -> Yaml {
        let raw = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let style = match style {
            _ if tagged => Style::Other,
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => {
                let line = self.text[..span.start as usize].rfind('\n').map_or(0, |i| i + 1);
                Style::Literal { indent: span.start - u32::try_from(line).unwrap_or(0) }
            }
            ScalarStyle::Folded => Style::Other,
        };
        let verbatim = match style {
            _ if raw == text => Some(span),
            Style::Single | Style::Double if raw.get(1..raw.len().max(2) - 1) == Some(text) => {
                Some(span.part(1, raw.len() - 1))
            }
            _ => None,
        };
        if style == Style::Plain && text.starts_with(TYPOGRAPHIC) {
            let plain = text.trim_matches(TYPOGRAPHIC);
            self.diagnostics
                .warning(span, "this is no quote of YAML, but a part of the text")
                .hint(quoted(plain));
        }
        // An absent value comes as `~` without a place of its own.
        let text = if raw.is_empty() && text == "~" { "" } else { text };
        if !raw.is_empty() {
            self.last = span.end;
        }
        let scalar = Scalar { text: text.to_owned(), style, verbatim };
        Yaml { span, name: span, data: Data::Scalar(scalar) }
    }

    fn map(&mut self, style: StructureStyle, start: Span) -> Result<Yaml, Stop> {
        let mut entries: Vec<(Key, Yaml)> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut broken = false;
        let end = loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break at;
            }
            let key = self.node(event, at)?;
            let (event, at) = self.next()?;
            let mut value = self.node(event, at)?;
            let Data::Scalar(scalar) = key.data else {
                broken = true;
                if !self.looks_like_template(start) && !matches!(key.data, Data::Broken) {
                    self.diagnostics
                        .error(key.span, format!("a key must be text, not {}", key.describe()))
                        .hint("quote a value that begins with `{` or `[`");
                }
                continue;
            };
            let key = Key { text: scalar.text, span: key.span };
            value.name = key.span;
            if key.text == "<<" {
                // That nothing is named so is of no interest any more.
                self.diagnostics.retract(self.file, value.span.start);
                self.diagnostics
                    .error(key.span, "merge keys are not part of the language")
                    .hint("use `extends`, which lays this file over another");
                continue;
            }
            match seen.get(&key.text) {
                Some(first) => {
                    let line = self.text[..first.start as usize].matches('\n').count() + 1;
                    self.diagnostics
                        .error(key.span, format!("the key `{}` comes twice in this map", key.text))
                        .hint(format!("its first place is line {line}; keep one of them"));
                }
                None => {
                    seen.insert(key.text.clone(), key.span);
                    entries.push((key, value));
                }
            }
        };
        let map = self.collection(start, end, Data::Map(entries));
        if broken && style == StructureStyle::Flow && self.looks_like_template(start) {
            let text = self.text[map.span.start as usize..map.span.end as usize].to_owned();
            slips::unquoted_template(map.span, &text, self.diagnostics);
        }
        Ok(if broken { Yaml { data: Data::Broken, ..map } } else { map })
    }

    fn looks_like_template(&self, start: Span) -> bool {
        self.text[start.start as usize..].starts_with("{{")
    }

    /// A list or a map: from its start to its closing bracket, or to the end of
    /// its last item.
    fn collection(&mut self, start: Span, end: Span, data: Data) -> Yaml {
        if end.end > end.start {
            self.last = end.end;
        }
        let span = Span { end: self.last.max(start.end), ..start };
        Yaml { span, name: Span { end: start.end.max(start.start), ..start }, data }
    }
}
