#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(unused_crate_dependencies))]

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod fetch;
mod output;
mod registry;
mod sink;
mod transform;

pub use error::{Error, Result};
pub use fetch::{
    BoxFuture, Fetch, FetchError, FetchErrorKind, FetchOptions, Grant, Method, Request, Response,
    Room,
};
pub use output::{AtomicFile, OutputDir, make_folder, sync_folder};
pub use registry::{Constructor, Kind, Made, OptionsError, Plugin, parse_options, plugins};
pub use sink::{Delivery, Row, RowKey, Sink};
pub use transform::{Scope, Transform, Verdict};

pub use bytes::Bytes;
pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};
pub use serde_json::{self, Value};

/// What the macros need from this crate; not meant to be named by hand.
#[doc(hidden)]
pub mod private {
    pub use inventory;
}
