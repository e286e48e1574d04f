//! Params and secrets that nothing uses: knobs without effect.

use crate::spec::lang::SecretSpec;
use crate::spec::{Diagnostics, Key, ParamDecl, Sources};

/// Warns of params and secrets that no text of the spec names.
pub(super) fn check(
    params: &[ParamDecl],
    secrets: &[(Key, SecretSpec)],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    for param in params.iter().filter(|param| !is_named(sources, "params", &param.name)) {
        diagnostics
            .warning(param.span, format!("nothing uses the param `{}`", param.name))
            .hint(format!("\"{{{{ params.{} }}}}\"", param.name));
    }
    for (key, _) in secrets.iter().filter(|(key, _)| !is_named(sources, "secrets", &key.text)) {
        diagnostics.warning(key.span, format!("nothing uses the secret `{}`", key.text)).hint(
            format!(
                "http: {{ auth: {{ type: bearer, token: \"{{{{ secrets.{} }}}}\" }} }}",
                key.text
            ),
        );
    }
}

/// Whether `params.NAME` or `params["NAME"]` stands anywhere, or the whole of
/// `params` is used.
fn is_named(sources: &Sources, root: &str, name: &str) -> bool {
    sources.iter().any(|source| {
        source.text.match_indices(root).any(|(at, _)| {
            let rest = source.text[at + root.len()..].trim_start();
            let Some(rest) = rest.strip_prefix(['.', '[']) else {
                // `params` itself, but not the section of that name.
                return rest.starts_with(['|', '}']);
            };
            let rest = rest.trim_start_matches(['"', '\'']);
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            rest[..end.unwrap_or(rest.len())] == *name
        })
    })
}
