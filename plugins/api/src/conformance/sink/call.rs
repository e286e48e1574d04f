//! Scripts of calls.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::conformance::report::panic_text;
use crate::{OutputDir, Row, RowKey, Sink};

/// One call on a sink.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Call {
    /// [`Sink::open`]
    Open,
    /// [`Sink::write`]
    Write(Vec<Row>),
    /// [`Sink::delete`]
    Delete(Vec<RowKey>),
    /// [`Sink::finish`]
    Finish,
    /// [`Sink::commit`]
    Commit,
    /// [`Sink::abort`]
    Abort,
}

/// How the life of an instance ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It is dropped without another word.
    Drop,
    /// [`Sink::abort`], twice, as it may come; then it is dropped.
    Abort,
}

impl Call {
    pub(super) fn make(&self, sink: &mut dyn Sink, dir: &Path) -> crate::Result<()> {
        match self {
            Self::Open => sink.open(&OutputDir::new(dir)),
            Self::Write(rows) => sink.write(rows),
            Self::Delete(keys) => sink.delete(keys),
            Self::Finish => sink.finish(),
            Self::Commit => sink.commit(),
            Self::Abort => {
                sink.abort();
                Ok(())
            }
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Write(rows) => write!(f, "write({} rows)", rows.len()),
            Self::Delete(keys) => write!(f, "delete({} keys)", keys.len()),
            Self::Finish => f.write_str("finish"),
            Self::Commit => f.write_str("commit"),
            Self::Abort => f.write_str("abort"),
        }
    }
}

/// Calls as text: "`open`, `write(2 rows)`".
pub(super) fn told(calls: &[Call]) -> String {
    match calls {
        [] => "no call".to_owned(),
        calls => calls.iter().map(|call| format!("`{call}`")).collect::<Vec<_>>().join(", "),
    }
}

/// What one call gave: the sink's own error, or that it panicked.
pub(super) fn outcome(
    sink: &mut dyn Sink,
    dir: &Path,
    before: &[Call],
    call: &Call,
) -> Result<crate::Result<()>, String> {
    catch_unwind(AssertUnwindSafe(|| call.make(sink, dir))).map_err(|payload| {
        format!("`{call}` after {} panicked: {}", told(before), panic_text(&*payload))
    })
}

pub(super) fn play(
    mut sink: Box<dyn Sink>,
    dir: &Path,
    calls: &[Call],
    end: End,
) -> Result<(), String> {
    for (number, call) in calls.iter().enumerate() {
        let before = &calls[..number];
        outcome(sink.as_mut(), dir, before, call)?
            .map_err(|error| format!("`{call}` after {} failed: {error}", told(before)))?;
    }
    finish(sink, dir, calls, end)
}

/// Ends the life of an instance.
pub(super) fn finish(
    mut sink: Box<dyn Sink>,
    dir: &Path,
    calls: &[Call],
    end: End,
) -> Result<(), String> {
    if end == End::Abort {
        for _ in 0..2 {
            let _ = outcome(sink.as_mut(), dir, calls, &Call::Abort)?;
        }
    }
    catch_unwind(AssertUnwindSafe(|| drop(sink))).map_err(|payload| {
        format!("dropping it after {} panicked: {}", told(calls), panic_text(&*payload))
    })
}
