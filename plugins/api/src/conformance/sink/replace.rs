//! What a sink promises that declares [`Delivery::Replace`](crate::Delivery).

use std::fs;

use super::Check;
use super::bench::{Bench, after, killed, same_output, whole};
use super::call::{self, Call, End, told};
use crate::Row;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "rows_arrive_with_commit",
        says: "`Sink::commit`: makes the new output visible, with all rows in their order",
        run: rows_arrive,
    },
    Check {
        name: "an_output_without_rows_is_an_output",
        says: "`Sink::write`: may never come, or with no rows; the files are there all the same",
        run: empty_output,
    },
    Check {
        name: "former_output_stays_until_commit",
        says: "`Sink::finish`: nothing of the new output is visible before `commit`",
        run: former_stays,
    },
    Check {
        name: "abort_leaves_the_former_output",
        says: "`Sink::abort`: at any point before `commit`, temporary files go and the former output stays",
        run: abort_leaves,
    },
    Check {
        name: "abort_after_commit_changes_nothing",
        says: "`Sink::abort`: after `commit` it does nothing",
        run: abort_after_commit,
    },
    Check {
        name: "a_life_that_was_cut_leaves_no_trace",
        says: "`Sink`: a kill can come between any two calls; the next instance starts clean, and what was left goes",
        run: cut_life,
    },
    Check {
        name: "a_kill_between_two_calls_leaves_no_trace",
        says: "`Sink`: a kill can come between any two calls; the former output stays until `commit`, and what the killed one left beside it goes",
        run: killed_life,
    },
    Check {
        name: "output_is_replaced_whole",
        says: "`Delivery::Replace`: the whole output is replaced; nothing of the former one stays in it",
        run: replaced_whole,
    },
    Check {
        name: "same_rows_same_bytes",
        says: "`Delivery::Replace`: the same rows give the same output, however they are cut into batches",
        run: same_bytes,
    },
    Check {
        name: "calls_out_of_turn_are_errors",
        says: "`Sink`: a call out of turn is an error and changes nothing that readers see",
        run: out_of_turn,
    },
    Check {
        name: "a_second_commit_leaves_the_output",
        says: "`Sink::commit`: a second call may fail, but leaves the output as it is",
        run: second_commit,
    },
    Check {
        name: "a_place_that_is_taken_is_an_error",
        says: "`Sink::commit`: an error when the new output cannot be put in place; what is there stays",
        run: place_taken,
    },
];

fn rows_arrive(bench: &Bench) -> Result<(), String> {
    let mut seen = Vec::new();
    for count in [1, 2, 1000] {
        let dir = bench.scratch();
        let rows = bench.rows(1..=count, "a text");
        bench.commit(dir.path(), vec![rows.clone()])?;
        let when = format!("after a commit of {count} rows");
        for file in bench.listed(dir.path()) {
            if !dir.path().join(&file).is_file() {
                return Err(format!("{when}, the listed file {} is not there", file.display()));
            }
        }
        bench.expect_clean(dir.path(), &when)?;
        bench.expect_rows(dir.path(), &rows, &when)?;
        let output = bench.look(dir.path())?;
        if seen.contains(&output) {
            return Err(format!("{when}, the output is that of fewer rows"));
        }
        seen.push(output);
    }
    Ok(())
}

fn empty_output(bench: &Bench) -> Result<(), String> {
    let mut outputs = Vec::new();
    for batches in [vec![], vec![vec![]], vec![vec![], vec![]]] {
        let dir = bench.scratch();
        let when = format!("after a commit with {} empty batches", batches.len());
        bench.commit(dir.path(), batches)?;
        for file in bench.listed(dir.path()) {
            if !dir.path().join(&file).is_file() {
                return Err(format!("{when}, the listed file {} is not there", file.display()));
            }
        }
        bench.expect_rows(dir.path(), &[], &when)?;
        outputs.push((bench.look(dir.path())?, when));
    }
    outputs.iter().try_for_each(|(output, when)| same_output(&outputs[0].0, output, when))
}

