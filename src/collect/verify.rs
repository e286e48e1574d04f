//! `scrape verify`: all keys of the server against the store, and what has become
//! of numbers that no key has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::complete::{self, Listed};
use super::findings::Findings;
use super::paginate::Position;
use super::partition::PartitionRun;
use super::preflight::{Ready, preflight};
use super::record::find;
use super::request::Ask;
use super::run::{self, Break, CollectOptions, Halt, Result, Run, joined};
use super::stream::StreamRun;
use super::{children, page};
use crate::http::{Client, Failure, FailureScope, Malformed, Reply, Stop};
use crate::observe::{Observer, Phase, Track};
use crate::plan::{Gaps, Pagination, Plan, Sweep};
use crate::store::{PartitionRow, PartitionState, Writer};

/// What `scrape verify` is asked for.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Requests in flight.
    pub concurrency: usize,
    /// Whether what is missing is fetched, and what is gone marked.
    pub fix: bool,
    /// How many numbers of a partition are looked up; `None` for none at all.
    pub max_gaps: Option<usize>,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// The partitions of the plan, in its order.
    pub partitions: Vec<PartitionCheck>,
    /// Whether it was asked to end before it was done.
    pub interrupted: bool,
    /// A host that must not be asked before a certain time, and a sentence.
    pub closed: Option<(SystemTime, String)>,
}

impl Verified {
    /// Whether the store holds just what the server lists.
    pub fn agrees(&self) -> bool {
        !self.interrupted
            && self.closed.is_none()
            && self.partitions.iter().all(PartitionCheck::agrees)
    }
}

/// One partition: what the server lists, and what the store has.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartitionCheck {
    /// Its stream.
    pub stream: String,
    /// Its id.
    pub partition: String,
    /// How it was checked: `sweep`, `count`, or not at all.
    pub checked: Option<&'static str>,
    /// How many records the server lists.
    pub listed: Option<u64>,
    /// How many are in the store, gone ones left out.
    pub here: u64,
    /// Listed, and not in the store.
    pub missing: Vec<Named>,
    /// Primary keys of the store that two lists in a row do not have.
    pub gone: Vec<String>,
    /// Listed, not in the store, and named in `rejected.jsonl`: their bytes came
    /// and could not be used.
    pub rejected: u64,
    /// Records that were missing and have been fetched.
    pub fetched: u64,
    /// Records that have been marked as gone.
    pub marked_gone: u64,
    /// Numbers that no key has, where they were asked for.
    pub gaps: Option<GapCheck>,
    /// Why it cannot be said to agree, beside the above.
    pub problem: Option<String>,
}

impl PartitionCheck {
    fn agrees(&self) -> bool {
        self.checked.is_some()
            && self.problem.is_none()
            && self.missing.is_empty()
            && self.gone.is_empty()
    }
}

/// A record as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its identity.
    pub primary_key: String,
    /// What people call it.
    pub key: Option<String>,
}

/// The numbers between the lowest and the highest that no listed key has.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GapCheck {
    /// How many there are.
    pub numbers: u64,
    /// Those that were looked up, the lowest first.
    pub looked_up: Vec<Gap>,
}

/// What has become of one number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The key that was asked for.
    pub key: String,
    /// `moved`, `unlisted` (it is there, and no list has it), what the spec says,
    /// or `unknown`.
    pub outcome: String,
    /// The key that it has now, or why it is not known.
    pub detail: Option<String>,
}

