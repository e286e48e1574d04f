//! `http:` and `preflight:`.

use std::sync::Arc;

use scrape_api::{Constructor, FetchOptions, Kind};
use serde_json::Value;

use super::compiler::Compiler;
use super::names::Attrs;
use crate::plan::{
    Action, Backoff, Breaker, Check, Condition, HttpPlan, Path, Pause, Preflight, RateLimit, Retry,
    Rule, Transport, engine_rules,
};
use crate::spec::decode::Address;
use crate::spec::lang::{
    BackoffKind, ConditionSpec, HttpSpec, PreflightSpec, RuleSpec, Spec, TransportSpec,
};
use crate::spec::{Data, Span, Yaml};

/// The fetch plugin that talks to servers.
const DEFAULT_TRANSPORT: &str = "http";

impl Compiler<'_> {
    pub(super) fn http(&mut self, spec: &Spec) -> HttpPlan {
        let http = &spec.http;
        let headers = http.headers.0.iter().map(|(key, value)| {
            self.header_name(&key.text, key.span);
            self.check_secret_header(&key.text, value, key.span);
            (key.text.clone(), value.clone())
        });
        let headers = headers.collect();
        let mut on_response: Vec<Rule> = http.on_response.iter().map(|r| self.rule(r)).collect();
        on_response.extend(engine_rules());
        let backoff = &http.retry.backoff;
        let constant = backoff.kind == BackoffKind::Constant;
        HttpPlan {
            base_url: self.base_url(&http.base_url),
            transport: self.transport(http),
            user_agent: http.user_agent.clone(),
            headers,
            auth: self.auth(&http.auth, &spec.secrets.0),
            secrets: self.secrets(&spec.secrets.0),
            robots: http.robots,
            concurrency: http.concurrency.0 as usize,
            rate_limits: http
                .rate_limit
                .iter()
                .map(|l| RateLimit { requests: l.requests.0, per: l.per.0 })
                .collect(),
            retry: Retry {
                max_attempts: http.retry.max_attempts.0,
                backoff: Backoff {
                    initial: backoff.initial,
                    max: if constant { backoff.initial } else { backoff.max },
                    jitter: backoff.jitter,
                    exponential: !constant,
                },
            },
            breaker: Breaker { failures: http.breaker.failures.0, pause: http.breaker.pause },
            max_body: http.max_body.0,
            body_budget: http.body_budget.0,
            on_response,
        }
    }

    /// The plugin that carries requests, made once to check its options.
    fn transport(&mut self, http: &HttpSpec) -> Option<Transport> {
        let TransportSpec { kind, options: given, .. } = &http.transport;
        // Whether the usual one is there matters to those who collect.
        let named = http.transport.sound && (kind.name != DEFAULT_TRANSPORT || !given.is_empty());
        if !named && !self.has_plugin(Kind::Fetch, &kind.name) {
            return None;
        }
        let plugin = self.plugin(Kind::Fetch, &kind.name, kind.span)?;
        let scope = self.config_scope();
        let options = self.options(plugin, given, &scope)?;
        let Constructor::Fetch(make) = plugin.constructor else { return None };
        let mut shared = FetchOptions::new(http.timeout.connect, http.timeout.read);
        shared.folder = self.sources.folder(kind.span.file).to_owned();
        if let Err(error) = make(options.clone(), &shared) {
            self.options_error(plugin, &error, given, kind.span);
            return None;
        }
        let (name, told) = (kind.name.clone(), options.clone());
        let make = Arc::new(move || make(options.clone(), &shared));
        Some(Transport { name, options: told, make })
    }

    fn base_url(&mut self, address: &Address) -> url::Url {
        let mut url = address.url.clone();
        if url.query().is_some() || url.fragment().is_some() {
            let mut plain = url.clone();
            plain.set_query(None);
            plain.set_fragment(None);
            self.diagnostics
                .error(address.span, "`base_url` cannot have a query or a fragment")
                .hint(format!("{plain}, and the parameters under `request.query`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.diagnostics
                .error(address.span, "`base_url` cannot hold credentials")
                .hint("put them under `http.auth`, with values from `secrets`");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        url
    }

    /// Warns of credentials that stand in a spec.
    pub(super) fn check_secret_header(&mut self, name: &str, value: &str, span: Span) {
        let lower = name.to_ascii_lowercase();
        let is_secret = matches!(lower.as_str(), "authorization" | "cookie" | "private-token")
            || lower.ends_with("api-key")
            || lower.ends_with("auth-token");
        if is_secret && !value.is_empty() && !value.contains("{{") {
            let hint = format!(
                "auth: {{ type: header, name: {name}, value: \"{{{{ secrets.token }}}}\" }}, and \
                 secrets: {{ token: {{ env: MY_TOKEN }} }}"
            );
            self.diagnostics
                .warning(
                    span,
                    format!("the header `{name}` stands in the spec, for everyone who reads it"),
                )
                .hint(hint)
                .hide();
        }
    }

    pub(super) fn header_name(&mut self, name: &str, span: Span) {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            self.diagnostics.error(span, format!("`{name}` is no name of a header"));
        }
    }

    fn rule(&mut self, spec: &RuleSpec) -> Rule {
        let when = self.condition(&spec.when);
        let repeats = matches!(spec.action, Action::Retry | Action::Reauth);
        if !repeats && (!spec.wait.0.is_empty() || spec.shrink_page || spec.pause == Pause::Host) {
            self.diagnostics.error(
                spec.span,
                format!("`do: {}` sends nothing again: it cannot wait", spec.action.as_str()),
            );
        }
        Rule::of(spec, when)
    }

    pub(super) fn condition(&mut self, spec: &ConditionSpec) -> Condition {
        let json = spec.json.0.iter().map(|(key, value)| self.json_check(key, value)).collect();
        let condition = Condition { json, ..Condition::of(spec) };
        let empty = condition.status.is_empty()
            && condition.transport.is_empty()
            && condition.reply.is_empty()
            && condition.body.is_none()
            && condition.header.is_empty()
            && condition.json.is_empty();
        if empty && spec.sound {
            self.diagnostics
                .error(spec.span, "this condition is empty, so that it always holds")
                .hint("if: { status: 4xx }");
        }
        condition
    }

    fn json_check(&mut self, key: &crate::spec::Key, value: &Yaml) -> (Path, Value) {
        if matches!(value.data, Data::List(_) | Data::Map(_)) {
            self.diagnostics.error(value.name, "a path is compared with a single value or a glob");
        }
        let scalar = crate::spec::Scalar {
            text: key.text.clone(),
            style: crate::spec::Style::Other,
            verbatim: verbatim(key),
        };
        (self.path_of(&scalar, key.span, true), value.to_json())
    }

    pub(super) fn preflight(&mut self, specs: &[PreflightSpec]) -> Vec<Preflight> {
        let request = self.common.clone();
        let check = self.common.clone().with("auth", Attrs::Any);
        specs
            .iter()
            .map(|spec| Preflight {
                name: spec.name.clone(),
                request: self.request(&spec.request, &request),
                fail_if: spec
                    .fail_if
                    .iter()
                    .map(|entry| Check {
                        when: self.condition(&entry.condition),
                        applies: entry
                            .when
                            .as_ref()
                            .map(|t| self.expression_template(t, "when", &check)),
                        say: entry.say.clone(),
                        span: entry.span,
                    })
                    .collect(),
            })
            .collect()
    }
}

/// The place of a key's text, inside its quotes where it has some.
pub(super) fn verbatim(key: &crate::spec::Key) -> Option<Span> {
    let width = (key.span.end - key.span.start) as usize;
    match width.checked_sub(key.text.len()) {
        Some(0) => Some(key.span),
        Some(2) => Some(key.span.part(1, width - 1)),
        _ => None,
    }
}
