//! Checks that a plugin keeps its trait's contract, for the plugin's own tests.
//!
//! Each suite is a list of checks with names. One that fails says what the plugin
//! did, after which calls, and what the trait says about it, so that the contract
//! can be learnt from the suite as well. In the manifest of a plugin:
//!
//! ```toml
//! [dev-dependencies]
//! scrape-api = { version = "0.1", features = ["conformance"] }
//! ```
//!
//! and in its tests, for a sink that replaces a file:
//!
//! ```no_run
//! # use scrape_api as my_sink;
//! use my_sink as _; // the crate whose sink is registered under the name `lines`
//! use scrape_api::conformance::SinkSuite;
//! use scrape_api::serde_json::json;
//!
//! // As a `#[test]`:
//! fn it_keeps_the_contract() {
//!     SinkSuite::registered("lines", json!({ "path": "out/rows.txt" })).check();
//! }
//! ```
//!
//! [`SinkSuite::checks`] lists what is checked for which [`Delivery`](crate::Delivery).

mod plugin;
mod report;
mod scratch;
mod sink;
mod transform;

pub use plugin::registered;
pub use report::{Failure, Report};
pub use sink::{Call, End, SinkSuite};
pub use transform::TransformSuite;
