//! `params:`: typed values that can be given on the command line.

use std::path::Path;

use serde_json::{Map, Number, Value};

use super::decode::{Cx, Decode, Evaluate, Named, top_level};
use super::forms;
use super::lang::{ParamSpec, ParamType};
use super::load::Loaded;
use super::units::{self, Fault};
use super::yaml::{Data, Scalar, Yaml};
use super::{Diagnostics, Key, Span, suggest};

/// The flags of the verbs that take params, long and short: no param can have one.
pub const FIXED_FLAGS: [(&str, Option<char>); 24] = [
    ("allow-read", None),
    ("output-dir", Some('o')),
    ("max-concurrent", Some('c')),
    ("rate-limit", Some('r')),
    ("limit", Some('l')),
    ("resume", None),
    ("fresh", None),
    ("fix", None),
    ("gaps", None),
    ("max-gaps", None),
    ("format", None),
    ("record", None),
    ("replay", None),
    ("log-format", None),
    ("quiet", Some('q')),
    ("verbose", Some('v')),
    ("watch", None),
    ("set", None),
    ("records", Some('n')),
    ("task", None),
    ("key", None),
    ("full", None),
    ("help", Some('h')),
    ("version", Some('V')),
];

/// A param as it is declared.
#[derive(Debug, Clone)]
pub struct ParamDecl {
    /// Its name, as templates and `--set` use it: `base_url`.
    pub name: String,
    /// Its short flag.
    pub short: Option<char>,
    /// What its values are.
    pub ty: ParamType,
    /// Its value where none is given; without one it is null.
    pub default: Option<Value>,
    /// Whether a value must be given.
    pub required: bool,
    /// What the whole value, or each item of a list, must match.
    pub pattern: Option<String>,
    /// The only values, or items of a list, that are allowed; any when empty.
    pub choices: Vec<String>,
    /// What `--help` says about it.
    pub help: String,
    /// Where it is declared.
    pub span: Span,
    matcher: Option<regex::Regex>,
}

impl ParamDecl {
    /// The long flag without its dashes: `base-url`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The value of texts from the command line, or from a spec: for a list all
    /// of them, each cut at commas, else the last.
    ///
    /// # Errors
    /// One sentence: what is wrong with the value, and what it should be.
    pub fn parse<S: AsRef<str>>(&self, texts: &[S]) -> Result<Value, String> {
        if self.ty == ParamType::List {
            let items = texts.iter().flat_map(|t| t.as_ref().split(','));
            let items = items.map(str::trim).filter(|t| !t.is_empty());
            return items
                .map(|item| self.item(item).map_err(|fault| self.named(&fault)))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array);
        }
        self.item(texts.last().map_or("", AsRef::as_ref)).map_err(|fault| self.named(&fault))
    }

    /// Checks a value that was parsed at another time, by a spec that may have
    /// changed since.
    ///
    /// # Errors
    /// As [`ParamDecl::parse`].
    pub fn check(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Null if !self.required => Ok(Value::Null),
            Value::Array(items) if self.ty == ParamType::List => {
                let item = |i| self.item(&plain(i)).map_err(|fault| self.named(&fault));
                items.iter().map(item).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            other => self.parse(&[plain(other)]),
        }
    }

    /// A value of the right form for checking a spec whose required params have
    /// no value yet.
    pub fn stand_in(&self) -> Value {
        if let Some(default) = &self.default {
            return default.clone();
        }
        let word = || self.choices.first().cloned().unwrap_or_else(|| self.name.clone());
        match self.ty {
            ParamType::Int => Value::from(1),
            ParamType::Float => Value::from(1.0),
            ParamType::Bool => Value::Bool(false),
            ParamType::List => Value::from(vec![word()]),
            ParamType::Duration => Value::from("1s"),
            ParamType::Url => Value::from("http://localhost"),
            ParamType::String | ParamType::Path => Value::from(word()),
        }
    }

    /// What is wrong with a value that stands somewhere else than in the spec.
    fn named(&self, fault: &Fault) -> String {
        format!("{}: {fault}", self.name)
    }

    fn item(&self, text: &str) -> Result<Value, Fault> {
        let wrong = |what: &str| Fault::from(format!("expected {what}, found `{text}`"));
        let value = match self.ty {
            ParamType::String | ParamType::List | ParamType::Path => Value::from(text),
            ParamType::Int => match text.parse::<i64>() {
                Ok(n) => Value::from(n),
                Err(_) => return Err(wrong("a whole number")),
            },
            ParamType::Float => match text.parse().ok().and_then(Number::from_f64) {
                Some(n) => Value::Number(n),
                None => return Err(wrong("a number")),
            },
            ParamType::Bool => match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => {
                    let fault = wrong("`true` or `false`");
                    return Err(match forms::bool(text) {
                        Some(meant) => fault.hint(meant),
                        None => fault,
                    });
                }
            },
            ParamType::Duration => {
                units::duration(text)?;
                Value::from(text)
            }
            ParamType::Url => {
                super::decode::url(text)?;
                Value::from(text)
            }
        };
        if !self.choices.is_empty() && !self.choices.iter().any(|c| c == text) {
            let hint = suggest::hint(text, self.choices.iter().map(String::as_str));
            return Err(Fault::from(format!("`{text}` is not allowed")).hint(hint));
        }
        if let Some(regex) = &self.matcher
            && !regex.is_match(text)
        {
            let pattern = self.pattern.as_deref().unwrap_or_default();
            let fault = Fault::from(format!("`{text}` does not match the pattern `{pattern}`"));
            // Keys of trackers are often typed in the other case.
            let other = [text.to_uppercase(), text.to_lowercase()];
            return Err(match other.iter().find(|other| regex.is_match(other)) {
                Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
                None => fault,
            });
        }
        Ok(value)
    }
}