/// Lists the keys of all partitions and compares them with the store. Nothing is
/// written unless `fix` says so.
///
/// # Errors
/// When the store fails, a check before the first request does, or a rule gives
/// up the run.
pub async fn verify(
    plan: Arc<Plan>,
    writer: Writer,
    client: Client,
    options: VerifyOptions,
    stop: Stop,
    observer: Arc<Observer>,
) -> Result<Verified> {
    match preflight(&plan, &client).await? {
        Ready::Yes => {}
        Ready::Stopped => return Ok(Verified { interrupted: true, ..Verified::default() }),
        Ready::Closed(back_at, reason) => {
            return Ok(Verified { closed: Some((back_at, reason)), ..Verified::default() });
        }
    }
    let tracks = plan.streams.iter().flat_map(|stream| {
        stream.partitions.iter().map(|p| Arc::new(Track::of_partition(&stream.name, &p.id)))
    });
    observer.board.begin(tracks.collect());
    let collecting =
        CollectOptions { concurrency: options.concurrency, ..CollectOptions::default() };
    let hands = Semaphore::new(16 + 4 * options.concurrency.min(1024));
    let run = Arc::new(Run {
        plan,
        writer,
        client,
        options: collecting,
        stop,
        observer,
        hands,
        readers: run::readers(),
        findings: Findings::default(),
    });
    let mut verified = Verified::default();
    for index in 0..run.plan.streams.len() {
        stream(StreamRun::new(run.clone(), index), &options, &mut verified).await?;
    }
    verified.interrupted = run.stop.is_requested();
    Ok(verified)
}

async fn stream(
    stream: Arc<StreamRun>,
    options: &VerifyOptions,
    verified: &mut Verified,
) -> Result<()> {
    let name = stream.plan().name.clone();
    let rows = stream.store(move |store| store.partitions(&name)).await?;
    let mut tasks = JoinSet::new();
    for (index, partition) in stream.plan().partitions.iter().enumerate() {
        let before = rows.iter().find(|row| row.partition == partition.id).cloned();
        let part = Arc::new(PartitionRun::new(stream.clone(), index, before.clone()));
        let options = options.clone();
        tasks.spawn(async move { (index, partition_check(&part, before, &options).await) });
    }
    let mut checks: Vec<Option<PartitionCheck>> = vec![None; stream.plan().partitions.len()];
    while let Some((index, checked)) = joined(tasks.join_next().await)? {
        let (check, closed) = checked?;
        checks[index] = Some(check);
        verified.closed = verified.closed.take().or(closed);
    }
    if options.fix {
        stream.signal.no_more();
        let lists = children::collect(stream.clone()).await?;
        verified.closed = verified.closed.take().or(lists.closed);
    }
    let name = stream.plan().name.clone();
    let unfinished = stream.store(|store| store.reader()?.unfinished_lists()).await?;
    for mut check in checks.into_iter().flatten() {
        let own = unfinished.iter().filter(|l| l.stream == name && l.partition == check.partition);
        let lists: u64 = own.map(|l| l.pending + l.failed).sum();
        if lists > 0 {
            check.problem.get_or_insert(format!("{lists} child lists are still to be fetched"));
        }
        verified.partitions.push(check);
    }
    Ok(())
}

type Checked = (PartitionCheck, Option<(SystemTime, String)>);

async fn partition_check(
    part: &Arc<PartitionRun>,
    before: Option<PartitionRow>,
    options: &VerifyOptions,
) -> Result<Checked> {
    let (stream, partition) = part.names();
    let mut check = PartitionCheck { stream, partition, ..PartitionCheck::default() };
    check.here = part.count().await?;
    part.track.begin(check.here);
    part.track.enter(Phase::Checking);
    let mut closed = None;
    match compare(part, before, options, &mut check).await {
        Ok(()) => {}
        Err(Break::Error(error)) => return Err(error),
        Err(Break::Halt(Halt::Stopped)) => {
            check.problem = Some(String::from("interrupted"));
        }
        Err(Break::Halt(Halt::Closed(back_at, message))) => {
            check.problem = Some(message.clone());
            closed = Some((back_at, message));
        }
        Err(Break::Halt(Halt::Failed(cause))) => check.problem = Some(cause.text),
    }
    check.here = part.count().await?;
    part.track.enter(Phase::Ended);
    Ok((check, closed))
}

