//! What a sink promises that declares [`Delivery::Stream`](crate::Delivery): that
//! rows arrive, no more. It may not promise that `abort` takes anything back, that
//! a row comes once, or that nothing is seen before `commit`; none of that is
//! checked.

use super::Check;
use super::bench::{Bench, killed, same_rows, whole};
use super::call::{Call, End, told};
use crate::Row;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "rows_arrive_by_commit",
        says: "`Delivery::Stream`: each row is delivered at least once by the time of `commit`",
        run: rows_arrive,
    },
    Check {
        name: "it_can_end_at_any_point",
        says: "`Sink::abort`: at any point; a kill can come between any two calls, and all rows come again",
        run: end_at_any_point,
    },
];

/// Plays a life and gives what arrived in it.
fn arrived(bench: &Bench, calls: &[Call], end: End) -> Result<Vec<serde_json::Value>, String> {
    let dir = bench.scratch();
    let before = bench.read(dir.path())?.unwrap_or_default().len();
    bench.suite.play(dir.path(), calls, end)?;
    let all = bench.read(dir.path())?.unwrap_or_default();
    all.get(before..).map(<[_]>::to_vec).ok_or_else(|| "what had arrived is gone".to_owned())
}

fn delivered(bench: &Bench, batches: Vec<Vec<Row>>, when: &str) -> Result<(), String> {
    let expected = bench.kept(&batches.concat());
    same_rows(&expected, &arrived(bench, &whole(batches), End::Drop)?, when)
}

fn rows_arrive(bench: &Bench) -> Result<(), String> {
    delivered(bench, vec![], "after a life without rows")?;
    delivered(bench, vec![vec![]], "after a life with an empty batch")?;
    delivered(bench, vec![bench.rows(1..=1, "a text")], "after a commit of one row")?;
    let batches = vec![bench.rows(1..=3, "a text"), vec![], bench.rows(4..=1000, "a text")];
    delivered(bench, batches, "after a commit of 1000 rows in three batches")
}

fn end_at_any_point(bench: &Bench) -> Result<(), String> {
    let batches = vec![bench.rows(1..=2, "a text"), bench.rows(3..=4, "a text")];
    let calls = whole(batches.clone());
    for end in [End::Abort, End::Drop] {
        for length in 0..calls.len() {
            arrived(bench, &calls[..length], end)?;
            let when = format!("in a life after one that ended after {}", told(&calls[..length]));
            delivered(bench, batches.clone(), &when)?;
        }
    }
    for length in 1..=calls.len() {
        let dir = bench.scratch();
        bench.kill(dir.path(), &calls, length)?;
        delivered(bench, batches.clone(), &killed(&calls[..length]))?;
    }
    Ok(())
}