/// The calls of a second life, over an output that is there.
fn second(bench: &Bench) -> Vec<Call> {
    whole(vec![bench.rows(2..=3, "new"), bench.rows(4..=9, "new")])
}

fn former(bench: &Bench) -> Vec<Vec<Row>> {
    vec![bench.rows(1..=3, "former")]
}

fn former_stays(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    bench.commit(dir.path(), former(bench))?;
    let expected = bench.look(dir.path())?;
    let calls = second(bench);
    let mut sink = bench.make(dir.path());
    for (number, call) in calls[..calls.len() - 1].iter().enumerate() {
        call::outcome(sink.as_mut(), dir.path(), &calls[..number], call)?
            .map_err(|e| format!("`{call}` failed: {e}"))?;
        let when = format!("after {}", told(&calls[..=number]));
        same_output(&expected, &bench.look(dir.path())?, &when)?;
    }
    Ok(())
}

fn abort_leaves(bench: &Bench) -> Result<(), String> {
    let calls = second(bench);
    for length in 0..calls.len() {
        let when = after(&calls[..length], End::Abort);
        let dir = bench.scratch();
        bench.cut(dir.path(), &calls, length, End::Abort)?;
        let nothing = bench.look(dir.path())?.files;
        if let Some(file) = nothing.keys().next() {
            return Err(format!("in an empty folder {when}, {} is there", file.display()));
        }
        bench.expect_clean(dir.path(), &format!("in an empty folder {when}"))?;

        bench.commit(dir.path(), former(bench))?;
        let expected = bench.look(dir.path())?;
        bench.cut(dir.path(), &calls, length, End::Abort)?;
        same_output(&expected, &bench.look(dir.path())?, &when)?;
        bench.expect_clean(dir.path(), &when)?;
    }
    Ok(())
}

fn abort_after_commit(bench: &Bench) -> Result<(), String> {
    let (dropped, aborted) = (bench.scratch(), bench.scratch());
    let calls = second(bench);
    bench.cut(dropped.path(), &calls, calls.len(), End::Drop)?;
    bench.cut(aborted.path(), &calls, calls.len(), End::Abort)?;
    let when = after(&calls, End::Abort);
    same_output(&bench.look(dropped.path())?, &bench.look(aborted.path())?, &when)
}

fn cut_life(bench: &Bench) -> Result<(), String> {
    let calls = second(bench);
    let clean = bench.scratch();
    bench.cut(clean.path(), &calls, calls.len(), End::Drop)?;
    let expected = bench.look(clean.path())?;
    for length in 0..calls.len() {
        let dir = bench.scratch();
        bench.commit(dir.path(), former(bench))?;
        let before = bench.look(dir.path())?;
        bench.cut(dir.path(), &calls, length, End::Drop)?;
        let when = after(&calls[..length], End::Drop);
        same_output(&before, &bench.look(dir.path())?, &when)?;
        bench.cut(dir.path(), &calls, calls.len(), End::Drop)?;
        let when = format!("{when}, and a whole life after it");
        same_output(&expected, &bench.look(dir.path())?, &when)?;
        bench.expect_clean(dir.path(), &when)?;
    }
    Ok(())
}

fn killed_life(bench: &Bench) -> Result<(), String> {
    let calls = second(bench);
    let clean = bench.scratch();
    bench.cut(clean.path(), &calls, calls.len(), End::Drop)?;
    let expected = bench.look(clean.path())?;
    for length in 1..=calls.len() {
        let dir = bench.scratch();
        bench.commit(dir.path(), former(bench))?;
        let before = bench.look(dir.path())?;
        bench.kill(dir.path(), &calls, length)?;
        let when = killed(&calls[..length]);
        let visible = if length < calls.len() { &before } else { &expected };
        same_output(visible, &bench.look(dir.path())?, &when)?;
        bench.cut(dir.path(), &calls, calls.len(), End::Drop)?;
        let when = format!("{when}, and a whole life after it");
        same_output(&expected, &bench.look(dir.path())?, &when)?;
        bench.expect_clean(dir.path(), &when)?;
    }
    Ok(())
}

