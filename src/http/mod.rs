//! One client per run: pace, retry, breaker, authentication, robots, redirects
//! and recordings, as layers over any transport.

mod call;
mod stop;

pub use call::{Call, Client, ClientOptions, Failure, FailureScope, Malformed, Reply, Target};
pub use stop::{Stop, Stopped};
