//! One client per run: pace, retry, breaker, authentication, robots, redirects
//! and recordings, as layers over any transport.

mod address;
mod auth;
mod backoff;
mod breaker;
mod budget;
mod call;
mod cause;
mod classify;
mod client;
mod clock;
mod condition;
mod exchange;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod glob;
mod host;
mod obey;
mod pace;
mod recording;
mod redact;
mod redirect;
mod repair;
mod retry_after;
mod robots;
mod ruling;
mod state;
mod stop;
#[cfg(test)]
pub(crate) mod tests;

pub use address::without_credentials;
pub use budget::Hold;
pub use call::{
    Call, ClientOptions, Described, Failure, FailureScope, Malformed, Packed, Reply, Target,
};
#[cfg(test)]
pub use call::{Sent, SetupError};
pub use cause::Cause;
pub use client::Client;
pub use stop::{Stop, Stopped};