fn replaced_whole(bench: &Bench) -> Result<(), String> {
    for (batches, what) in [(vec![bench.rows(7..=7, "new")], "one row"), (vec![], "no rows")] {
        let (clean, used) = (bench.scratch(), bench.scratch());
        bench.commit(used.path(), vec![bench.rows(1..=500, "former")])?;
        bench.commit(used.path(), batches.clone())?;
        bench.commit(clean.path(), batches)?;
        let when = format!("after a commit of {what} over one of 500");
        same_output(&bench.look(clean.path())?, &bench.look(used.path())?, &when)?;
    }
    Ok(())
}

fn same_bytes(bench: &Bench) -> Result<(), String> {
    let rows = bench.rows(1..=50, "the same");
    let once = bench.scratch();
    bench.commit(once.path(), vec![rows.clone()])?;
    let expected = bench.look(once.path())?;
    let each = rows.iter().map(|row| vec![row.clone()]).collect();
    let uneven =
        vec![vec![], rows[..1].to_vec(), vec![], rows[1..42].to_vec(), rows[42..].to_vec()];
    for (batches, what) in
        [(vec![rows.clone()], "once more"), (each, "row by row"), (uneven, "in uneven batches")]
    {
        let dir = bench.scratch();
        bench.commit(dir.path(), batches)?;
        same_output(&expected, &bench.look(dir.path())?, &format!("with the same rows {what}"))?;
    }
    Ok(())
}

fn out_of_turn(bench: &Bench) -> Result<(), String> {
    let row = || Call::Write(bench.rows(8..=8, "out of turn"));
    let scripts: [&[Call]; 7] = [
        &[Call::Commit],
        &[Call::Finish],
        &[row()],
        &[Call::Open, row(), Call::Commit],
        &[Call::Open, row(), Call::Finish, row()],
        &[Call::Open, row(), Call::Abort, Call::Commit],
        &[Call::Open, row(), Call::Finish, Call::Abort, Call::Commit],
    ];
    for calls in scripts {
        let dir = bench.scratch();
        bench.commit(dir.path(), former(bench))?;
        let expected = bench.look(dir.path())?;
        let outcome = bench.misuse(dir.path(), calls)?;
        let when = format!("after {}", told(calls));
        same_output(&expected, &bench.look(dir.path())?, &when)?;
        if outcome.is_ok() {
            return Err(format!("the last of {} succeeded", told(calls)));
        }
    }
    Ok(())
}

fn second_commit(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let calls = second(bench);
    bench.cut(dir.path(), &calls, calls.len(), End::Drop)?;
    let expected = bench.look(dir.path())?;
    let twice: Vec<Call> = calls.into_iter().chain([Call::Commit]).collect();
    let _ = bench.misuse(dir.path(), &twice)?;
    same_output(&expected, &bench.look(dir.path())?, "after a second `commit`")
}

/// A folder stands where a listed file should go.
fn place_taken(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let Some(file) = bench.listed(dir.path()).into_iter().next() else { return Ok(()) };
    let place = dir.path().join(&file);
    fs::create_dir_all(place.join("inside")).map_err(|e| e.to_string())?;
    let calls = second(bench);
    let mut sink = bench.make(dir.path());
    let mut failed = false;
    for (number, call) in calls.iter().enumerate() {
        let outcome = call::outcome(sink.as_mut(), dir.path(), &calls[..number], call)?;
        failed |= outcome.is_err();
        if failed {
            break;
        }
    }
    call::finish(sink, dir.path(), &calls, End::Abort)?;
    if !place.join("inside").is_dir() {
        return Err(format!("the folder {} with what was in it is gone", file.display()));
    }
    if !failed {
        return Err(format!("all calls succeeded though {} is a folder", file.display()));
    }
    bench.expect_clean(dir.path(), "after it failed")
}
