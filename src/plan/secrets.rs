//! Credentials: where they come from, and how they are read when a run starts.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Plan, Scope, template_value};
use crate::spec::Span;

/// One entry of `secrets:`.
#[derive(Debug, Clone)]
pub struct SecretPlan {
    /// Its name, which `http.auth` sees as `secrets.NAME`.
    pub name: String,
    /// Where it comes from.
    pub source: SecretSource,
    /// What it is, in the spec's words.
    pub help: String,
    /// Where it is declared.
    pub span: Span,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that holds nothing else; a line end is no part of it.
    File(PathBuf),
}

impl SecretPlan {
    /// Reads it.
    ///
    /// # Errors
    /// One sentence that names the place it should be in, never its value.
    pub fn read(&self) -> Result<String, String> {
        let help = match self.help.as_str() {
            "" => String::new(),
            help => format!(" ({help})"),
        };
        let name = &self.name;
        let value = match &self.source {
            SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
                format!("the secret `{name}`{help} is not set: export {variable}=…")
            })?,
            SecretSource::File(path) => std::fs::read_to_string(path).map_err(|e| {
                format!("the secret `{name}`{help} cannot be read from {}: {e}", path.display())
            })?,
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            return Err(format!("the secret `{name}`{help} is empty"));
        }
        Ok(value.to_owned())
    }
}

impl Plan {
    /// The scope of the templates in [`super::Auth`]: `params`, and `secrets`
    /// read now. Only those that `http.auth` uses are read.
    ///
    /// # Errors
    /// As [`SecretPlan::read`], for the first that is missing.
    pub fn auth_scope(&self) -> Result<Scope, String> {
        let used = self.http.auth.templates();
        let used: Vec<String> =
            used.iter().flat_map(|template| self.env.undeclared(template)).collect();
        let mut values = Map::new();
        for secret in &self.secrets {
            let path = format!("secrets.{}", secret.name);
            let dynamic = |name: &String| name == "secrets";
            if used.iter().any(|name| *name == path || dynamic(name)) {
                values.insert(secret.name.clone(), Value::String(secret.read()?));
            }
        }
        let params = template_value(&Value::Object(self.params.clone()));
        let secrets = template_value(&Value::Object(values));
        Ok(Scope::new([("params".to_owned(), params), ("secrets".to_owned(), secrets)]))
    }
}
