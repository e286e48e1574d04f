//! What a sink promises that declares [`Delivery::Upsert`](crate::Delivery).

use std::path::Path;

use super::Check;
use super::bench::{Bench, after, files_below, killed, names, same_set};
use super::call::{Call, End};
use crate::{OutputDir, Row, RowKey};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "rows_arrive_with_commit",
        says: "`Sink::commit`: when it returns, the rows are there",
        run: rows_arrive,
    },
    Check {
        name: "writing_again_changes_nothing",
        says: "`Delivery::Upsert`: doing it again changes nothing",
        run: again,
    },
    Check {
        name: "a_row_replaces_the_one_of_its_key",
        says: "`Delivery::Upsert`: rows are put by key; rows of other keys stay as they are",
        run: replaces,
    },
    Check {
        name: "deleted_rows_are_gone",
        says: "`Sink::delete`: removes rows by key, and no others",
        run: deleted,
    },
    Check {
        name: "deleting_what_is_not_there_is_no_error",
        says: "`Sink::delete`: a key that is not there is no error",
        run: deleted_twice,
    },
    Check {
        name: "order_and_batches_do_not_matter",
        says: "`Delivery::Upsert`: the same rows give the same set, in any order, however they are cut",
        run: order,
    },
    Check {
        name: "keys_are_told_apart",
        says: "`RowKey`: all four parts count, and are any text",
        run: keys,
    },
    Check {
        name: "a_life_that_was_cut_can_be_made_up_for",
        says: "`Delivery::Upsert`: rows of a life that was cut may be there or not; they come again. Others stay. Nothing else is left behind",
        run: cut_life,
    },
    Check {
        name: "a_kill_between_two_calls_can_be_made_up_for",
        says: "`Sink`: a kill can come between any two calls; the next instance starts clean, and puts and removes what the killed one was given",
        run: killed_life,
    },
    Check {
        name: "abort_after_commit_changes_nothing",
        says: "`Sink::abort`: after `commit` it does nothing",
        run: abort_after_commit,
    },
    Check {
        name: "a_target_keeps_its_id",
        says: "`Sink::target_id`: tells this target from another; the same for each instance over one target",
        run: target_id,
    },
];

/// The calls of a life that puts and removes.
fn life(batches: Vec<Vec<Row>>, gone: Vec<RowKey>) -> Vec<Call> {
    let writes = batches.into_iter().map(Call::Write);
    let delete = (!gone.is_empty()).then_some(Call::Delete(gone));
    [Call::Open]
        .into_iter()
        .chain(writes)
        .chain(delete)
        .chain([Call::Finish, Call::Commit])
        .collect()
}

impl Bench<'_> {
    /// That exactly these rows are there.
    fn expect_set(&self, dir: &std::path::Path, rows: &[Row], when: &str) -> Result<(), String> {
        same_set(self.kept(rows), self.read(dir)?.unwrap_or_default(), when)
    }
}

fn keys_of(rows: &[Row]) -> Vec<RowKey> {
    rows.iter().map(|row| row.key.clone()).collect()
}

fn rows_arrive(bench: &Bench) -> Result<(), String> {
    for count in [1, 2, 1000] {
        let dir = bench.scratch();
        let rows = bench.rows(1..=count, "a text");
        bench.commit(dir.path(), vec![rows.clone()])?;
        bench.expect_set(dir.path(), &rows, &format!("after a commit of {count} rows"))?;
    }
    for batches in [vec![], vec![vec![]]] {
        let dir = bench.scratch();
        bench.commit(dir.path(), batches)?;
        bench.expect_set(dir.path(), &[], "after a commit without rows")?;
    }
    Ok(())
}

fn again(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let rows = bench.rows(1..=20, "the same");
    for time in ["once", "twice", "three times"] {
        bench.commit(dir.path(), vec![rows.clone()])?;
        bench.expect_set(dir.path(), &rows, &format!("with the same rows {time}"))?;
    }
    bench.commit(dir.path(), vec![])?;
    bench.expect_set(dir.path(), &rows, "after a life without rows")
}

fn replaces(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let mut rows = bench.rows(1..=5, "former");
    bench.commit(dir.path(), vec![rows.clone()])?;
    rows[2] = bench.suite.row(3, "new");
    bench.commit(dir.path(), vec![vec![rows[2].clone()]])?;
    bench.expect_set(dir.path(), &rows, "after another text for the third of 5 rows")
}

fn deleted(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let rows = bench.rows(1..=5, "a text");
    bench.commit(dir.path(), vec![rows.clone()])?;
    bench.suite.play(dir.path(), &life(vec![], keys_of(&rows[1..3])), End::Drop)?;
    let left = [&rows[..1], &rows[3..]].concat();
    bench.expect_set(dir.path(), &left, "after the second and third of 5 rows were deleted")?;
    bench.commit(dir.path(), vec![rows.clone()])?;
    bench.expect_set(dir.path(), &rows, "after they were written again")
}

