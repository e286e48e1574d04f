//! How a section of the language is declared: once, with each key's type,
//! default and meaning. Reading, messages, `scrape schema` and `scrape explain`
//! all come from it.

use super::decode::Decode;

/// A section as it is declared.
#[derive(Debug)]
pub struct Declaration {
    /// Its name as a Rust type, which JSON Schema uses for references.
    pub name: &'static str,
    /// What it is called in messages: `a stream`.
    pub what: &'static str,
    /// One sentence on it.
    pub doc: &'static [&'static str],
    /// Its keys.
    pub keys: &'static [KeyDeclaration],
    /// Whether other keys are allowed: options of a plugin.
    pub open: bool,
}

impl Declaration {
    /// Its key of a name.
    pub fn key(&self, name: &str) -> Option<&'static KeyDeclaration> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// This section and all that its keys lead to, each once, outermost first.
    pub fn all(&'static self) -> impl Iterator<Item = &'static Self> {
        let mut found: Vec<&'static Self> = vec![self];
        let mut next = 0;
        while let Some(declaration) = found.get(next) {
            let shapes: Vec<Shape> = declaration.keys.iter().map(|k| (k.shape)()).collect();
            for inner in shapes.into_iter().flat_map(Shape::sections) {
                if !found.iter().any(|f| f.name == inner.name) {
                    found.push(inner);
                }
            }
            next += 1;
        }
        found.into_iter()
    }
}

/// A key as it is declared.
#[derive(Debug)]
pub struct KeyDeclaration {
    /// Its name.
    pub name: &'static str,
    /// What it means, one sentence, in pieces.
    pub doc: &'static [&'static str],
    /// What its value may look like.
    pub shape: fn() -> Shape,
    /// Its default, as it would be written.
    pub default: Option<&'static str>,
    /// The values of `type` that it belongs to; all of them when empty.
    pub only: &'static [&'static str],
    /// Whether it may be left out although it has no default.
    pub optional: fn() -> bool,
}

/// What a value may look like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Anything.
    Any,
    /// Text.
    Text,
    /// A whole number from 0 up.
    Int,
    /// A whole number from 1 up.
    Positive,
    /// `true` or `false`.
    Bool,
    /// `30s`
    Duration,
    /// `64MiB`
    Size,
    /// An address of HTTP.
    Url,
    /// A JSONPath.
    Path,
    /// Text with templates that are evaluated while running.
    Template,
    /// One of a closed list of words, each with its meaning.
    Choice(&'static [(&'static str, &'static [&'static str])]),
    /// A list.
    List(fn() -> Shape),
    /// One value or a list.
    OneOrList(fn() -> Shape),
    /// A map of names to values.
    Named(fn() -> Shape),
    /// A section.
    Section(&'static Declaration),
    /// One of several.
    OneOf(&'static [fn() -> Shape]),
    /// The name of a plugin of a kind.
    Plugin(scrape_api::Kind),
}

impl Shape {
    /// The sections that a value of this shape is, or holds.
    fn sections(self) -> Vec<&'static Declaration> {
        match self {
            Self::Section(declaration) => vec![declaration],
            Self::List(inner) | Self::OneOrList(inner) | Self::Named(inner) => inner().sections(),
            Self::OneOf(shapes) => shapes.iter().flat_map(|shape| shape().sections()).collect(),
            _ => Vec::new(),
        }
    }
}

/// Whether a key of this type may be left out.
pub fn is_optional<T: Decode>() -> bool {
    T::absent().is_some()
}

