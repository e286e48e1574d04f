//! How a value that is wrong would be written rightly: what hints are made of.

use super::section::{Declaration, KeyDeclaration, Shape};
use super::yaml::{Data, Scalar, Style, Yaml};
use super::{Sources, suggest, units};

/// What other tools, and people in a hurry, call keys of this language: the
/// section by its Rust name, what they write, the key here.
const SYNONYMS: &[(&str, &str, &str)] = &[
    ("HttpSpec", "url", "base_url"),
    ("HttpSpec", "host", "base_url"),
    ("HttpSpec", "url_base", "base_url"),
    ("HttpSpec", "authentication", "auth"),
    ("HttpSpec", "max_concurrent", "concurrency"),
    ("HttpSpec", "retries", "retry"),
    ("HttpSpec", "rules", "on_response"),
    ("RequestSpec", "url", "path"),
    ("RequestSpec", "endpoint", "path"),
    ("RequestSpec", "params", "query"),
    ("RequestSpec", "request_parameters", "query"),
    ("RequestSpec", "body", "json"),
    ("RequestSpec", "http_method", "method"),
    ("StreamSpec", "record_selector", "records"),
    ("StreamSpec", "data_selector", "records"),
    ("StreamSpec", "selector", "records"),
    ("StreamSpec", "paginator", "pagination"),
    ("StreamSpec", "id", "primary_key"),
    ("StreamSpec", "fields", "map"),
    ("StreamSpec", "schema", "map"),
    ("StreamSpec", "partitions", "for_each"),
    ("StreamSpec", "cursor_field", "version"),
    ("PaginationSpec", "page_size", "limit"),
    ("PaginationSpec", "page_size_param", "limit_param"),
    ("PaginationSpec", "total_path", "total"),
    ("FieldLong", "jsonpath", "path"),
    ("FieldLong", "selector", "path"),
    ("FieldLong", "from", "path"),
    ("FieldLong", "template", "value"),
    ("FieldLong", "transforms", "transform"),
    ("TaskSpec", "if", "when"),
    ("TaskSpec", "filter", "when"),
    ("TaskSpec", "template", "example"),
    ("TaskSpec", "output", "example"),
    ("TaskSpec", "vars", "let"),
    ("RuleSpec", "when", "if"),
    ("RuleSpec", "action", "do"),
    ("RuleSpec", "then", "do"),
    ("RuleSpec", "message", "say"),
    ("CheckSpec", "message", "say"),
    ("RateLimitSpec", "every", "per"),
    ("RateLimitSpec", "interval", "per"),
    ("ParamSpec", "description", "help"),
    ("ParamSpec", "enum", "choices"),
    ("Spec", "sources", "streams"),
    ("Spec", "parameters", "params"),
    ("Spec", "variables", "params"),
    ("Spec", "outputs", "sinks"),
    ("Spec", "destinations", "sinks"),
];

/// What other tools have a key for, and this language has not: the section, their
/// keys, and what to do instead.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    (
        "HttpSpec",
        &["proxy", "proxies"],
        "proxies come from the environment: HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
    ),
    (
        "HttpSpec",
        &["verify", "verify_ssl", "ssl_verify", "insecure", "tls"],
        "certificates are always checked",
    ),
    ("HttpSpec", &["cookies", "cookie"], "headers: { Cookie: … }, or `auth` for a secret one"),
    ("HttpSpec", &["cache"], "what was collected is kept in the store, and not asked for again"),
    ("StreamSpec", &["incremental", "incremental_sync"], "`--resume` asks for what is new"),
    ("StreamSpec", &["limit", "max_records"], "`scrape run SPEC --limit N`"),
    ("SinkSpec", &["mode", "append", "overwrite"], "a sink says by itself how it replaces rows"),
];

/// What there is in place of a key that this language does not have.
pub fn elsewhere(section: &str, text: &str) -> Option<&'static str> {
    let found = ELSEWHERE.iter().find(|(of, theirs, _)| *of == section && theirs.contains(&text));
    found.map(|(.., instead)| *instead)
}

/// The key that stands here for what others call `text`.
pub fn synonym(section: &str, text: &str) -> Option<&'static str> {
    let found = SYNONYMS.iter().find(|(of, theirs, _)| *of == section && *theirs == text);
    found.map(|(.., ours)| *ours)
}

/// Of a closed list, the word that was probably meant.
pub fn word<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    let has = |word: &str| words.iter().copied().find(|w| *w == word);
    // What YAML of old takes for booleans, where a word is wanted.
    let plain = match text.to_ascii_lowercase().as_str() {
        "no" | "off" | "false" => has("ignore").or_else(|| has("none")),
        "yes" | "on" | "true" => has("obey"),
        "str" | "text" => has("string"),
        "integer" | "number" => has("int"),
        "boolean" => has("bool"),
        "array" => has("list"),
        "timestamp" => has("datetime"),
        "map" | "dict" => has("object"),
        _ => None,
    };
    plain.or_else(|| suggest::closest(text, words.iter().copied()))
}

/// `true` for what YAML of old takes for it, `false` likewise.
pub fn bool(text: &str) -> Option<String> {
    let meant = match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" => "true",
        "false" | "no" | "n" | "off" | "0" => "false",
        _ => return None,
    };
    Some(meant.to_owned())
}

/// A whole number without what does not belong to it: `1_000`, `012`.
pub fn number(text: &str) -> Option<String> {
    let digits = text.replace(['_', ',', '\''], "");
    let number: u32 = digits.parse().ok()?;
    (number.to_string() != text).then(|| number.to_string())
}

