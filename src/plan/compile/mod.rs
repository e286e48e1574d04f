//! From a loaded spec to a plan: params applied, everything compiled, and all
//! that can be known without network checked.

mod auth;
mod calls;
mod code;
mod compiler;
mod fingerprints;
mod http;
mod items;
mod map;
mod names;
mod nodes;
mod pagination;
mod registry;
mod request;
mod sink;
mod stream;
mod task;
#[cfg(test)]
mod tests;
mod texts;
mod unused;

use std::sync::Arc;

use serde_json::Value;

use super::{Env, Plan};
use crate::spec::decode::{Cx, Decode};
use crate::spec::lang::Spec;
use crate::spec::{Diagnostics, Loaded, ParamValues, params};
pub(super) use compiler::common_scope;
use compiler::{Compiler, ConfigTime};
use registry::Registry;

/// Makes a plan of a loaded spec with the plugins of this binary. All findings
/// are added to `diagnostics`; `None` when there is an error among them. Text
/// templates that were read on the way are added to `loaded.sources`.
pub fn compile(
    loaded: &mut Loaded,
    values: &ParamValues,
    diagnostics: &mut Diagnostics,
) -> Option<Plan> {
    let registry = Registry::linked();
    diagnostics.extend(&loaded.diagnostics);
    registry.check(diagnostics);
    let decls = params::declarations(loaded, diagnostics);
    let params = values.resolve(&decls, diagnostics);
    let spec_name =
        loaded.root.get("name").and_then(|n| n.scalar()).map_or("", |s| s.text.as_str()).to_owned();

    let mut config = ConfigTime::new(Env::new(), &loaded.sources, &params, &spec_name);
    // Params have been decoded, and their findings reported, already.
    let mut root = loaded.root.clone();
    if let crate::spec::Data::Map(entries) = &mut root.data {
        entries.retain(|(key, _)| key.text != "params");
    }
    let spec = Spec::decode(
        &root,
        &mut Cx {
            diagnostics,
            evaluate: &mut config,
            sources: &loaded.sources,
            partial: loaded.partial,
        },
    );
    let env = config.into_env();

    let mut compiler = Compiler::new(env, &registry, diagnostics, loaded, params.clone(), &spec);
    let http = compiler.http(&spec);
    let preflight = compiler.preflight(&spec.preflight);
    let streams = compiler.streams(&spec);
    let transforms = compiler.transforms(&spec.transforms);
    let tasks = compiler.tasks(&spec.tasks.0);
    let sinks = compiler.sinks(&spec.sinks.0, &spec);
    let (env, sources) = compiler.finish();
    loaded.sources = Arc::new(sources);

    if diagnostics.has_errors() {
        return None;
    }
    unused::check(&decls, &spec.secrets.0, &loaded.sources, diagnostics);
    Some(Plan {
        fingerprints: fingerprints::of(loaded, &params),
        name: spec.name,
        description: spec.description.unwrap_or_default(),
        spec_file: loaded.file.clone(),
        params,
        env: Arc::new(env),
        http,
        preflight,
        streams,
        transforms,
        tasks,
        sinks,
        sources: loaded.sources.clone(),
    })
}

/// The version of the program, which templates see as `version`.
fn version() -> Value {
    Value::from(env!("CARGO_PKG_VERSION"))
}
