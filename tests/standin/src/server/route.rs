//! Which request is answered by what.

use crate::config::{Config, Deployment};
use crate::faults::Fault;
use crate::http::{Reply, Request, percent_decode};

use super::state::Shared;
use super::{issue, meta, search};

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Route {
    Robots,
    ServerInfo,
    Search,
    Issue(String),
    Comments(String),
    Projects,
    Project(String),
    Fields,
    Myself,
    Other,
}

/// The route of a request.
pub(super) fn of(config: &Config, request: &Request) -> Route {
    if request.path == "/robots.txt" {
        return Route::Robots;
    }
    let path = request.target.split('?').next().unwrap_or("");
    let rest =
        path.strip_prefix(config.context_path.as_str()).and_then(|p| p.strip_prefix("/rest/api/"));
    let Some((_, rest)) =
        rest.and_then(|p| p.split_once('/')).filter(|(v, _)| *v == "2" || *v == "latest")
    else {
        return Route::Other;
    };
    let parts: Vec<String> = rest.split('/').map(|p| percent_decode(p, false)).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let reading = request.method == "GET";
    match parts[..] {
        ["search"] if reading || request.method == "POST" => Route::Search,
        ["serverInfo"] if reading => Route::ServerInfo,
        ["issue", id] if reading => Route::Issue(id.to_owned()),
        ["issue", id, "comment"] if reading => Route::Comments(id.to_owned()),
        ["project"] if reading => Route::Projects,
        ["project", key] if reading => Route::Project(key.to_owned()),
        ["field"] if reading => Route::Fields,
        ["myself"] if reading => Route::Myself,
        _ => Route::Other,
    }
}

impl Route {
    /// The name in the statistics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Route::Robots => "robots",
            Route::ServerInfo => "serverInfo",
            Route::Search => "search",
            Route::Issue(_) => "issue",
            Route::Comments(_) => "comment",
            Route::Projects | Route::Project(_) => "project",
            Route::Fields => "field",
            Route::Myself => "myself",
            Route::Other => "other",
        }
    }

    pub(super) fn is_search(&self) -> bool {
        *self == Route::Search
    }

    /// The reply to the caller of that name.
    pub(super) fn reply(
        &self,
        shared: &Shared,
        config: &Config,
        request: &Request,
        user: &str,
        fault: Option<Fault>,
    ) -> Reply {
        match self {
            Route::Robots => meta::robots(config),
            Route::ServerInfo => meta::server_info(config),
            Route::Search if config.deployment == Deployment::Cloud => meta::search_removed(),
            Route::Search => search::search(shared, config, request, fault),
            Route::Issue(id) => issue::issue(shared, config, request, id),
            Route::Comments(id) => issue::comments(shared, request, id),
            Route::Projects => meta::projects(&shared.catalog()),
            Route::Project(key) => meta::project(&shared.catalog(), key),
            Route::Fields => meta::fields(),
            Route::Myself => meta::myself(config, user),
            Route::Other => meta::not_found(request),
        }
    }
}
