//! What the sink `stdout` promises: rows at once, and no fuss about a closed
//! pipe.
#![allow(clippy::unwrap_used)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use scrape_api::{OutputDir, Row, RowKey, Sink};
use scrape_sink_stdout::Lines;

/// A pipe whose reader goes away after `room` bytes.
#[derive(Clone, Default)]
struct Pipe {
    seen: Arc<Mutex<Vec<u8>>>,
    room: usize,
    fails_with: Option<io::ErrorKind>,
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut seen = self.seen.lock().unwrap();
        let taken = buf.len().min(self.room - seen.len());
        if taken == 0 {
            return Err(self.fails_with.unwrap_or(io::ErrorKind::BrokenPipe).into());
        }
        seen.extend(&buf[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn row(text: &str) -> Row {
    Row::new(RowKey::new("issues", "1"), text.as_bytes().to_vec())
}

#[test]
fn a_batch_is_readable_as_soon_as_it_is_written() {
    let pipe = Pipe { room: 100, ..Pipe::default() };
    let mut sink = Lines::to(pipe.clone());
    sink.open(&OutputDir::new("unused")).unwrap();
    sink.write(&[row("1"), row("{\"a\":2}")]).unwrap();
    assert_eq!(*pipe.seen.lock().unwrap(), b"1\n{\"a\":2}\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let pipe = Pipe { room: 5, ..Pipe::default() };
    let mut sink = Lines::to(pipe.clone());
    sink.open(&OutputDir::new("unused")).unwrap();
    for _ in 0..3 {
        sink.write(&[row("123"), row("456")]).unwrap();
    }
    sink.finish().unwrap();
    sink.commit().unwrap();
    assert_eq!(*pipe.seen.lock().unwrap(), b"123\n4");
}

#[test]
fn any_other_failure_is_reported() {
    let pipe = Pipe { room: 1, fails_with: Some(io::ErrorKind::StorageFull), ..Pipe::default() };
    let mut sink = Lines::to(pipe);
    sink.open(&OutputDir::new("unused")).unwrap();
    let error = sink.write(&[row("123")]).unwrap_err();
    assert!(error.is_disk_full() && error.to_string().contains("standard output"), "{error}");
}