/// Whether a value means `true`, however it is written.
fn is_yes(node: &Yaml) -> bool {
    let scalar = node.scalar();
    scalar.and_then(|scalar| forms::bool(&scalar.text)).as_deref() == Some("true")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The param of a name, for `--set name=value`.
///
/// # Errors
/// With the name that was probably meant.
pub fn find<'d>(decls: &'d [ParamDecl], name: &str) -> Result<&'d ParamDecl, String> {
    let wanted = name.replace('-', "_");
    decls.iter().find(|d| d.name == wanted).ok_or_else(|| {
        let hint = suggest::hint(&wanted, decls.iter().map(|d| d.name.as_str()));
        format!("the spec has no param `{name}`; {hint}")
    })
}

/// Values that were given: by an earlier run, or on the command line.
#[derive(Debug, Clone, Default)]
pub struct ParamValues {
    given: Map<String, Value>,
    stand_ins: bool,
}

impl ParamValues {
    /// Values as they were stored by an earlier run; those of params that the
    /// spec no longer has are ignored.
    pub fn from_stored(stored: Map<String, Value>) -> Self {
        Self { given: stored, stand_ins: false }
    }

    /// Sets a param from texts of the command line; replaces what was there.
    ///
    /// # Errors
    /// As [`ParamDecl::parse`].
    pub fn set<S: AsRef<str>>(&mut self, decl: &ParamDecl, texts: &[S]) -> Result<(), String> {
        self.given.insert(decl.name.clone(), decl.parse(texts)?);
        Ok(())
    }

    /// No values, where each required param without a default has one of the
    /// right form, so that a spec can be checked without any.
    pub fn stand_ins() -> Self {
        Self { given: Map::new(), stand_ins: true }
    }

    /// The values of all params: what was given, else the default, else null.
    pub fn resolve(
        &self,
        decls: &[ParamDecl],
        diagnostics: &mut Diagnostics,
    ) -> Map<String, Value> {
        let mut values = Map::new();
        for decl in decls {
            let value = match self.given.get(&decl.name) {
                Some(given) => decl.check(given).unwrap_or_else(|message| {
                    diagnostics.error(decl.span, message);
                    decl.stand_in()
                }),
                None if decl.required && decl.default.is_none() && self.stand_ins => {
                    decl.stand_in()
                }
                None if decl.required && decl.default.is_none() => {
                    diagnostics
                        .error(decl.span, format!("the param `{}` has no value", decl.name))
                        .hint(format!("give it as `--{} VALUE`", decl.flag()));
                    decl.stand_in()
                }
                None => decl.default.clone().unwrap_or(Value::Null),
            };
            values.insert(decl.name.clone(), value);
        }
        values
    }
}

