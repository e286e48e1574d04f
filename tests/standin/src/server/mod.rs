//! Connections, routes and replies.

mod auth;
mod connection;
mod control;
mod issue;
mod limiter;
mod meta;
mod page;
mod route;
mod search;
mod state;
mod strike;

pub(crate) use connection::serve;
pub(crate) use state::{Shared, lock};