async fn compare(
    part: &Arc<PartitionRun>,
    before: Option<PartitionRow>,
    options: &VerifyOptions,
    check: &mut PartitionCheck,
) -> Result<(), Break> {
    let Some(row) = before else {
        check.problem = Some(String::from("never collected: go on with scrape run --resume"));
        return Ok(());
    };
    let Some(sweep) = &part.stream.plan().pagination.sweep else {
        return by_count(part, check).await;
    };
    let limit = row.limit.filter(|_| row.state == PartitionState::Limited);
    let found = look(part, sweep, limit).await?;
    check.checked = Some("sweep");
    check.listed = Some(found.listed.len() as u64);
    check.problem = found.problem;
    let rejected = complete::rejected(part).await?;
    check.rejected =
        found.listed.iter().filter(|l| rejected.contains(&l.primary_key)).count() as u64;
    (check.missing, check.gone) = (found.missing, found.gone);
    let finished = matches!(row.state, PartitionState::Complete | PartitionState::Incomplete);
    let differs = !check.missing.is_empty() || !check.gone.is_empty();
    // Killed after it was mended, and before that was noted.
    let listed = found.listed.len() as u64;
    let is_outdated = check.problem.is_none() && row.expected.is_some_and(|e| e != listed);
    if options.fix && finished && (differs || is_outdated) {
        let (missing, gone) = (check.missing.len(), check.gone.len());
        let verdict = complete::by_sweeps(part, sweep).await?;
        part.put(part.judged(verdict)).await?;
        let (_, lacking) = complete::compare(part, &found.listed).await?;
        check.missing.retain(|named| lacking.binary_search(&named.primary_key).is_ok());
        check.gone.clear();
        check.fetched = (missing - check.missing.len()) as u64;
        check.marked_gone = gone as u64;
    }
    let unread = complete::unaccounted(part).await?;
    if row.state == PartitionState::Running || row.state == PartitionState::Failed {
        let reason = row.reason.map_or(String::new(), |reason| format!(" ({reason})"));
        let text = format!("not read to its end{reason}: go on with scrape run --resume");
        check.problem = Some(text);
    } else if !unread.is_empty() {
        let text = format!("{} records are listed, but never came whole", unread.len());
        check.problem.get_or_insert(text);
    }
    if let (Some(most), Some(gaps)) = (options.max_gaps, &part.stream.plan().pagination.gaps) {
        check.gaps = Some(look_up(part, gaps, &found.listed, most).await?);
    }
    Ok(())
}

/// Where keys cannot be listed.
async fn by_count(part: &Arc<PartitionRun>, check: &mut PartitionCheck) -> Result<(), Break> {
    let place = "the spec has no pagination.sweep, by which keys are listed";
    match complete::expected(part).await? {
        None => check.problem = Some(format!("cannot be checked: {place}")),
        Some(expected) => {
            check.checked = Some("count");
            check.listed = Some(expected);
            let here = check.here + complete::rejected(part).await?.len() as u64;
            if here != expected {
                let text = format!("which records differ is not known: {place}");
                check.problem = Some(text);
            }
        }
    }
    Ok(())
}

/// What a comparison found.
struct Found {
    listed: Vec<Listed>,
    missing: Vec<Named>,
    gone: Vec<String>,
    problem: Option<String>,
}

/// Lists all keys, and once more where the store has some that were not listed: a
/// server's index lags behind, and may be read while it changes.
async fn look(part: &Arc<PartitionRun>, sweep: &Sweep, limit: Option<u64>) -> Result<Found, Break> {
    let (mut listed, mut whole) = complete::list(part, sweep).await?;
    let (mut gone, mut lacking) = complete::compare(part, &listed).await?;
    if !whole || !gone.is_empty() {
        (listed, whole) = complete::list(part, sweep).await?;
        let (again, now) = complete::compare(part, &listed).await?;
        gone.retain(|key| again.binary_search(key).is_ok());
        lacking = now;
    }
    let problem = (!whole).then(|| {
        gone.clear();
        String::from("the server lists fewer keys than it says there are: verify again later")
    });
    part.track.expect(listed.len() as u64);
    // A limited partition has the first ones, by choice.
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let missing =
        listed.iter().take(most).filter(|l| lacking.binary_search(&l.primary_key).is_ok());
    let missing = missing
        .map(|l| Named { primary_key: l.primary_key.clone(), key: l.name.clone() })
        .collect();
    Ok(Found { listed, missing, gone, problem })
}

