//! JSON Schema of the language, made of the declarations that reading uses.

use scrape_api::{Kind, Plugin};
use serde_json::{Map, Value, json};

use super::lang::Spec;
use super::section::{Declaration, KeyDeclaration, Shape};

/// The schema of a spec, with the options of these plugins (draft 2020-12).
pub fn json_schema(plugins: &[&Plugin]) -> Value {
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
    for plugin in plugins {
        if let Some(Value::Object(inner)) = plugin_schema(plugin).get_mut("$defs") {
            let named = std::mem::take(inner).into_iter();
            definitions.extend(named.map(|(name, v)| (format!("{}.{name}", plugin.name), v)));
        }
    }
    for declaration in Spec::DECLARATION.all() {
        definitions.insert(declaration.name.into(), section(declaration, plugins));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A spec of scrape",
        "$ref": reference(Spec::DECLARATION.name)["$ref"],
        "$defs": definitions,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// One sentence of doc comment lines.
pub fn sentence(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn section(declaration: &Declaration, plugins: &[&Plugin]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut conditions = Vec::new();
    for key in declaration.keys {
        properties.insert(key.name.into(), property(key));
        // A file that extends another may leave out what that one has.
        let needed = key.default.is_none() && !(key.optional)();
        if needed && declaration.name != Spec::DECLARATION.name {
            if key.only.is_empty() {
                required.push(key.name);
            } else {
                conditions.push(json!({
                    "if": { "properties": { "type": { "enum": key.only } }, "required": ["type"] },
                    "then": { "required": [key.name] },
                }));
            }
        }
        if let Shape::Plugin(kind) = (key.shape)() {
            conditions.extend(options(kind, plugins));
        }
    }
    let mut schema = json!({
        "type": "object",
        "description": sentence(declaration.doc),
        "properties": properties,
        "required": required,
    });
    if !conditions.is_empty() {
        schema["allOf"] = Value::Array(conditions);
    }
    if !declaration.open {
        schema["additionalProperties"] = Value::Bool(false);
        // `key+` and `+key` add to a list of the file that is extended.
        schema["patternProperties"] = json!({ "^\\+|\\+$": { "type": "array" } });
    }
    // What is extended can bring any key, so nothing is required beside it.
    json!({ "anyOf": [schema, reference("file")] })
}

fn property(key: &KeyDeclaration) -> Value {
    let mut schema = shape((key.shape)());
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

fn shape(shape: Shape) -> Value {
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
            or_template(json!({ "type": "array", "items": self::shape(inner()) }))
        }
        Shape::OneOrList(inner) => json!({ "anyOf": [
            self::shape(inner()), { "type": "array", "items": self::shape(inner()) },
        ] }),
        Shape::Named(inner) => json!({
            "type": "object", "additionalProperties": { "anyOf": [
                self::shape(inner()), { "type": "null" }, reference("file"),
            ] },
        }),
        Shape::Section(declaration) => reference(declaration.name),
        Shape::OneOf(shapes) => {
            json!({ "anyOf": shapes.iter().map(|s| self::shape(s())).collect::<Vec<_>>() })
        }
        Shape::Plugin(_) => json!({ "type": "string" }),
    }
}

/// The options of each plugin, where it is the one that `type` names.
fn options(kind: Kind, plugins: &[&Plugin]) -> Vec<Value> {
    plugins
        .iter()
        .filter(|plugin| plugin.constructor.kind() == kind)
        .map(|plugin| {
            let schema = plugin_schema(plugin);
            let part = |name: &str| schema.get(name).cloned();
            json!({
                "if": { "properties": { "type": { "const": plugin.name } }, "required": ["type"] },
                "then": {
                    "description": plugin.summary,
                    "properties": part("properties").unwrap_or_else(|| json!({})),
                    "required": part("required").unwrap_or_else(|| json!([])),
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
        let schema = json_schema(&scrape_api::plugins());
        let text = schema.to_string();
        let mut references = 0;
        for part in text.split("#/$defs/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{name}");
            references += 1;
        }
        assert!(references > 40, "{references}");
        let stream = &schema["$defs"]["StreamSpec"]["anyOf"][0];
        assert!(stream["required"].as_array().unwrap().contains(&json!("records")));
        assert_eq!(stream["properties"]["gone"]["default"], "keep");
    }
}
