//! The contract of sinks and of plugins.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex};

use scrape_api::conformance::{self, SinkSuite};
use scrape_api::{Kind, serde_json};
use scrape_sink_stdout::Lines;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn contract() {
    let seen = Shared::default();
    let out = seen.clone();
    SinkSuite::of(move |_| Lines::to(out.clone()))
        .read_back(move |_| {
            let bytes = seen.0.lock().unwrap().clone();
            let text = String::from_utf8(bytes).unwrap();
            text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect()
        })
        .check();
}

#[test]
fn description() {
    conformance::registered(Kind::Sink, "stdout").expect_sound();
}