fn deleted_twice(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let rows = bench.rows(1..=3, "a text");
    bench.commit(dir.path(), vec![rows.clone()])?;
    for _ in 0..2 {
        let gone = keys_of(&[bench.rows(7..=9, ""), rows[..1].to_vec()].concat());
        bench.suite.play(dir.path(), &life(vec![], gone), End::Drop)?;
        bench.expect_set(
            dir.path(),
            &rows[1..],
            "after three unknown keys and one known were deleted",
        )?;
    }
    Ok(())
}

fn order(bench: &Bench) -> Result<(), String> {
    let rows = bench.rows(1..=30, "the same");
    let mut reversed = rows.clone();
    reversed.reverse();
    let each = reversed.iter().map(|row| vec![row.clone()]).collect();
    for (batches, what) in [(vec![reversed], "backwards"), (each, "one by one")] {
        let dir = bench.scratch();
        bench.commit(dir.path(), batches)?;
        bench.expect_set(dir.path(), &rows, &format!("with rows that came {what}"))?;
    }
    Ok(())
}

fn keys(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let mut rows = bench.rows_with_nasty_keys();
    bench.commit(dir.path(), vec![rows.clone()])?;
    bench.expect_set(dir.path(), &rows, "with keys that are easily taken for each other")?;
    while rows.len() > 1 {
        let gone = rows.remove(0);
        let when = format!("after {:?} was deleted", gone.key);
        bench.suite.play(dir.path(), &life(vec![], vec![gone.key]), End::Drop)?;
        bench.expect_set(dir.path(), &rows, &when)?;
    }
    Ok(())
}

fn cut_life(bench: &Bench) -> Result<(), String> {
    [End::Abort, End::Drop].into_iter().try_for_each(|end| {
        made_up_for(bench, &|dir, calls, length| {
            bench.cut(dir, calls, length, end)?;
            Ok(after(&calls[..length], end))
        })
    })
}

fn killed_life(bench: &Bench) -> Result<(), String> {
    made_up_for(bench, &|dir, calls, length| {
        bench.kill(dir, calls, length)?;
        Ok(killed(&calls[..length]))
    })
}

/// Ends a life after its first calls; how it ended.
type Ending<'e> = &'e dyn Fn(&Path, &[Call], usize) -> Result<String, String>;

/// That a whole life after one that was cut leaves what it has to.
fn made_up_for(bench: &Bench, cut: Ending) -> Result<(), String> {
    let former = bench.rows(1..=6, "former");
    let new = [bench.rows(2..=3, "new"), bench.rows(7..=9, "new")];
    let calls = life(new.to_vec(), keys_of(&former[4..]));
    let expected = [&former[..1], &new[0][..], &former[3..4], &new[1][..]].concat();
    let clean = bench.scratch();
    bench.commit(clean.path(), vec![former.clone()])?;
    bench.suite.play(clean.path(), &calls, End::Drop)?;
    bench.expect_set(clean.path(), &expected, "after two whole lives")?;
    let files = files_below(clean.path());
    for length in 1..=calls.len() {
        let dir = bench.scratch();
        bench.commit(dir.path(), vec![former.clone()])?;
        let when = cut(dir.path(), &calls, length)?;
        // Those that the life does not name.
        let there = bench.read(dir.path())?.unwrap_or_default();
        for row in bench.kept(&[former[0].clone(), former[3].clone()]) {
            if !there.contains(&row) {
                return Err(format!("{when}, the row {row} of the life before is gone"));
            }
        }
        bench.suite.play(dir.path(), &calls, End::Drop)?;
        let when = format!("{when}, and the whole life after it");
        bench.expect_set(dir.path(), &expected, &when)?;
        let mut left = files_below(dir.path());
        left.retain(|file| !files.contains(file));
        if !left.is_empty() {
            return Err(format!("{when}, {} is left behind", names(&left)));
        }
    }
    Ok(())
}

fn abort_after_commit(bench: &Bench) -> Result<(), String> {
    let dir = bench.scratch();
    let rows = bench.rows(1..=4, "a text");
    bench.suite.play(dir.path(), &life(vec![rows.clone()], vec![]), End::Abort)?;
    bench.expect_set(dir.path(), &rows, "after `commit`, then `abort`")
}

fn target_id(bench: &Bench) -> Result<(), String> {
    let id = |dir: &std::path::Path| -> Result<Option<String>, String> {
        let mut sink = bench.make(dir);
        sink.open(&OutputDir::new(dir)).map_err(|e| format!("`open` failed: {e}"))?;
        let id = sink.target_id().map_err(|e| format!("`target_id` failed: {e}"))?;
        sink.finish().and_then(|()| sink.commit()).map_err(|e| format!("`commit` failed: {e}"))?;
        Ok(id)
    };
    let (one, other) = (bench.scratch(), bench.scratch());
    let first = id(one.path())?;
    bench.commit(one.path(), vec![bench.rows(1..=2, "a text")])?;
    let then = id(one.path())?;
    if first != then {
        return Err(format!("{first:?} at first, {then:?} after a commit"));
    }
    let others = id(other.path())?;
    if first.is_some() && first == others {
        return Err(format!("two targets have the same id, {first:?}"));
    }
    Ok(())
}
