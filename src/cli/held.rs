//! What an output directory holds of a spec, for verbs that only look at it.

use std::io::Write as _;
use std::path::Path;

use super::memory::{Memory, Source};
use super::spec_args::SpecArgs;
use crate::plan::Plan;
use crate::report::Outcome;
use crate::store::{Contents, OutputState, Reader, STORE_FILE, SqliteReader};

/// A run that is there.
pub struct Held {
    /// Its store.
    pub reader: SqliteReader,
    /// What the store says.
    pub contents: Contents,
}

/// The plan, with the params of the run that a directory holds; and that run. One of
/// other requests, or of another source where that matters, is left alone.
///
/// # Errors
/// With the diagnostics told where the spec is wrong; where a run of something else
/// is in the directory that was named.
pub fn look(spec: &SpecArgs, dir: &Path, source: Option<Source>) -> Outcome<(Plan, Option<Held>)> {
    let contents = match OutputState::inspect(dir) {
        Ok(OutputState::Complete(contents) | OutputState::Unfinished(contents)) => contents,
        _ => return Ok((spec.compile(None)?, None)),
    };
    let reader = SqliteReader::open(&dir.join(STORE_FILE))?;
    let memory = Memory::read(|key| reader.meta(key))?;
    let Some(memory) = memory else { return Ok((spec.compile(None)?, None)) };
    let plan = spec.compile(Some(&memory.params))?;
    let now = Memory::of(&plan, source.unwrap_or(memory.source), memory.limit);
    match memory.must_match(&now, &dir.display().to_string()) {
        Ok(()) => return Ok((plan, Some(Held { reader, contents }))),
        Err(ended) if spec.path("output-dir").is_some() => return Err(ended),
        Err(_) => {}
    }
    let (dir, other) = (dir.display(), &memory.spec);
    let mut stderr = std::io::stderr().lock();
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(stderr, "{dir} holds a run of {other} with other requests: not looked at");
    drop(stderr);
    Ok((spec.compile(None)?, None))
}
