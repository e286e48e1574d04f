//! The options of a plugin, from the JSON Schema of its config.

use scrape_api::Plugin;
use serde_json::Value;

/// An option.
pub struct PluginOption {
    /// Its name.
    pub name: String,
    /// What its value looks like, in a word.
    pub kind: &'static str,
    /// Whether it may be left out.
    pub optional: Optional,
    /// The words that it takes, with their meanings, where the list is closed.
    pub values: Vec<(String, String)>,
    /// Its doc comment, on one line.
    pub description: String,
}

/// Whether an option may be left out.
#[derive(Debug, PartialEq)]
pub enum Optional {
    /// It has to be given.
    No,
    /// It has this default.
    Default(Value),
    /// It has none, and may be left out.
    Absent,
}

/// The options of a plugin, in the order of its config.
pub fn options(plugin: &Plugin) -> Vec<PluginOption> {
    let schema = (plugin.schema)().to_value();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let values = words(&schema, property);
            let optional = match property.get("default") {
                _ if required.contains(&name.as_str()) => Optional::No,
                None | Some(Value::Null) => Optional::Absent,
                Some(default) => Optional::Default(default.clone()),
            };
            PluginOption {
                name: name.clone(),
                kind: if values.is_empty() { kind(&schema, property) } else { "word" },
                optional,
                values,
                description: line(property),
            }
        })
        .collect()
}

fn line(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a property is said to be, wherever that stands: in itself, behind a `$ref`,
/// or beside null.
fn forms<'s>(schema: &'s Value, property: &'s Value) -> Vec<&'s Value> {
    let mut found = vec![property];
    let named = property["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
    found.extend(named.and_then(|pointer| schema.pointer(pointer)));
    for list in ["anyOf", "oneOf", "allOf"] {
        for inner in property[list].as_array().into_iter().flatten() {
            found.extend(forms(schema, inner));
        }
    }
    found
}

fn words(schema: &Value, property: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for form in forms(schema, property) {
        let each = ["oneOf", "anyOf"].into_iter().filter_map(|list| form[list].as_array());
        for word in each.flatten() {
            if let Some(name) = word["const"].as_str() {
                found.push((name.to_owned(), line(word)));
            }
        }
        for name in form["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            found.push((name.to_owned(), String::new()));
        }
    }
    found
}

fn kind(schema: &Value, property: &Value) -> &'static str {
    let name = |name: &str| match name {
        "string" => Some("text"),
        "integer" => Some("integer"),
        "number" => Some("number"),
        "boolean" => Some("bool"),
        "array" => Some("list"),
        "object" => Some("map"),
        _ => None,
    };
    let of = |form: &Value| match &form["type"] {
        Value::String(kind) => name(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find_map(name),
        _ => None,
    };
    forms(schema, property).into_iter().find_map(of).unwrap_or("any")
}
