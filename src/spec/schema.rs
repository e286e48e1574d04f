//! JSON Schema of the language, made of the declarations that reading uses.

use scrape_api::{Kind, Plugin};
use serde_json::{Map, Value, json};

use super::lang::{ParamSpec, Spec, TaskSpec, TrialSpec};
use super::section::{Declaration, KeyDeclaration, Shape};

/// The kinds of files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A spec.
    Spec,
    /// A task in a file of its own.
    Task,
    /// The tests of a spec.
    Test,
}

impl FileKind {
    fn root(self) -> &'static Declaration {
        match self {
            Self::Spec => Spec::DECLARATION,
            Self::Task => TaskSpec::DECLARATION,
            Self::Test => TrialSpec::DECLARATION,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Spec => "A spec of scrape",
            Self::Task => "A task of scrape",
            Self::Test => "Tests of a spec of scrape",
        }
    }
}

/// The schema of a kind of files, with the options of these plugins (draft 2020-12).
///
/// What must be there stands apart, under `required.NAME`: a file that `extends`
/// another may leave it out.
pub fn json_schema(kind: FileKind, plugins: &[&Plugin]) -> Value {
    let mut definitions = Map::new();
    definitions.insert("template".into(), json!({ "type": "string", "pattern": "\\{[{%]" }));
    definitions.insert(
        "file".into(),
        json!({
            "type": "object",
            "description": "What the file holds; its path is relative to this file.",
            "properties": { "file": { "type": "string" } },
            "required": ["file"],
            "additionalProperties": false,
        }),
    );
    let root = kind.root();
    for declaration in root.all() {
        let needs = format!("{REQUIRED}{}", declaration.name);
        definitions.insert(declaration.name.into(), section(declaration, plugins));
        definitions.insert(needs, requirements(declaration));
    }
    let uses_plugins = root.all().flat_map(|d| d.keys).any(|k| plugin_of((k.shape)()).is_some());
    for plugin in plugins.iter().filter(|_| uses_plugins) {
        if let Some(Value::Object(inner)) = plugin_schema(plugin).get_mut("$defs") {
            let named = std::mem::take(inner).into_iter();
            definitions.extend(named.map(|(name, v)| (format!("{}.{name}", plugin.name), v)));
        }
    }
    let is_laid_over = json!({ "type": "object", "required": ["extends"] });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.title(),
        "allOf": [
            reference(root.name),
            { "if": is_laid_over, "else": reference(&format!("{REQUIRED}{}", root.name)) },
        ],
        "$defs": definitions,
    })
}