/// The params that a spec declares, in its order, whatever else is wrong with
/// it.
pub fn declarations(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Vec<ParamDecl> {
    let Some(node) = top_level(&loaded.root, "params") else { return Vec::new() };
    let mut cx = Cx {
        diagnostics,
        evaluate: &mut NoTemplates,
        sources: &loaded.sources,
        partial: loaded.partial,
    };
    let specs = Named::<ParamSpec>::decode(node, &mut cx);
    let mut decls: Vec<ParamDecl> = Vec::new();
    for (key, spec) in specs.0 {
        let own = node.get(&key.text);
        if let Some(decl) = declaration(&key, spec, own, loaded, diagnostics) {
            check_flags(&decl, node.get(&key.text), &decls, diagnostics);
            decls.push(decl);
        }
    }
    decls
}

fn declaration(
    key: &Key,
    spec: ParamSpec,
    node: Option<&Yaml>,
    loaded: &Loaded,
    diagnostics: &mut Diagnostics,
) -> Option<ParamDecl> {
    let part = |name: &str| node.and_then(|n| n.get(name));
    let place = |name: &str| part(name).map_or(key.span, |n| n.span);
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !key.text.chars().all(letters) || !key.text.starts_with(|c: char| c.is_ascii_lowercase()) {
        diagnostics
            .error(key.span, format!("`{}` is no name for a param", key.text))
            .hint("small letters, digits and `_`, a letter first: it becomes a flag");
        return None;
    }
    let matcher = spec.pattern.as_ref().and_then(|pattern| {
        super::pattern::compile(&format!("^(?:{pattern})$"))
            .map_err(|e| {
                diagnostics.error(
                    place("pattern"),
                    format!("the pattern `{pattern}` is no regular expression: {e}"),
                )
            })
            .ok()
    });
    let short = spec.short.as_ref().and_then(|text| {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if c.is_ascii_alphanumeric() => Some(c),
            _ => {
                diagnostics
                    .error(place("short"), format!("a short flag is one letter, not `{text}`"));
                None
            }
        }
    });
    let mut decl = ParamDecl {
        name: key.text.clone(),
        short,
        ty: spec.kind,
        default: None,
        // One that is not `true` but `yes` has been told of.
        required: spec.required || part("required").is_some_and(is_yes),
        pattern: spec.pattern,
        choices: spec.choices,
        help: spec.help.unwrap_or_default(),
        span: key.span,
        matcher,
    };
    decl.default = part("default")
        .filter(|n| !n.is_null() && !matches!(n.data, Data::Broken))
        .and_then(|node| {
            let folder = loaded.sources.folder(node.span.file);
            default_value(&decl, node, folder)
                .map_err(|(span, fault)| {
                    let diagnostic = diagnostics.error(span, fault.message);
                    if let Some(hint) = fault.hint {
                        diagnostic.hint(hint);
                    }
                })
                .ok()
        });
    if decl.required && part("default").is_some_and(|n| !n.is_null()) {
        diagnostics
            .error(key.span, format!("`{}` is both `required` and has a `default`", key.text))
            .hint("with a default it is never missing: keep one of them");
    }
    Some(decl)
}

fn default_value(decl: &ParamDecl, node: &Yaml, folder: &Path) -> Result<Value, (Span, Fault)> {
    let item = |node: &Yaml| match node.scalar() {
        Some(scalar) if scalar.is_template() => {
            Err((node.span, Fault::from("a default is a plain value, not a template")))
        }
        Some(scalar) => decl.item(&scalar.text).map_err(|e| (node.span, e)),
        None => Err((node.span, format!("expected text, found {}", node.describe()).into())),
    };
    match &node.data {
        Data::Scalar(scalar)
            if decl.ty == ParamType::Path
                && !scalar.is_template()
                && Path::new(&scalar.text).is_relative() =>
        {
            Ok(Value::from(folder.join(&scalar.text).to_string_lossy()))
        }
        Data::Scalar(_) if decl.ty != ParamType::List => item(node),
        Data::List(items) if decl.ty == ParamType::List => {
            items.iter().map(item).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        Data::Scalar(scalar) => {
            let fault = Fault::from(format!("expected a list, found {}", node.describe()));
            Err((node.span, fault.hint(format!("[{}]", scalar.text))))
        }
        _ => {
            let expected = if decl.ty == ParamType::List { "a list" } else { "a single value" };
            let message = format!("expected {expected}, found {}", node.describe());
            Err((node.name, message.into()))
        }
    }
}

fn check_flags(
    decl: &ParamDecl,
    node: Option<&Yaml>,
    earlier: &[ParamDecl],
    diagnostics: &mut Diagnostics,
) {
    let flag = decl.flag();
    if FIXED_FLAGS.iter().any(|(long, _)| *long == flag) {
        diagnostics
            .error(
                decl.span,
                format!("the param `{}` collides with the flag `--{flag}`", decl.name),
            )
            .hint("give the param another name");
    }
    let Some(short) = decl.short else { return };
    let place = node.and_then(|n| n.get("short")).map_or(decl.span, |n| n.span);
    if let Some((long, _)) = FIXED_FLAGS.iter().find(|(_, s)| *s == Some(short)) {
        let taken = |c: &char| {
            FIXED_FLAGS.iter().any(|(_, s)| *s == Some(*c))
                || earlier.iter().any(|d| d.short == Some(*c))
        };
        let upper = decl.name.to_uppercase();
        let letters = decl.name.chars().chain(upper.chars());
        let free = letters.filter(char::is_ascii_alphabetic).find(|c| !taken(c));
        diagnostics.error(place, format!("`-{short}` is the short form of `--{long}`")).hint(
            free.map_or(String::from("leave `short` out"), |c| {
                format!("`-{c}` is free: short: {c}")
            }),
        );
    } else if let Some(other) = earlier.iter().find(|d| d.short == Some(short)) {
        diagnostics.error(place, format!("`-{short}` is taken by the param `{}`", other.name));
    }
}

/// For sections in which templates have no values to see.
pub struct NoTemplates;

impl Evaluate for NoTemplates {
    fn evaluate(
        &mut self,
        _: &Scalar,
        span: Span,
    ) -> Result<Value, (Span, String, Option<String>)> {
        Err((span, String::from("there can be no template here"), None))
    }
}
