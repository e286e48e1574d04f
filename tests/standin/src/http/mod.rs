//! HTTP/1.1 on a raw socket: requests read, replies written.
//!
//! Written by hand because faults need the socket itself: replies that are cut,
//! reset, too short for their `Content-Length`, or dripped byte by byte.

mod encoding;
mod reply;
mod request;
mod uri;

pub use encoding::Encodings;
pub(crate) use encoding::compress;
pub(crate) use reply::{Delivery, Reply};
pub(crate) use request::{Request, read_request};
pub(crate) use uri::percent_decode;