/// Asks what has become of the lowest numbers that no key has.
async fn look_up(
    part: &PartitionRun,
    gaps: &Gaps,
    listed: &[Listed],
    most: usize,
) -> Result<GapCheck, Break> {
    let names = listed.iter().filter_map(|l| l.name.as_deref());
    let (numbers, keys) = unused(names, gaps.first, most);
    let mut check = GapCheck { numbers, looked_up: Vec::new() };
    for (key, number) in keys {
        if part.stream.run.stop.is_requested() {
            return Err(Break::Halt(Halt::Stopped));
        }
        check.looked_up.push(ask_for(part, gaps, key, number).await?);
    }
    Ok(check)
}

async fn ask_for(part: &PartitionRun, gaps: &Gaps, key: String, number: u64) -> Result<Gap, Break> {
    let plan = part.stream.plan();
    let run = &part.stream.run;
    let gap = minijinja::Value::from_pairs([
        ("key", minijinja::Value::from(key.as_str())),
        ("number", minijinja::Value::from(number)),
    ]);
    let ask = Ask {
        request: &plan.request,
        overlay: Some(&gaps.overlay),
        pagination: &Pagination::single(),
        scope: part.scope.with("gap", gap),
        label: format!("{} {key}", plan.name),
    };
    let call = ask
        .call(&run.plan, &Position::start(part.kind()), None)
        .map_err(|e| Break::from(page::failed(page::template_error(&run.plan, &ask.label, &e))))?;
    let said = |reply: &Reply| gaps.outcomes.iter().find(|(when, _)| when.holds_for(reply));
    let read = |reply: &Reply| {
        if let Some((_, say)) = said(reply) {
            return Ok(Gap { key: key.clone(), outcome: say.clone(), detail: None });
        }
        serde_json::from_slice::<IgnoredAny>(&reply.body).map_err(|e| Malformed::from_json(&e))?;
        let now = find(&gaps.key, &reply.body).text();
        let moved = now.as_ref().is_some_and(|now| *now != key);
        let (outcome, detail) = if moved { ("moved", now) } else { ("unlisted", None) };
        Ok(Gap { key: key.clone(), outcome: String::from(outcome), detail })
    };
    match run.client.look_up(call, |reply| said(reply).is_some(), read).await {
        Ok(sent) => Ok(sent.value),
        // The others may be known.
        Err(Failure::Failed { scope: FailureScope::Record | FailureScope::Partition, cause }) => {
            Ok(Gap { key, outcome: String::from("unknown"), detail: Some(cause.text) })
        }
        Err(failure) => Err(failure.into()),
    }
}

/// How many numbers between `first` and the highest of each prefix no key has,
/// and the lowest `most` of them, as keys.
fn unused<'k>(
    keys: impl Iterator<Item = &'k str>,
    first: u64,
    most: usize,
) -> (u64, Vec<(String, u64)>) {
    let mut used: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for key in keys {
        let digits = key.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (prefix, number) = key.split_at(key.len() - digits);
        // A number with leading zeros is part of a name.
        if let Ok(parsed) = number.parse::<u64>()
            && parsed.to_string() == number
        {
            used.entry(prefix).or_default().insert(parsed);
        }
    }
    let (mut count, mut found) = (0_u64, Vec::new());
    for (prefix, numbers) in used {
        let mut next = first;
        for number in numbers.range(first..) {
            count = count.saturating_add(number - next);
            let room = most - found.len();
            found.extend((next..*number).take(room).map(|n| (format!("{prefix}{n}"), n)));
            next = number.saturating_add(1);
        }
    }
    (count, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_key_has() {
        let keys = ["A-2", "A-5", "B-1", "A-007", "nothing", "C-18446744073709551615"];
        let (count, found) = unused(keys.into_iter(), 1, 5);
        let found: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, ["A-1", "A-3", "A-4", "C-1", "C-2"]);
        assert_eq!(count, u64::MAX, "it does not overflow");
        assert_eq!(unused(["A-0", "A-1"].into_iter(), 1, 5), (0, Vec::new()));
        assert_eq!(unused(["A-0", "A-2"].into_iter(), 0, 5).0, 1);
    }
}
