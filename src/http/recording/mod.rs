//! Recordings of exchanges (HAR 1.2): written while a run goes on, and answering
//! in place of the network later.

mod har;
mod key;
mod reader;
mod scan;
mod writer;

pub(crate) use reader::Replay;
pub(crate) use writer::Recorder;

#[cfg(test)]
mod tests;
