//! The tree that a YAML file is read into: every node knows its place, every
//! scalar its text as it was written.

use serde_json::{Map, Number, Value};

use super::Span;

/// One node.
#[derive(Debug, Clone)]
pub struct Yaml {
    /// Where it stands; for a map or a list from its first to its last item.
    pub span: Span,
    /// What to point at when something is missing in it: the key that it is the
    /// value of, else its first byte.
    pub name: Span,
    /// What it is.
    pub data: Data,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Data {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Yaml>),
    /// A map, in the order of the file. Keys are unique.
    Map(Vec<(Key, Yaml)>),
    /// Something that was wrong and has been reported.
    Broken,
}

/// A key of a map.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A single value.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// Its text: quotes, escapes and indentation undone, otherwise as written.
    pub text: String,
    /// How it was written.
    pub style: Style,
    /// The place of exactly `text`, where it stands in the file as it is.
    pub verbatim: Option<Span>,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: may be a number, a boolean, null.
    Plain,
    /// `'single'`
    Single,
    /// `"double"`
    Double,
    /// A block after `|`; `indent` bytes stand before each line but the first.
    Literal {
        /// How many.
        indent: u32,
    },
    /// A block after `>`, or a value that came from elsewhere.
    Other,
}

impl Yaml {
    /// How many values there are: itself, and all below it.
    pub fn count(&self) -> usize {
        1 + match &self.data {
            Data::List(items) => items.iter().map(Yaml::count).sum(),
            Data::Map(entries) => entries.iter().map(|(_, value)| value.count()).sum(),
            _ => 0,
        }
    }

    /// The value of a key, when this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key, Yaml)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The scalar that it is.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether it is an unquoted `null`, `~` or nothing at all.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// A node with the place of this one and the data of a JSON value.
    pub fn with_value(&self, value: &Value) -> Self {
        let data = match value {
            Value::Null => Data::Scalar(Scalar::made("null", Style::Plain)),
            Value::Bool(b) => Data::Scalar(Scalar::made(&b.to_string(), Style::Plain)),
            Value::Number(n) => Data::Scalar(Scalar::made(&n.to_string(), Style::Plain)),
            Value::String(text) => Data::Scalar(Scalar::made(text, Style::Other)),
            Value::Array(items) => Data::List(items.iter().map(|i| self.with_value(i)).collect()),
            Value::Object(map) => Data::Map(
                map.iter()
                    .map(|(k, v)| (Key { text: k.clone(), span: self.name }, self.with_value(v)))
                    .collect(),
            ),
        };
        Self { span: self.span, name: self.name, data }
    }

    /// The node as JSON, for values whose type nobody declares.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Scalar(scalar) => scalar.to_json(),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(entries) => {
                let pairs = entries.iter().map(|(k, v)| (k.text.clone(), v.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
            Data::Broken => Value::Null,
        }
    }

    /// What it is, for messages: ``the text `abc` ``, `a list`.
    pub fn describe(&self) -> String {
        match &self.data {
            Data::List(_) => String::from("a list"),
            Data::Map(_) => String::from("a map"),
            Data::Broken => String::from("nothing"),
            Data::Scalar(scalar) => match scalar.to_json() {
                Value::Null => String::from("nothing"),
                Value::String(_) => {
                    let mut text: String = scalar.text.chars().take(40).collect();
                    if text.len() < scalar.text.len() {
                        text.push('…');
                    }
                    format!("the text `{}`", text.replace('\n', "⏎"))
                }
                Value::Number(_) => format!("the number {}", scalar.text),
                other => format!("`{other}`"),
            },
        }
    }
}

impl Scalar {
    fn made(text: &str, style: Style) -> Self {
        Self { text: text.to_owned(), style, verbatim: None }
    }

    /// Whether it is an unquoted null.
    pub fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null")
    }

    /// Whether there is a template in it.
    pub fn is_template(&self) -> bool {
        ["{{", "{%", "{#"].iter().any(|mark| self.text.contains(mark))
    }

    /// As JSON. An unquoted number is one only when writing it gives the same
    /// text again: `3.10`, `012` and `1e3` stay text, as do `yes` and `NO`.
    pub fn to_json(&self) -> Value {
        if self.style != Style::Plain {
            return Value::String(self.text.clone());
        }
        self.to_plain()
    }

    /// As JSON, as if it had been written without quotes.
    pub fn to_plain(&self) -> Value {
        match self.text.as_str() {
            "" | "~" | "null" => return Value::Null,
            "true" => return Value::Bool(true),
            "false" => return Value::Bool(false),
            _ => {}
        }
        let number = match self.text.parse::<i64>() {
            Ok(int) => Some(Number::from(int)),
            Err(_) => self.text.parse::<f64>().ok().and_then(Number::from_f64),
        };
        match number {
            Some(number) if number.to_string() == self.text => Value::Number(number),
            _ => Value::String(self.text.clone()),
        }
    }

    /// The place of a part of `text`, given by byte offsets, in the file: exact
    /// where the text can be followed back, else the whole scalar.
    pub fn place(&self, whole: Span, file: &str, start: usize, end: usize) -> Span {
        if let Some(span) = self.verbatim {
            return span.part(start, end);
        }
        let Some(raw) = file.get(whole.start as usize..whole.end as usize) else { return whole };
        match self.offsets(raw, [start, end]) {
            Some([start, end]) => whole.part(start, end),
            None => whole,
        }
    }

    /// Offsets into `text` made offsets into what stands in the file.
    fn offsets(&self, raw: &str, at: [usize; 2]) -> Option<[usize; 2]> {
        let mut found = [None; 2];
        let (mut decoded, mut rest) = match self.style {
            Style::Literal { .. } => (0, raw),
            Style::Single | Style::Double => (0, raw.get(1..raw.len().checked_sub(1)?)?),
            Style::Plain | Style::Other => return None,
        };
        loop {
            let here = raw.len() - rest.len() - usize::from(self.style.is_quoted());
            for (target, found) in at.iter().zip(&mut found) {
                if decoded >= *target && found.is_none() {
                    *found = Some(here);
                }
            }
            if let [Some(start), Some(end)] = found {
                return Some([start, end]);
            }
            let mut chars = rest.chars();
            let c = chars.next()?;
            let mut width = c.len_utf8();
            decoded += width;
            match (self.style, c) {
                // A line break in a quoted scalar is folded: not followed.
                (Style::Single | Style::Double, '\n') => return None,
                (Style::Single, '\'') => width = 2,
                (Style::Double, '\\') => match chars.next()? {
                    'n' | 't' | 'r' | '"' | '\\' | '/' | '0' => width = 2,
                    _ => return None,
                },
                (Style::Literal { indent }, '\n') => {
                    let after = chars.as_str();
                    let spaces = after.bytes().take(indent as usize).take_while(|b| *b == b' ');
                    width += spaces.count();
                }
                _ => {}
            }
            rest = rest.get(width..)?;
        }
    }
}

impl Style {
    fn is_quoted(self) -> bool {
        matches!(self, Self::Single | Self::Double)
    }
}
