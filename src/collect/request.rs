//! From a request with templates in it to a call.

use scrape_api::Bytes;
use serde_json::Value;

use super::paginate::Position;
use crate::http::{Call, Target};
use crate::plan::{
    EvalError, Overlay, Pagination, Plan, RequestTemplate, Scope, Template, template_value,
};

/// A request to be sent for one page after another.
pub(super) struct Ask<'p> {
    /// The request of a page.
    pub(super) request: &'p RequestTemplate,
    /// What replaces parts of it.
    pub(super) overlay: Option<&'p Overlay>,
    /// How pages lead to each other.
    pub(super) pagination: &'p Pagination,
    /// What its templates see, but for `page`.
    pub(super) scope: Scope,
    /// What it is for, in messages.
    pub(super) label: String,
}

impl Ask<'_> {
    /// The call for the page at a position, with at most `limit` records.
    ///
    /// # Errors
    /// The first template that fails.
    pub(super) fn call(
        &self,
        plan: &Plan,
        position: &Position,
        limit: Option<u32>,
    ) -> Result<Call, EvalError> {
        let scope = self.scope.with("page", template_value(&position.variables(limit)));
        let env = &plan.env;
        let headers = (self.request.headers.iter())
            .filter_map(|(name, value)| match env.text(value, &scope) {
                Ok(Some(value)) => Some(Ok((name.clone(), value))),
                Ok(None) => None,
                Err(error) => Some(Err(error)),
            })
            .collect::<Result<_, _>>()?;
        let json = self.overlay.and_then(|o| o.json.as_ref()).or(self.request.json.as_ref());
        let body = json
            .map(|json| json.eval(env, &scope).map(|v| Bytes::from(v.to_string())))
            .transpose()?;
        let mut call = Call {
            method: self.request.method,
            target: Target::Path(String::new()),
            query: Vec::new(),
            headers,
            body,
            label: self.label.clone(),
        };
        if let super::paginate::At::Url(Some(url)) = &position.at {
            call.target = Target::Url(url.clone());
            return Ok(call);
        }
        let path = self.overlay.and_then(|o| o.path.as_ref()).unwrap_or(&self.request.path);
        let path = env.text(path, &scope)?.unwrap_or_default();
        call.target = if path.contains("://") { Target::Url(path) } else { Target::Path(path) };
        for (name, template) in self.query() {
            match env.eval(template, &scope)? {
                Value::Array(items) => {
                    call.query.extend(items.iter().filter_map(text).map(|t| (name.into(), t)));
                }
                value => call.query.extend(text(&value).map(|t| (name.into(), t))),
            }
        }
        let limit_param = self.pagination.limit_param.as_deref().zip(limit.map(|l| l.to_string()));
        for (name, value) in
            limit_param.into_iter().chain(position.parameter(&self.pagination.kind))
        {
            if self.query().all(|(given, _)| given != name) {
                call.query.push((name.to_owned(), value));
            }
        }
        Ok(call)
    }

    /// The query of the request with what the overlay replaces and adds.
    fn query(&self) -> impl Iterator<Item = (&str, &Template)> {
        let over = self.overlay.map_or(&[][..], |o| &o.query);
        let own = self.request.query.iter().map(|(name, template)| {
            let replaced = over.iter().find(|(n, _)| n == name);
            (name.as_str(), replaced.map_or(template, |(_, t)| t))
        });
        let added = over
            .iter()
            .filter(|(name, _)| self.request.query.iter().all(|(n, _)| n != name))
            .map(|(name, template)| (name.as_str(), template));
        own.chain(added)
    }
}

/// A value as it stands in a query; null is left out.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
