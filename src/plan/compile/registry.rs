//! Plugins by name, and what is wrong with their options.

use scrape_api::{Kind, OptionsError, Plugin};

use super::compiler::Compiler;
use crate::spec::{Data, Diagnostics, Key, Span, Yaml, suggest_hint};

/// The plugins that a spec can name.
pub(super) struct Registry {
    plugins: Vec<&'static Plugin>,
}

impl Registry {
    /// Those that are linked into this binary.
    pub(super) fn linked() -> Self {
        Self { plugins: scrape_api::plugins() }
    }

    fn find(&self, kind: Kind, name: &str) -> Option<&'static Plugin> {
        self.plugins.iter().copied().find(|p| p.name == name && p.constructor.kind() == kind)
    }

    /// Reports plugins of the same kind and name: which one is meant would be
    /// left to chance.
    pub(super) fn check(&self, diagnostics: &mut Diagnostics) {
        for (i, one) in self.plugins.iter().enumerate() {
            let kind = one.constructor.kind();
            let same = |p: &&&Plugin| p.name == one.name && p.constructor.kind() == kind;
            if let Some(other) = self.plugins[i + 1..].iter().find(same) {
                diagnostics
                    .error_nowhere(format!(
                        "two {} plugins are named `{}`: one of the crate {} {}, one of {} {}",
                        kind.as_str(),
                        one.name,
                        one.crate_name,
                        one.crate_version,
                        other.crate_name,
                        other.crate_version,
                    ))
                    .hint("leave one of the crates out of the binary");
            }
        }
    }
}

impl Compiler<'_> {
    /// Whether there is one.
    pub(super) fn has_plugin(&self, kind: Kind, name: &str) -> bool {
        self.registry.find(kind, name).is_some()
    }

    /// The plugin of a name; reports one that there is none of.
    pub(super) fn plugin(&mut self, kind: Kind, name: &str, span: Span) -> Option<&'static Plugin> {
        if name.is_empty() {
            return None;
        }
        let found = self.registry.find(kind, name);
        if found.is_none() {
            let plugins = &self.registry.plugins;
            let names: Vec<_> =
                plugins.iter().filter(|p| p.constructor.kind() == kind).map(|p| p.name).collect();
            let other = plugins.iter().find(|p| p.name == name);
            let hint = match other {
                Some(other) => {
                    format!("`{name}` is a {} plugin", other.constructor.kind().as_str())
                }
                None if name.contains(',') => format!("several are a list: [{name}]"),
                None => suggest_hint(name, names.iter().copied()),
            };
            self.diagnostics
                .error(span, format!("there is no {} plugin `{name}`", kind.as_str()))
                .hint(hint);
        }
        found
    }

    /// Reports what a plugin says about its options, at the option.
    pub(super) fn options_error(
        &mut self,
        plugin: &Plugin,
        error: &OptionsError,
        options: &[(Key, Yaml)],
        fallback: Span,
    ) {
        let mut place = fallback;
        let mut steps = error.path.iter();
        let first = steps.next().and_then(|name| options.iter().find(|(k, _)| k.text == *name));
        let mut node = first.map(|(_, node)| node);
        let mut found = None;
        while let Some(at) = node {
            found = Some(at);
            place = if at.scalar().is_some() { at.span } else { at.name };
            node = steps.next().and_then(|step| match &at.data {
                Data::List(items) => items.get(step.parse::<usize>().ok()?),
                _ => at.get(step),
            });
        }
        let (message, hint) = words(plugin, &error.message, found);
        let diagnostic = self.diagnostics.error(place, message);
        if let Some(hint) = hint {
            diagnostic.hint(hint);
        }
    }
}

/// What serde says about an option, in the words of this program; what a plugin
/// says itself is left as it is.
fn words(plugin: &Plugin, said: &str, node: Option<&Yaml>) -> (String, Option<String>) {
    if let Some(name) = said.strip_prefix("missing field `").and_then(|s| s.strip_suffix('`')) {
        let message = format!("`{}` needs the option `{name}`", plugin.name);
        return (message, Some(plugin.example.trim().to_owned()).filter(|e| !e.is_empty()));
    }
    if let Some((variant, rest)) =
        said.strip_prefix("unknown variant `").and_then(|s| s.split_once("`, expected "))
    {
        let known = rest.trim_start_matches("one of ").replace(", ", " | ").replace(" or ", " | ");
        let names: Vec<&str> = known.split(" | ").map(|name| name.trim_matches('`')).collect();
        let hint = suggest_hint(variant, names.iter().copied());
        return (format!("expected {rest}, found `{variant}`"), Some(hint));
    }
    let mismatch = ["invalid type: ", "invalid value: "].iter().any(|s| said.starts_with(s));
    let Some(((_, expected), node)) =
        said.rsplit_once(", expected ").filter(|_| mismatch).zip(node)
    else {
        return (said.to_owned(), None);
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 up",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" => "text",
        "a sequence" => "a list",
        other => other,
    };
    (format!("expected {expected}, found {}", node.describe()), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_one_name_are_an_error_that_names_both_crates() {
        let mut plugins = scrape_api::plugins();
        let mut found = Diagnostics::default();
        Registry { plugins: plugins.clone() }.check(&mut found);
        assert!(!found.has_errors());
        plugins.extend(plugins.iter().find(|p| p.name == "jsonl").copied());
        Registry { plugins }.check(&mut found);
        let message = &found.sorted()[0].message;
        assert!(message.starts_with("two sink plugins are named `jsonl`"), "{message}");
        assert_eq!(message.matches("scrape-sink-jsonl").count(), 2, "{message}");
    }
}
