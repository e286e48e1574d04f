//! Requests, and what replaces parts of them.

use scrape_api::Method;
use serde_json::Value;

use super::compiler::Compiler;
use super::names::Known;
use crate::plan::{Overlay, RequestTemplate, Template};
use crate::spec::decode::{TemplateText, Text};
use crate::spec::lang::{OverlaySpec, RequestSpec};
use crate::spec::{Data, Key, Scalar, Span, Yaml};

impl Compiler<'_> {
    pub(super) fn request(&mut self, spec: &RequestSpec, known: &Known) -> RequestTemplate {
        if let Some(json) = &spec.json
            && spec.method == Method::Get
        {
            self.diagnostics
                .error(json.name, "a `GET` has no body: `json` needs `method: POST`")
                .hint("method: POST");
        }
        let path = self.template(&spec.path, known);
        if let Some(Value::String(text)) = path.as_constant()
            && text.contains('?')
        {
            self.diagnostics
                .error(path.span(), "query parameters do not belong to `path`")
                .hint("put them under `query`, where they are encoded");
        }
        let headers = spec.headers.0.iter().map(|(key, value)| {
            self.header_name(&key.text, key.span);
            self.check_secret_header(&key.text, &value.0.scalar.text, key.span);
            (key.text.clone(), self.template(value, known))
        });
        let headers = headers.collect();
        RequestTemplate {
            method: spec.method,
            path,
            query: self.query(&spec.query.0, known),
            headers,
            json: spec.json.as_ref().map(|node| self.node(node, known)),
        }
    }

    /// A request, and whether nothing is wrong with it.
    pub(super) fn request_and_soundness(
        &mut self,
        spec: &RequestSpec,
        known: &Known,
    ) -> (RequestTemplate, bool) {
        let before = self.diagnostics.errors();
        let request = self.request(spec, known);
        (request, spec.path.0.sound && self.diagnostics.errors() == before)
    }

    pub(super) fn overlay(&mut self, spec: &OverlaySpec, known: &Known) -> Overlay {
        Overlay {
            path: spec.path.as_ref().map(|path| self.template(path, known)),
            query: self.query(&spec.query.0, known),
            json: spec.json.as_ref().map(|node| self.node(node, known)),
        }
    }

    fn query(&mut self, entries: &[(Key, Yaml)], known: &Known) -> Vec<(String, Template)> {
        entries
            .iter()
            .map(|(key, value)| (key.text.clone(), self.query_value(value, known)))
            .collect()
    }

    /// Warns of `%20`, which would be sent as `%2520`.
    fn check_encoded(&mut self, scalar: &Scalar, span: Span) {
        let is_code = |code: &str| u8::from_str_radix(code, 16).is_ok_and(|byte| byte < 0x80);
        let mut codes = scalar.text.match_indices('%').filter_map(|(at, _)| {
            let code = scalar.text.get(at + 1..at + 3)?;
            // `%d` and the like are no codes, nor is a `%` before a word.
            (is_code(code) && code.starts_with(['2', '3', '5', '7'])).then_some(at)
        });
        if let Some(at) = codes.next() {
            let place = self.place(scalar, span, at, at + 3);
            self.diagnostics
                .warning(place, "query values are encoded when they are sent, and this once more")
                .hint("write the character itself");
        }
    }

    /// Scalars keep their source text: `012` is sent as `012`.
    fn query_value(&mut self, value: &Yaml, known: &Known) -> Template {
        match &value.data {
            Data::Scalar(scalar) if scalar.is_null() => Template::constant(Value::Null, value.span),
            Data::Scalar(scalar) => {
                self.check_encoded(scalar, value.span);
                let text = Text { scalar: scalar.clone(), span: value.span, sound: true };
                self.template(&TemplateText(text), known)
            }
            Data::List(items) => {
                let mut texts = Vec::new();
                for item in items {
                    match item.scalar() {
                        Some(scalar) if !scalar.is_template() => texts.push(scalar.text.clone()),
                        Some(_) => {
                            self.diagnostics
                                .error(item.span, "a list of parameters cannot hold templates")
                                .hint(
                                    "give the whole list by one template: \"{{ params.fields }}\"",
                                );
                        }
                        None => {
                            let message = format!("expected text, found {}", item.describe());
                            self.diagnostics.error(item.name, message);
                        }
                    }
                }
                Template::constant(Value::from(texts), value.span)
            }
            Data::Map(_) => {
                self.diagnostics
                    .error(value.name, "a query parameter is text or a list, not a map")
                    .hint("a body goes under `json`");
                Template::constant(Value::Null, value.span)
            }
            Data::Broken => Template::constant(Value::Null, value.span),
        }
    }
}