/// What the names of requirements begin with.
const REQUIRED: &str = "required.";

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// One sentence of doc comment lines.
pub fn sentence(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// A schema, unless a file is included in its place.
fn unless_included(schema: Value) -> Value {
    json!({
        "if": { "type": "object", "required": ["file"], "maxProperties": 1 },
        "then": reference("file"),
        "else": schema,
    })
}

fn section(declaration: &Declaration, plugins: &[&Plugin]) -> Value {
    let mut properties = Map::new();
    let mut conditions = Vec::new();
    for key in declaration.keys {
        properties.insert(key.name.into(), property(key, plugins));
        if !key.only.is_empty() {
            conditions.push(only(declaration, key));
        }
        if let Some(kind) = plugin_of((key.shape)()) {
            conditions.extend(options(kind, declaration, plugins));
        }
    }
    if declaration.name == ParamSpec::DECLARATION.name {
        conditions.extend(defaults_of_params());
    }
    let mut schema = json!({
        "type": "object",
        "description": sentence(declaration.doc),
        "properties": properties,
    });
    if !conditions.is_empty() {
        schema["allOf"] = Value::Array(conditions);
    }
    if !declaration.open {
        schema["additionalProperties"] = Value::Bool(false);
        schema["patternProperties"] = additions();
    }
    unless_included(schema)
}

/// `key+` and `+key` add to a list of the file that is extended.
fn additions() -> Value {
    json!({ "^\\+|\\+$": { "type": "array" } })
}

/// A key that has no meaning with other values of `type`.
fn only(declaration: &Declaration, key: &KeyDeclaration) -> Value {
    let kind = declaration.key("type");
    let words = match kind.map(|kind| (kind.shape)()) {
        Some(Shape::Choice(words)) => words,
        _ => &[],
    };
    let others: Vec<_> =
        words.iter().map(|(word, _)| *word).filter(|word| !key.only.contains(word)).collect();
    let mut other = json!({ "properties": { "type": { "enum": others } } });
    // Without `type` its default holds.
    if kind.and_then(|kind| kind.default).is_none_or(|default| key.only.contains(&default)) {
        other["required"] = json!(["type"]);
    }
    json!({ "if": other, "then": { "properties": { key.name: false } } })
}

/// What the default of a param looks like, by its type.
fn defaults_of_params() -> impl Iterator<Item = Value> {
    let list = json!({ "type": ["array", "string", "null"] });
    let kinds = [
        ("int", nullable(json!({ "type": "integer" }))),
        ("float", nullable(json!({ "type": "number" }))),
        ("bool", nullable(json!({ "type": "boolean" }))),
        ("list", list),
        ("duration", nullable(shape(Shape::Duration, &[]))),
        ("url", nullable(shape(Shape::Url, &[]))),
    ];
    kinds.into_iter().map(|(kind, default)| {
        json!({
            "if": { "properties": { "type": { "const": kind } }, "required": ["type"] },
            "then": { "properties": { "default": default } },
        })
    })
}

fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// A schema for one type of values: what is wrong inside such a value is told of by
/// itself, not as none of several forms.
fn when(ty: &str, schema: Value, otherwise: Value) -> Value {
    json!({ "if": { "type": ty }, "then": schema, "else": otherwise })
}

/// The keys that must be there, here and below.
fn requirements(declaration: &Declaration) -> Value {
    let mut required = Vec::new();
    let mut conditions = Vec::new();
    let mut properties = Map::new();
    for key in declaration.keys {
        if key.default.is_none() && !(key.optional)() {
            if key.only.is_empty() {
                required.push(key.name);
            } else {
                conditions.push(json!({
                    "if": { "properties": { "type": { "enum": key.only } }, "required": ["type"] },
                    "then": { "required": [key.name] },
                }));
            }
        }
        if let Some(below) = requirements_of((key.shape)()) {
            properties.insert(key.name.into(), below);
        }
    }
    let mut schema = json!({ "required": required });
    if !properties.is_empty() {
        schema["properties"] = Value::Object(properties);
    }
    if !conditions.is_empty() {
        schema["allOf"] = Value::Array(conditions);
    }
    json!({
        "if": {
            "type": "object",
            "not": { "required": ["file"], "maxProperties": 1 },
        },
        "then": schema,
    })
}

fn requirements_of(shape: Shape) -> Option<Value> {
    match shape {
        Shape::Section(declaration) => Some(reference(&format!("{REQUIRED}{}", declaration.name))),
        Shape::List(inner) => Some(json!({ "items": requirements_of(inner())? })),
        Shape::OneOrList(inner) => {
            let one = requirements_of(inner())?;
            Some(json!({ "allOf": [one, { "items": one }] }))
        }
        Shape::Named(inner) => Some(json!({ "additionalProperties": requirements_of(inner())? })),
        // Of several forms only one is a map with keys of its own.
        Shape::OneOf(shapes) => {
            let mut found = shapes.iter().filter_map(|shape| requirements_of(shape()));
            found.next().filter(|_| found.next().is_none())
        }
        _ => None,
    }
}

fn property(key: &KeyDeclaration, plugins: &[&Plugin]) -> Value {
    let shape = (key.shape)();
    let mut schema = self::shape(shape, plugins);
    if key.default.is_some() || (key.optional)() {
        // Null takes away what the file that is extended says.
        schema = match shape {
            Shape::Section(_) | Shape::Named(_) | Shape::List(_) => {
                when("null", json!(true), schema)
            }
            _ => nullable(schema),
        };
    }
    let mut description = sentence(key.doc);
    if !key.only.is_empty() {
        description.push_str(&format!(" With `type: {}`.", key.only.join("`, `")));
    }
    schema["description"] = description.into();
    if let Some(default) = key.default.filter(|d| *d != "{}") {
        let scalar =
            super::Scalar { text: default.to_owned(), style: super::Style::Plain, verbatim: None };
        schema["default"] = scalar.to_json();
    }
    schema
}

/// The kind of plugin that a key names.
fn plugin_of(shape: Shape) -> Option<Kind> {
    match shape {
        Shape::Plugin(kind) => Some(kind),
        _ => None,
    }
}

fn shape(shape: Shape, plugins: &[&Plugin]) -> Value {
    let or_template = |schema: Value| json!({ "anyOf": [schema, reference("template")] });
    match shape {
        Shape::Any => json!({}),
        // An unquoted number is text where text is wanted.
        Shape::Text | Shape::Template => json!({ "anyOf": [
            { "type": ["string", "number", "boolean"] }, reference("file"),
        ] }),
        Shape::Int => or_template(json!({ "type": "integer", "minimum": 0 })),
        Shape::Positive => or_template(json!({ "type": "integer", "minimum": 1 })),
        Shape::Bool => or_template(json!({ "type": "boolean" })),
        Shape::Duration => or_template(json!({
            "type": ["string", "integer"], "pattern": "^(0|([0-9.]+ ?(ms|s|m|h|d) ?)+)$",
        })),
        Shape::Size => or_template(json!({
            "type": ["string", "integer"], "pattern": "^[0-9.]+ ?([kKMG]i?)?B?$",
        })),
        Shape::Url => or_template(json!({ "type": "string", "pattern": "^https?://" })),
        Shape::Path => json!({ "type": "string" }),
        Shape::Choice(words) => {
            let each = words
                .iter()
                .map(|(word, doc)| json!({ "const": word, "description": sentence(doc) }));
            json!({ "anyOf": each.chain([reference("template")]).collect::<Vec<_>>() })
        }
        Shape::List(inner) => {
            let items = self::shape(inner(), plugins);
            when("string", reference("template"), json!({ "type": "array", "items": items }))
        }
        Shape::OneOrList(inner) => {
            let one = self::shape(inner(), plugins);
            when("array", json!({ "items": one }), one.clone())
        }
        Shape::Named(inner) => {
            let value = match (inner(), self::shape(inner(), plugins)) {
                // Sections see to it themselves.
                (Shape::Section(_), value) => value,
                (_, value) => unless_included(value),
            };
            let value = when("null", json!(true), value);
            json!({ "type": "object", "additionalProperties": value })
        }
        Shape::Section(declaration) => reference(declaration.name),
        Shape::OneOf(shapes) => {
            let (sections, others): (Vec<Shape>, Vec<Shape>) = shapes
                .iter()
                .map(|shape| shape())
                .partition(|shape| matches!(shape, Shape::Section(_)));
            let all = |shapes: &[Shape]| -> Vec<Value> {
                shapes.iter().map(|shape| self::shape(*shape, plugins)).collect()
            };
            match sections[..] {
                [section] => {
                    when("object", self::shape(section, plugins), json!({ "anyOf": all(&others) }))
                }
                _ => {
                    let forms = [all(&sections), all(&others)].concat();
                    json!({ "anyOf": forms })
                }
            }
        }
        Shape::Plugin(kind) => {
            let named = plugins.iter().filter(|plugin| plugin.constructor.kind() == kind);
            let each = named.map(|p| json!({ "const": p.name, "description": p.summary }));
            json!({ "anyOf": each.chain([reference("template")]).collect::<Vec<_>>() })
        }
    }
}

/// The options of each plugin, where it is the one that `type` names: no other keys
/// but those of the section.
fn options(kind: Kind, declaration: &Declaration, plugins: &[&Plugin]) -> Vec<Value> {
    plugins
        .iter()
        .filter(|plugin| plugin.constructor.kind() == kind)
        .map(|plugin| {
            let mut schema = plugin_schema(plugin);
            let mut properties = match schema.get_mut("properties").map(Value::take) {
                Some(Value::Object(properties)) => properties,
                _ => Map::new(),
            };
            properties.extend(declaration.keys.iter().map(|k| (k.name.to_owned(), json!(true))));
            json!({
                "if": { "properties": { "type": { "const": plugin.name } }, "required": ["type"] },
                "then": {
                    "description": plugin.summary,
                    "properties": properties,
                    "required": schema.get("required").cloned().unwrap_or_else(|| json!([])),
                    "patternProperties": additions(),
                    "additionalProperties": false,
                },
            })
        })
        .collect()
}

/// The schema of a plugin's options; what it refers to is named after it.
fn plugin_schema(plugin: &Plugin) -> Value {
    let mut schema = (plugin.schema)().to_value();
    rename(&mut schema, plugin.name);
    schema
}

fn rename(schema: &mut Value, prefix: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                let name = value.as_str().filter(|_| key == "$ref");
                match name.and_then(|v| v.strip_prefix("#/$defs/")) {
                    Some(name) => *value = Value::from(format!("#/$defs/{prefix}.{name}")),
                    None => rename(value, prefix),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, prefix)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_sentence() {
        for declaration in Spec::DECLARATION.all() {
            assert!(sentence(declaration.doc).ends_with('.'), "{}", declaration.name);
            for key in declaration.keys {
                let doc = sentence(key.doc);
                assert!(doc.ends_with('.'), "{}.{}: {doc}", declaration.name, key.name);
            }
        }
    }

    #[test]
    fn the_schema_names_every_section_and_every_reference_is_met() {
        for (kind, least) in [(FileKind::Spec, 80), (FileKind::Task, 2), (FileKind::Test, 4)] {
            let schema = json_schema(kind, &scrape_api::plugins());
            let text = schema.to_string();
            let mut references = 0;
            for part in text.split("#/$defs/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(schema["$defs"].get(name).is_some(), "{name}");
                references += 1;
            }
            assert!(references > least, "{references}");
        }
        let schema = json_schema(FileKind::Spec, &scrape_api::plugins());
        let stream = &schema["$defs"]["required.StreamSpec"]["then"];
        assert!(stream["required"].as_array().unwrap().contains(&json!("records")));
        let stream = &schema["$defs"]["StreamSpec"]["else"];
        assert_eq!(stream["properties"]["gone"]["default"], "keep");
    }
}
