//! What a run tells while it goes on: counters, and lines on standard error.

pub mod log;
mod observer;

pub use observer::{Observer, Voice};
