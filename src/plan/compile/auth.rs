//! `http.auth` and `secrets:`.

use super::compiler::Compiler;
use super::names::Attrs;
use crate::plan::{Auth, Secret};
use crate::spec::Key;
use crate::spec::decode::{TemplateText, Text};
use crate::spec::lang::{AuthKind, AuthSpec, SecretSpec};

impl Compiler<'_> {
    pub(super) fn auth(&mut self, spec: &AuthSpec, secrets: &[(Key, SecretSpec)]) -> Auth {
        let names = secrets.iter().map(|(key, _)| &key.text);
        let known = self.common.clone().with("secrets", Attrs::fields(names));
        for (name, text) in [("password", &spec.password), ("token", &spec.token)] {
            let Text { scalar, span, sound } = &text.0;
            if *sound && !scalar.is_template() {
                let hint = format!(
                    "secrets: {{ {name}: {{ env: MY_{} }} }}, and here \"{{{{ secrets.{name} }}}}\"",
                    name.to_uppercase()
                );
                self.diagnostics
                    .warning(
                        *span,
                        format!("the {name} stands in the spec, for everyone who reads it"),
                    )
                    .hint(hint)
                    .hide();
            }
        }
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

    pub(super) fn secrets(&mut self, secrets: &[(Key, SecretSpec)]) -> Vec<Secret> {
        secrets
            .iter()
            .map(|(key, spec)| {
                self.identifier(key, "a secret");
                if spec.sound && spec.env.is_none() && spec.file.is_none() {
                    self.diagnostics
                        .error(key.span, "a secret comes from `env` or from `file`")
                        .hint(format!("{}: {{ env: {} }}", key.text, key.text.to_uppercase()));
                }
                let folder = self.sources.folder(key.span.file);
                Secret {
                    name: key.text.clone(),
                    env: spec.env.clone(),
                    file: spec.file.as_ref().map(|file| folder.join(file)),
                }
            })
            .collect()
    }
}
