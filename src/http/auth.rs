//! Credentials: secrets from the environment or a file, made into one header.

use std::collections::BTreeMap;

use super::call::SetupError;
use super::redact::Redactor;
use crate::plan::{Auth, HttpPlan, Plan, Scope, Secret, Template, template_value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The header that carries the credentials, if there are any.
pub(crate) type Credentials = Option<(String, String)>;

/// Reads the secrets that the plan's `auth` uses and makes its header of them.
/// All of them are added to `redactor`.
///
/// # Errors
/// One sentence that names the secret that is missing and where it should be.
pub(crate) fn resolve(plan: &Plan, redactor: &Redactor) -> Result<Credentials, SetupError> {
    let templates: Vec<&Template> = match &plan.http.auth {
        Auth::None => return Ok(None),
        Auth::Basic { username, password } => vec![username, password],
        Auth::Bearer { token } => vec![token],
        Auth::Header { value, .. } => vec![value],
    };
    let secrets = read_secrets(&plan.http, &templates, redactor)?;
    let scope = Scope::new([
        ("params".to_owned(), template_value(&plan.params.clone().into())),
        ("secrets".to_owned(), minijinja::Value::from(secrets)),
    ]);
    let text = |template: &Template| match plan.env.text(template, &scope) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Ok(String::new()),
        Err(e) => Err(SetupError(format!(
            "{}: http.auth: {}",
            plan.sources.display(e.span),
            redactor.redact(&e.message)
        ))),
    };
    let (name, value) = match &plan.http.auth {
        Auth::None => return Ok(None),
        Auth::Basic { username, password } => {
            let pair = format!("{}:{}", text(username)?, text(password)?);
            ("Authorization".to_owned(), format!("Basic {}", STANDARD.encode(&pair)))
        }
        Auth::Bearer { token } => ("Authorization".to_owned(), format!("Bearer {}", text(token)?)),
        Auth::Header { name, value } => (name.clone(), text(value)?),
    };
    redactor.add(&value);
    if let Some((_, credentials)) = value.split_once(' ') {
        redactor.add(credentials);
    }
    Ok(Some((name, value)))
}

/// The values of the secrets that the templates name.
fn read_secrets(
    plan: &HttpPlan,
    templates: &[&Template],
    redactor: &Redactor,
) -> Result<BTreeMap<String, String>, SetupError> {
    let mut values = BTreeMap::new();
    for secret in &plan.secrets {
        if !templates.iter().any(|t| names(t.source(), &secret.name)) {
            continue;
        }
        let value = read_secret(secret)?;
        redactor.add(&value);
        values.insert(secret.name.clone(), value);
    }
    Ok(values)
}

/// Where the secrets of a plan come from, for a message.
pub(crate) fn sources(plan: &HttpPlan) -> String {
    let places: Vec<String> = plan
        .secrets
        .iter()
        .flat_map(|secret| {
            let file = secret.file.as_ref().map(|path| path.display().to_string());
            let env = secret.env.as_ref().map(|name| format!("the environment variable {name}"));
            file.into_iter().chain(env)
        })
        .collect();
    match places.is_empty() {
        true => String::from("`http.auth`"),
        false => places.join(" or "),
    }
}

/// Whether a template says `secrets.NAME` or `secrets["NAME"]`.
fn names(template: &str, secret: &str) -> bool {
    template.match_indices(secret).any(|(at, _)| {
        let before = template[..at].trim_end_matches(['.', '[', '"', '\'', ' ']);
        before.ends_with("secrets")
    })
}

fn read_secret(secret: &Secret) -> Result<String, SetupError> {
    let Secret { name, env, file } = secret;
    if let Some(value) = env.as_ref().and_then(std::env::var_os).filter(|v| !v.is_empty()) {
        let variable = env.as_deref().unwrap_or_default();
        return value.into_string().map_err(|_| {
            SetupError(format!(
                "the secret `{name}` is not text: check the environment variable {variable}"
            ))
        });
    }
    if let Some(path) = file {
        return match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Ok(_) => Err(SetupError(format!(
                "the secret `{name}` is missing: {} is empty",
                path.display()
            ))),
            Err(e) => {
                let or = env.as_ref().map(|v| format!(", or set the environment variable {v}"));
                Err(SetupError(format!(
                    "the secret `{name}` is missing: {}: {e}; put it there{}",
                    path.display(),
                    or.unwrap_or_default()
                )))
            }
        };
    }
    Err(SetupError(match env {
        Some(variable) => {
            format!("the secret `{name}` is missing: set the environment variable {variable}")
        }
        None => format!("the secret `{name}` has neither `env` nor `file`"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_the_secrets_it_uses() {
        for (template, expected) in [
            ("{{ secrets.token }}", true),
            ("{{ secrets['token'] }}", true),
            ("{{ secrets.other }}", false),
            ("token", false),
            ("{{ params.token }}", false),
        ] {
            assert_eq!(names(template, "token"), expected, "{template}");
        }
    }

    #[test]
    fn a_missing_secret_is_named_with_its_place() {
        let env = Some(String::from("SCRAPE_TEST_NO_SUCH_VARIABLE"));
        let secret = Secret { name: "token".into(), env: env.clone(), file: None };
        assert_eq!(
            read_secret(&secret).unwrap_err().0,
            "the secret `token` is missing: set the environment variable SCRAPE_TEST_NO_SUCH_VARIABLE"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let secret = Secret { name: "token".into(), env, file: Some(file.clone()) };
        assert!(read_secret(&secret).unwrap_err().0.contains("SCRAPE_TEST_NO_SUCH_VARIABLE"));
        std::fs::write(&file, "  s3cret\n").unwrap();
        assert_eq!(read_secret(&secret).as_deref(), Ok("s3cret"));
        std::fs::write(&file, "\n").unwrap();
        assert!(read_secret(&secret).unwrap_err().0.ends_with("is empty"));
    }
}
