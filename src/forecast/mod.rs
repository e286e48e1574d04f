//! What a run would take: requests, time, budget, bytes.

mod json;
mod numbers;
mod sample;
mod text;

pub use numbers::{Forecast, Row};
pub use sample::Sample;
