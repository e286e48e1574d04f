//! What every sink keeps to, whatever it declares.

use std::fs;

use super::Check;
use super::bench::{Bench, files_below, names};
use super::call::{Call, End};
use crate::{Delivery, OutputDir};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "making_it_does_no_io",
        says: "`Sink`: making one does no I/O; I/O begins in `open`",
        run: making_it_does_no_io,
    },
    Check {
        name: "declarations_are_constant",
        says: "`Sink::delivery`, `Sink::files`: the same before and after `open`, for each instance of the same options",
        run: declarations_are_constant,
    },
    Check {
        name: "files_stay_in_the_output_directory",
        says: "`Sink::files`: relative to the output directory, and inside it",
        run: files_stay_inside,
    },
    Check {
        name: "calls_out_of_turn_do_not_panic",
        says: "`Sink`: a call out of turn is an error, not a panic",
        run: calls_out_of_turn,
    },
    Check {
        name: "an_output_that_cannot_be_made_is_named",
        says: "`Sink::open`: an error when the output cannot be written to, which names it",
        run: unusable_output,
    },
];

fn making_it_does_no_io(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let sink = bench.make(dir.path());
    let _ = (sink.delivery(), sink.files());
    drop(sink);
    match files_below(dir.path()).as_slice() {
        [] => Ok(()),
        made => Err(format!("making it made {}", names(made))),
    }
}

fn declarations_are_constant(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let other = bench.make(dir.path());
    let mut sink = bench.make(dir.path());
    let before = (sink.delivery(), sink.files());
    sink.open(&OutputDir::new(dir.path())).map_err(|e| format!("`open` failed: {e}"))?;
    let after = (sink.delivery(), sink.files());
    sink.abort();
    for (found, whose) in
        [(after, "after `open`"), ((other.delivery(), other.files()), "another instance")]
    {
        if found != before {
            return Err(format!("{before:?} at first, {whose}: {found:?}"));
        }
    }
    Ok(())
}

fn files_stay_inside(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let sink = bench.make(dir.path());
    let files = sink.files();
    for file in &files {
        OutputDir::check(&file.to_string_lossy()).map_err(|e| e.to_string())?;
    }
    if sink.delivery() == Delivery::Stream && !files.is_empty() {
        return Err(format!(
            "it declares `Stream` and lists {}: what leaves at once is no file that `--fresh` could remove",
            names(&files)
        ));
    }
    Ok(())
}

fn calls_out_of_turn(bench: &Bench) -> Result<(), String> {
    let row = || Call::Write(bench.rows(1..=1, "out of turn"));
    let strict = bench.make(std::path::Path::new("")).delivery() != Delivery::Stream;
    let never_open: [&[Call]; 4] =
        [&[row()], &[Call::Finish], &[Call::Commit], &[Call::Open, Call::Abort, row()]];
    for calls in never_open {
        let dir = bench.scratch();
        let outcome = bench.misuse(dir.path(), calls)?;
        if strict && outcome.is_ok() && matches!(calls.last(), Some(Call::Write(_))) {
            let told = super::call::told(calls);
            return Err(format!("{told} succeeded: rows went in that can arrive nowhere"));
        }
    }
    let late: [&[Call]; 4] = [
        &[Call::Open, Call::Finish, row()],
        &[Call::Open, row(), Call::Finish, Call::Finish],
        &[Call::Open, row(), Call::Finish, Call::Commit, Call::Commit],
        &[Call::Open, row(), Call::Finish, Call::Commit, row()],
    ];
    for calls in late {
        let dir = bench.scratch();
        let _ = bench.misuse(dir.path(), calls)?;
    }
    Ok(())
}

/// A file stands where the output directory should be. Only what writes there can
/// notice.
fn unusable_output(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let listed = bench.listed(dir.path());
    if listed.is_empty() {
        return Ok(());
    }
    let blocked = dir.path().join("output");
    fs::write(&blocked, "a file").map_err(|e| e.to_string())?;
    let calls = [Call::Open, Call::Write(bench.rows(1..=1, "x")), Call::Finish, Call::Commit];
    let mut sink = bench.make(&blocked);
    for (number, call) in calls.iter().enumerate() {
        let Err(error) = super::call::outcome(sink.as_mut(), &blocked, &calls[..number], call)?
        else {
            continue;
        };
        let message = error.to_string();
        super::call::finish(sink, &blocked, &calls[..=number], End::Abort)?;
        let named = listed
            .iter()
            .filter_map(|f| f.file_name())
            .any(|name| message.contains("output") || message.contains(&*name.to_string_lossy()));
        return match named {
            true => Ok(()),
            false => Err(format!("`{call}` failed with {message:?}, which names no file")),
        };
    }
    Err("all calls succeeded though the output directory is a file".to_owned())
}
