//! What a run tells while it goes on: counters, and lines on standard error.

mod observer;

pub use observer::{Counters, Observer, Voice};
