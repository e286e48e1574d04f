//! `http.auth` and `secrets:`.

use super::compiler::Compiler;
use super::names::Attrs;
use crate::plan::{Auth, SecretPlan, SecretSource, Template};
use crate::spec::lang::{AuthKind, AuthSpec, SecretSpec};
use crate::spec::{Key, decode::TemplateText};

impl Auth {
    /// Its templates.
    pub(in crate::plan) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::None => Vec::new(),
            Self::Basic { username, password } => vec![username, password],
            Self::Bearer { token } => vec![token],
            Self::Header { value, .. } => vec![value],
        }
    }
}

impl Compiler<'_> {
    pub(super) fn auth(&mut self, spec: &AuthSpec, secrets: &[(Key, SecretSpec)]) -> Auth {
        let names = secrets.iter().map(|(key, _)| &key.text);
        let known = self.common.clone().with("secrets", Attrs::fields(names));
        let mut template = |text: &TemplateText| self.template(text, &known);
        match spec.kind {
            AuthKind::None => Auth::None,
            AuthKind::Basic => Auth::Basic {
                username: template(&spec.username),
                password: template(&spec.password),
            },
            AuthKind::Bearer => Auth::Bearer { token: template(&spec.token) },
            AuthKind::Header => {
                let value = template(&spec.value);
                self.header_name(&spec.name, spec.span);
                Auth::Header { name: spec.name.clone(), value }
            }
        }
    }

    pub(super) fn secrets(&mut self, secrets: &[(Key, SecretSpec)]) -> Vec<SecretPlan> {
        let mut plans = Vec::new();
        for (key, spec) in secrets {
            let folder = self.sources.folder(key.span.file);
            let source = match (&spec.env, &spec.file) {
                (Some(variable), None) => SecretSource::Env(variable.clone()),
                (None, Some(file)) => SecretSource::File(folder.join(file)),
                _ => {
                    self.diagnostics
                        .error(key.span, "a secret comes from either `env` or `file`")
                        .hint(format!("{}: {{ env: {} }}", key.text, key.text.to_uppercase()));
                    continue;
                }
            };
            let help = spec.help.clone().unwrap_or_default();
            plans.push(SecretPlan { name: key.text.clone(), source, help, span: key.span });
        }
        plans
    }
}
