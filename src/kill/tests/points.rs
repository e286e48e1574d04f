//! Which points there are, and which of their passings are tried.

use std::collections::BTreeMap;

/// Steps of collecting that change something outside of the process.
pub(super) const COLLECTING: [&str; 17] = [
    "store opened",
    "store marked",
    "store has a log",
    "migration written",
    "migration done",
    "request",
    "reply",
    "recording appended",
    "commit asked for",
    "commit written",
    "commit done",
    "child lists pending",
    "child list begun",
    "child list done",
    "pace file begun",
    "pace file written",
    "pace file renamed",
];

/// Steps of building.
pub(super) const BUILDING: [&str; 11] = [
    "output begun",
    "output written",
    "output whole",
    "output synced",
    "outputs synced",
    "outputs listed",
    "rejected renamed",
    "output renamed",
    "stats written",
    "stats renamed",
    "commit done",
];

/// Steps of a sink that puts rows by key.
pub(super) const PUTTING: [&str; 6] = [
    "target opened",
    "rows in doubt",
    "rows put",
    "rows removed",
    "rows committed",
    "rows confirmed",
];

/// Steps of `--fresh`.
pub(super) const CLEARING: [&str; 3] =
    ["earlier output removed", "earlier outputs removed", "earlier store removed"];

/// Up to `most` passings of each point, spread over all of them: the first and
/// the last, as `commit done:17`.
pub(super) fn passings(points: &[&str], passed: &BTreeMap<String, u64>, most: u64) -> Vec<String> {
    let mut chosen = Vec::new();
    for point in points {
        let last = *passed.get(*point).unwrap_or_else(|| panic!("{point} is never passed"));
        let number = most.min(last);
        let mut passings: Vec<u64> =
            (0..number).map(|i| 1 + i * (last - 1) / (number - 1).max(1)).collect();
        passings.dedup();
        chosen.extend(passings.into_iter().map(|passing| format!("{point}:{passing}")));
    }
    chosen
}

#[test]
fn no_point_is_passed_that_no_test_kills_at() {
    let (_, passed) = super::scene::Scene::undisturbed(&["--record", "r.har"]);
    for point in passed.keys() {
        let known = COLLECTING.iter().chain(&BUILDING).any(|known| known == point);
        assert!(known, "{point} has to be added to this file");
    }
}
