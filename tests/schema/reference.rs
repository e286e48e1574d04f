//! The page of all keys, made of the schemas.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

/// The page for the kinds of files: what each is, and its schema.
pub fn page(files: &[(&str, Value)]) -> String {
    let mut page = String::from(
        "# All keys\n\n\
         Every key that files of the language can have, by the place where it stands: `[]` is an\n\
         item of a list, `NAME` a name that the author chooses. A value that several places share\n\
         is told once. A file of a task has the keys of `tasks.NAME`. Options of plugins are shown by `scrape list`; guides are in\n\
         [spec.md](spec.md) and [task.md](task.md).\n\n\
         This page is made of the schemas: `SCRAPE_UPDATE=1 cargo test --test schema`.\n",
    );
    let mut told = BTreeSet::new();
    for (what, schema) in files {
        let _ = write!(page, "\n## {what}\n");
        let root = schema["allOf"][0]["$ref"].as_str().expect("a root");
        let mut waiting = vec![(String::new(), name_of(root))];
        while let Some((place, name)) = waiting.pop() {
            let definition = &schema["$defs"][&name];
            if !told.insert(name.clone()) || definition["else"]["properties"].is_null() {
                continue;
            }
            let needed = &schema["$defs"][format!("required.{name}")]["then"]["required"];
            section(&mut page, &place, &definition["else"], needed);
            let keys = definition["else"]["properties"].as_object().expect("keys");
            for (key, value) in keys.iter().rev() {
                let inner = [&place, key.as_str()].into_iter().filter(|part| !part.is_empty());
                let inner = inner.map(|part| part.to_string()).collect::<Vec<_>>().join(".");
                sections(value, inner, &mut waiting);
            }
        }
    }
    page
}

/// One place: its keys in a table.
fn section(page: &mut String, place: &str, section: &Value, needed: &Value) {
    let about = section["description"].as_str().unwrap_or_default();
    if !place.is_empty() {
        let _ = write!(page, "\n### `{place}`\n");
    }
    let _ = write!(page, "\n{about}\n\n| key | default | |\n| --- | --- | --- |\n");
    for (key, value) in section["properties"].as_object().expect("keys") {
        let is_needed = needed.as_array().is_some_and(|needed| needed.iter().any(|n| n == key));
        let default = match &value["default"] {
            _ if is_needed => String::from("needed"),
            Value::Null => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let mut words = Vec::new();
        choices(value, &mut words);
        let mut text = value["description"].as_str().unwrap_or_default().to_owned();
        if !words.is_empty() {
            let _ = write!(text, " One of {}.", words.join(", "));
        }
        let line = format!("| `{key}` | {default} | {} |", text.trim().replace('|', "\\|"));
        let _ = writeln!(page, "{}", line.replace("|  |", "| |"));
    }
}

/// The words of a closed list, each once.
fn choices(value: &Value, words: &mut Vec<String>) {
    if let Some(word) = value["const"].as_str().map(|word| format!("`{word}`"))
        && !words.contains(&word)
    {
        words.push(word);
    }
    for key in ["anyOf", "oneOf"] {
        for inner in value[key].as_array().into_iter().flatten() {
            choices(inner, words);
        }
    }
    for key in ["items", "then", "else"] {
        if !value[key].is_null() {
            choices(&value[key], words);
        }
    }
}

/// The sections that a value can be, each with its place.
fn sections(value: &Value, place: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match key.as_str() {
                    "$ref" => found.push((place.clone(), name_of(inner.as_str().expect("a name")))),
                    "items" => sections(inner, format!("{place}[]"), found),
                    "additionalProperties" => sections(inner, format!("{place}.NAME"), found),
                    _ => sections(inner, place.clone(), found),
                }
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|inner| sections(inner, place.clone(), found));
        }
        _ => {}
    }
}

fn name_of(reference: &str) -> String {
    reference.trim_start_matches("#/$defs/").to_owned()
}
