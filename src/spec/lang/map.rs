//! `map:` and `transforms:`.

use crate::spec::Span;
use crate::spec::decode::{Cx, Decode, Many, Named, PathText, TemplateText};
use crate::spec::section::{Shape, choice, section};
use crate::spec::yaml::{Data, Yaml};

/// One field: `$.path`, or a map with `path` and more.
#[derive(Debug, Clone)]
pub struct FieldSpec {
    /// The long form.
    pub long: Box<FieldLong>,
    /// Whether nothing was wrong with it so far.
    pub sound: bool,
}

section! {
    /// One field of a mapped record.
    "a field" pub struct FieldLong {
        /// Selects the value.
        path: Option<PathText>,
        /// Paths, of which the first that gives a value is taken.
        coalesce: Option<Vec<PathText>>,
        /// A template over the raw record, `record`, and what is mapped, `item`.
        value: Option<TemplateText>,
        /// Selects the values of a list, each mapped by `map`; `$children.NAME` for a child list.
        each: Option<PathText>,
        /// The fields of each item of `each`.
        map: Named<FieldSpec>,
        /// A fixed value.
        constant as "const": Option<Yaml>,
        /// What the value is made into.
        ty as "type": FieldType = "any",
        /// The value where there is none.
        default: Option<Yaml>,
        /// Whether a record without it is rejected.
        required: bool = "false",
        /// What the text is put through, in order.
        transform: Many<TransformSpec>,
    }
}

/// Which of its forms a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldForm {
    /// `path`
    Path,
    /// `coalesce`
    Coalesce,
    /// `value`
    Value,
    /// `each`
    Each,
    /// `const`
    Const,
}

impl FieldLong {
    /// The forms that are given; exactly one should be.
    pub fn forms(&self) -> Vec<FieldForm> {
        [
            (self.path.is_some(), FieldForm::Path),
            (self.coalesce.is_some(), FieldForm::Coalesce),
            (self.value.is_some(), FieldForm::Value),
            (self.each.is_some(), FieldForm::Each),
            (self.constant.is_some(), FieldForm::Const),
        ]
        .into_iter()
        .filter_map(|(given, form)| given.then_some(form))
        .collect()
    }
}

impl Decode for FieldSpec {
    fn shape() -> Shape {
        Shape::OneOf(&[PathText::shape, FieldLong::shape])
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        let before = cx.diagnostics.errors();
        let mut long = match &node.data {
            Data::Scalar(_) => FieldLong::fallback(node.name),
            _ => FieldLong::decode(node, cx),
        };
        if node.get("coalesce").is_some_and(|list| !matches!(list.data, Data::List(_))) {
            // Told of already, as a list that is none.
            long.coalesce = None;
        }
        let broken = matches!(node.data, Data::Broken);
        if let Data::Scalar(scalar) = &node.data {
            if scalar.is_template() {
                cx.diagnostics
                    .error(node.span, "a field takes a path; a template goes under `value`")
                    .hint(format!("{{ value: \"{}\" }}", scalar.text.replace('"', "'")));
            } else {
                long.path = Some(PathText::decode(node, cx));
            }
        }
        let sound = !broken && cx.diagnostics.errors() == before;
        Self { long: Box::new(long), sound }
    }
    fn fallback(span: Span) -> Self {
        Self { long: Box::new(FieldLong::fallback(span)), sound: false }
    }
}

choice! {
    /// What a value is made into. A value that cannot be is a reject.
    pub enum FieldType {
        /// As it came.
        Any = "any",
        /// Text; numbers and booleans keep their source text.
        String = "string",
        /// A whole number.
        Int = "int",
        /// A number.
        Float = "float",
        /// True or false.
        Bool = "bool",
        /// `2023-01-01T00:00:00.000Z`, from the usual forms with any offset.
        Datetime = "datetime",
        /// `2023-01-01`.
        Date = "date",
        /// A list; a single value becomes a list of one.
        List = "list",
        /// An object.
        Object = "object",
    }
}

/// A transform in use: its name, or a map with `type` and its options.
#[derive(Debug, Clone)]
pub struct TransformSpec {
    /// The plugin's name, and its place.
    pub kind: (String, Span),
    /// For `transforms:`, the fields whose text it is applied to.
    pub fields: Vec<PathText>,
    /// The plugin's options.
    pub options: Vec<(crate::spec::Key, Yaml)>,
}

section! {
    /// A transform with options.
    "a transform" pub struct TransformLong {
        /// Name of the plugin.
        kind as "type": PluginName,
        /// The fields whose text it is applied to, in `transforms:`.
        fields: Vec<PathText>,
        ..options
    }
}

/// The name of a transform.
#[derive(Debug, Clone)]
pub struct PluginName(String, Span);

impl Decode for PluginName {
    fn shape() -> Shape {
        Shape::Plugin(scrape_api::Kind::Transform)
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self(cx.text(node, "the name of a transform").unwrap_or_default(), node.span)
    }
    fn fallback(span: Span) -> Self {
        Self(String::new(), span)
    }
}

impl TransformSpec {
    /// `normalize_text: { … }`: the options under the name of the plugin.
    fn under_its_name(node: &Yaml, cx: &mut Cx) -> Option<Self> {
        let [(key, value)] = node.entries() else { return None };
        let Data::Map(options) = &value.data else { return None };
        let pair = |(key, value): &(crate::spec::Key, Yaml)| {
            let text = value.scalar().map_or("…", |scalar| scalar.text.as_str());
            format!(", {}: {text}", key.text)
        };
        let options_text: String = options.iter().map(pair).collect();
        cx.diagnostics
            .error(key.span, "the name of a transform stands under `type`, beside its options")
            .hint(format!("{{ type: {}{options_text} }}", key.text));
        let kind = (key.text.clone(), key.span);
        Some(Self { kind, fields: Vec::new(), options: options.clone() })
    }
}

impl Decode for TransformSpec {
    fn shape() -> Shape {
        Shape::OneOf(&[PluginName::shape, TransformLong::shape])
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        if let Data::Scalar(_) = node.data {
            let PluginName(name, span) = PluginName::decode(node, cx);
            return Self { kind: (name, span), fields: Vec::new(), options: Vec::new() };
        }
        if let Some(named) = Self::under_its_name(node, cx) {
            return named;
        }
        let long = TransformLong::decode(node, cx);
        let kind = (long.kind.0, long.kind.1);
        Self { kind, fields: long.fields, options: long.options }
    }
    fn fallback(span: Span) -> Self {
        Self { kind: (String::new(), span), fields: Vec::new(), options: Vec::new() }
    }
}
