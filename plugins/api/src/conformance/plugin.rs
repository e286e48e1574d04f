//! What a plugin says about itself.

use serde_json::Value;

use super::Report;
use crate::{Constructor, Kind, Plugin, plugins};

/// Checks how a plugin describes itself: `scrape list` and editors show that.
///
/// ```
/// # use scrape_api::{Deserialize, JsonSchema, OptionsError, Result, Scope, Transform, Value, Verdict};
/// # struct Nothing;
/// # impl Transform for Nothing {
/// #     fn scope(&self) -> Scope { Scope::Value }
/// #     fn apply(&self, _: &mut Value) -> Result<Verdict> { Ok(Verdict::Keep) }
/// # }
/// # #[derive(Deserialize, JsonSchema)]
/// # #[serde(crate = "scrape_api::serde", deny_unknown_fields)]
/// # #[schemars(crate = "scrape_api::schemars")]
/// # struct Config {}
/// # scrape_api::register_transform! {
/// #     name: "nothing", summary: "Leaves values as they are", config: Config,
/// #     example: "transforms:\n  - { type: nothing, fields: [title] }",
/// #     new: |_: Config| Ok::<_, OptionsError>(Nothing),
/// # }
/// use scrape_api::{Kind, conformance};
///
/// conformance::registered(Kind::Transform, "nothing").expect_sound();
/// ```
///
/// # Panics
/// When no plugin of that kind and name is linked into the test.
pub fn registered(kind: Kind, name: &str) -> Report {
    let plugin = find(kind, name);
    let mut report = Report::new(format!("the description of the {} `{name}`", kind.as_str()));
    let schema = (plugin.schema)().to_value();
    report.add(
        "name_is_a_word",
        "`Plugin::name`: lower-case letters, digits and `_`, as it stands after `type:`",
        checked(is_word(name), || format!("the name is {name:?}")),
    );
    let summary = plugin.summary;
    report.add(
        "summary_fits_a_line",
        "`Plugin::summary`: one sentence of at most 100 characters, without a full stop",
        checked(
            (10..=100).contains(&summary.chars().count())
                && !summary.ends_with('.')
                && !summary.contains('\n'),
            || format!("the summary is {summary:?}"),
        ),
    );
    let example = plugin.example;
    let section = match kind {
        Kind::Fetch => "http:",
        Kind::Transform => "transform",
        Kind::Sink => "sinks:",
    };
    report.add(
        "example_is_a_part_of_a_spec",
        "`Plugin::example`: a part of a spec, from its top level, that names the plugin",
        checked(
            example.contains(name) && example.contains(section) && !example.starts_with([' ', '{']),
            || format!("the example is {example:?}; it should hold `{section}` and `{name}`"),
        ),
    );
    report.add(
        "every_option_is_described",
        "`Plugin::schema`: each option has a doc comment, which `scrape list` shows",
        undescribed(&schema),
    );
    report.add(
        "unknown_options_are_refused",
        "`Plugin::schema`: a misspelt option is an error: `#[serde(deny_unknown_fields)]`",
        checked(schema["additionalProperties"] == Value::Bool(false), || {
            "the config struct takes any option".to_owned()
        }),
    );
    report
}

/// The plugin of a kind and name.
pub(super) fn find(kind: Kind, name: &str) -> &'static Plugin {
    let all = plugins();
    let named: Vec<_> =
        all.iter().filter(|p| p.constructor.kind() == kind && p.name == name).collect();
    match named.as_slice() {
        [plugin] => plugin,
        [] => panic!(
            "no {} is registered as `{name}`: add `use your_crate as _;` to the test, or the \
             linker leaves the crate out",
            kind.as_str()
        ),
        _ => panic!("{} plugins are registered as {} `{name}`", named.len(), kind.as_str()),
    }
}

/// The constructor's error as one sentence.
pub(super) fn made<T>(result: Result<T, crate::OptionsError>, name: &str, options: &Value) -> T {
    result.unwrap_or_else(|error| {
        let place = match error.path.as_slice() {
            [] => String::new(),
            path => format!(" at `{}`", path.join(".")),
        };
        panic!("`{name}` refuses the options {options}{place}: {error}")
    })
}

/// Whether a constructor is of the kind that its plugin is registered as is
/// certain; this gives the other half of the pattern a name.
pub(super) fn wrong_kind(constructor: Constructor) -> ! {
    panic!("the constructor makes a {}", constructor.kind().as_str())
}

fn checked(sound: bool, found: impl FnOnce() -> String) -> Result<(), String> {
    if sound { Ok(()) } else { Err(found()) }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn undescribed(schema: &Value) -> Result<(), String> {
    let without: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, option)| option["description"].as_str().is_none_or(str::is_empty))
        .map(|(name, _)| name.as_str())
        .collect();
    checked(without.is_empty(), || format!("without a doc comment: {}", without.join(", ")))
}
