//! What a run tells while it goes on: counters, how far everything is, lines and
//! progress bars on standard error.

mod bars;
mod board;
mod display;
mod event;
mod layout;
pub mod log;
mod meter;
mod observer;
pub mod screen;
mod terminal;
pub mod words;

pub use board::{Budget, HostTrack, Phase, Spacing, Subject, Track, Wait};
pub use display::Display;
pub use event::{About, Event};
pub use observer::{Observer, Voice};