/// Declares a section: a struct, how it is read, and what `scrape schema` says
/// about it. `key as "name"` gives a key another name than its field, `for
/// ["x"]` limits it to `type: x`, `= "value"` is its default. `..rest` keeps the
/// keys that are not declared.
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        $what:literal $vis:vis struct $name:ident {
            $(
                $(#[doc = $key_doc:literal])+
                $field:ident $(as $key:literal)? $(for [$($only:literal),+])? : $ty:ty $(= $default:literal)?,
            )*
            $(..$rest:ident)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        #[allow(dead_code, reason = "some keys are read from the tree itself; here they are declared")]
        $vis struct $name {
            $(
                $(#[doc = $key_doc])+
                pub $field: $ty,
            )*
            $(
                /// Keys that the section does not declare.
                pub $rest: Vec<($crate::spec::Key, $crate::spec::Yaml)>,
            )?
            /// Where it stands.
            #[allow(dead_code, reason = "not every section is pointed at")]
            pub span: $crate::spec::Span,
            /// Whether it is there at all; what is missing in it has been told otherwise.
            #[allow(dead_code, reason = "not every section is looked into further")]
            pub sound: bool,
        }

        impl $name {
            /// How it is declared.
            pub const DECLARATION: &'static $crate::spec::section::Declaration =
                &$crate::spec::section::Declaration {
                    name: stringify!($name),
                    what: $what,
                    doc: &[$($doc),+],
                    keys: &[$($crate::spec::section::KeyDeclaration {
                        name: $crate::spec::section::section!(@first $($key,)? stringify!($field),),
                        doc: &[$($key_doc),+],
                        shape: <$ty as $crate::spec::decode::Decode>::shape,
                        default: $crate::spec::section::section!(@option $($default)?),
                        only: &[$($($only),+)?],
                        optional: $crate::spec::section::is_optional::<$ty>,
                    },)*],
                    open: $crate::spec::section::section!(@is $($rest)?),
                };
        }

        impl $crate::spec::decode::Decode for $name {
            fn shape() -> $crate::spec::section::Shape {
                $crate::spec::section::Shape::Section(Self::DECLARATION)
            }

            #[allow(unused_assignments)]
            fn decode(node: &$crate::spec::Yaml, cx: &mut $crate::spec::decode::Cx) -> Self {
                let fields = cx.section(node, Self::DECLARATION);
                let mut index = 0;
                $(
                    let $field: $ty = fields.take(index, cx);
                    index += 1;
                )*
                Self { $($field,)* $($rest: fields.rest(),)? span: node.name, sound: fields.is_sound() }
            }

            fn fallback(span: $crate::spec::Span) -> Self {
                $(
                    let $field = <$ty as $crate::spec::decode::Decode>::absent()
                        .unwrap_or_else(|| <$ty as $crate::spec::decode::Decode>::fallback(span));
                )*
                Self { $($field,)* $($rest: Vec::new(),)? span, sound: false }
            }
        }
    };
    (@first $first:expr, $($rest:expr,)?) => { $first };
    (@option) => { None };
    (@option $default:literal) => { Some($default) };
    (@is) => { false };
    (@is $rest:ident) => { true };
}

/// Declares a closed list of words. The first takes the place of a wrong one.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $( $(#[doc = $word_doc:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[doc = $word_doc])+ $variant, )+ }

        impl $name {
            /// Its name in a spec.
            #[allow(dead_code, reason = "not every list of words is told by name")]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        $crate::spec::section::words!($name {
            $( $word: [$($word_doc),+] => $name::$variant, )+
        });
    };
}

/// Reads a closed list of words into a type that is declared elsewhere.
macro_rules! words {
    ($name:ty { $( $word:literal : [$($doc:literal),+] => $value:expr, )+ }) => {
        impl $crate::spec::decode::Decode for $name {
            fn shape() -> $crate::spec::section::Shape {
                $crate::spec::section::Shape::Choice(&[$( ($word, &[$($doc),+]), )+])
            }

            fn decode(node: &$crate::spec::Yaml, cx: &mut $crate::spec::decode::Cx) -> Self {
                let words = [$($word),+];
                let values = [$($value),+];
                cx.word(node, &words).map_or(values[0], |at| values[at])
            }

            fn fallback(_: $crate::spec::Span) -> Self {
                [$($value),+][0]
            }
        }
    };
}

pub(crate) use {choice, section, words};