/// `base_url:https://…`: a key and its value without a blank between them.
pub fn glued(scalar: &Scalar) -> Option<(&str, &str)> {
    let (key, rest) = scalar.text.split_once(':')?;
    (scalar.style == Style::Plain && !rest.starts_with(' ')).then_some((key, rest))
}

/// Why there is no value although something stands behind the key.
pub fn why_nothing(node: &Yaml, sources: &Sources) -> Option<String> {
    if !node.is_null() {
        return None;
    }
    let text = &sources.get(node.name.file)?.text;
    let line = text.get(node.name.end as usize..)?.lines().next()?;
    let rest = line.trim_start().strip_prefix(':')?.trim();
    match rest.chars().next()? {
        '#' => Some(format!("` #` begins a comment; quote the value: {}", quoted(rest))),
        '&' => {
            Some(format!("`{rest}` is a YAML anchor; quote it if text is meant: {}", quoted(rest)))
        }
        _ => None,
    }
}

/// A text as a YAML value that needs no escapes.
pub fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

/// How a section is written where something else stands.
pub fn of_section(node: &Yaml, declaration: &Declaration) -> Option<String> {
    let text = match &node.data {
        Data::List(items) if items.iter().all(|i| matches!(i.data, Data::Map(_))) => {
            return Some(String::from("remove the `- `: keys stand side by side, without dashes"));
        }
        Data::Scalar(scalar) if !scalar.is_null() => scalar.text.as_str(),
        _ => return None,
    };
    match declaration.name {
        "ParamSpec" => return Some(format!("{{ type: string, default: {text} }}")),
        "SecretSpec" => return Some(format!("{{ env: {text} }}")),
        "RequestSpec" => return Some(format!("{{ path: {text} }}")),
        "RetrySpec" if text.parse::<u32>().is_ok() => {
            return Some(format!("{{ max_attempts: {text} }}"));
        }
        "TimeoutSpec" if text.parse::<u32>().is_ok() => {
            return Some(format!("{{ connect: 10s, read: {text}s }}"));
        }
        _ => {}
    }
    let is_duration = units::duration(text).is_ok();
    let mut pairs = Vec::new();
    for key in declaration.keys {
        match (key.shape)() {
            Shape::Choice(words) if words.iter().any(|(word, _)| *word == text) => {
                return Some(format!("{{ {}: {text}, … }}", key.name));
            }
            Shape::Duration if is_duration => pairs.push(format!("{}: {text}", key.name)),
            _ => {}
        }
    }
    (!pairs.is_empty()).then(|| format!("{{ {} }}", pairs.join(", ")))
}

/// How a list is written where something else stands.
pub fn of_list(node: &Yaml, items: Shape) -> String {
    match (&node.data, items) {
        (Data::Scalar(scalar), Shape::Text | Shape::Path | Shape::Template) => {
            format!("[{}]", scalar.text)
        }
        (Data::Map(_), Shape::Section(_)) => {
            String::from("it is a list: write `[{ … }]`, or put `- ` before its first key")
        }
        (_, Shape::Section(section)) => {
            let needed = section.keys.iter().filter(|k| !(k.optional)() && k.default.is_none());
            let needed: Vec<_> =
                needed.map(|k| format!("{}: {}", k.name, example(section.name, k))).collect();
            format!("[{{ {} }}]", needed.join(", "))
        }
        _ => String::from("write it as `[a, b]`, or as lines that begin with `- `"),
    }
}

/// How names are given values where something else stands.
pub fn of_names(node: &Yaml) -> Option<String> {
    match &node.data {
        Data::List(_) => {
            Some(String::from("each name is a key: `name: value`, without `- ` or `[ ]`"))
        }
        Data::Scalar(scalar) if scalar.is_template() => {
            Some(format!("{{ name: {} }}", quoted(&scalar.text)))
        }
        _ => None,
    }
}

/// A value for a key, as an author would write it.
pub fn example(section: &str, key: &KeyDeclaration) -> String {
    let known = match (section, key.name) {
        (_, "name") => "my-name",
        ("Spec", "http") => "{ base_url: https://issues.example.org }",
        (_, "request") => "{ path: /rest/api/2/search }",
        ("RequestSpec", "path") => "/rest/api/2/search",
        (_, "primary_key") => "$.id",
        (_, "records") => "\"$.issues[*]\"",
        (_, "token") => "\"{{ secrets.token }}\"",
        (_, "password" | "value") => "\"{{ secrets.password }}\"",
        (_, "username") => "\"{{ secrets.user }}\"",
        ("PaginationSpec", "after") => "$.key",
        ("PaginationSpec", "url") => "$.next",
        ("RuleSpec" | "CheckSpec", "if") => "{ status: 4xx }",
        (_, "say") => "\"what to tell the user\"",
        (_, "probe") => "{ query: { startAt: \"{{ probe.offset }}\" } }",
        ("TaskSpec", "example") => "{ text: \"{{ record.title }}\" }",
        (_, "requests") => "1",
        (_, "per") => "1s",
        (_, "header") => "Retry-After",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    match (key.shape)() {
        Shape::Choice(words) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            words.join(" | ")
        }
        Shape::Url => String::from("https://issues.example.org"),
        Shape::Path => String::from("$.fields.summary"),
        Shape::Int | Shape::Positive => String::from("1"),
        Shape::Bool => String::from("true"),
        Shape::Duration => String::from("30s"),
        Shape::Size => String::from("64MiB"),
        Shape::Plugin(scrape_api::Kind::Sink) => String::from("jsonl"),
        _ => String::from("…"),
    }
}
