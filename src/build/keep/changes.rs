//! What differs between one build and the next.

use serde_json::Value;

use super::prints::NONE;
use crate::plan::Plan;

/// How many differences are shown in all.
const SHOWN: usize = 3;

/// What differs, by task and by sink that is fed with rows of its own.
#[derive(Debug, Default)]
pub struct Changes {
    /// Tasks in which something differs, then sinks.
    pub parts: Vec<Change>,
    /// The first differences.
    pub shown: Vec<Difference>,
}

/// What differs in a task or a sink.
#[derive(Debug)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Whether it is a task.
    pub is_task: bool,
    /// Of how many records it makes something.
    pub records: u64,
    /// Of how many of these it makes something else than before.
    pub changed: u64,
    /// Of how many it made nothing before.
    pub new: u64,
    /// Of how many it makes nothing any more.
    pub gone: u64,
}

/// What differs for one record.
#[derive(Debug)]
pub struct Difference {
    /// The task or the sink.
    pub name: String,
    /// The record's key, as people read it.
    pub key: String,
    /// The example or row as it was; a list where there are several of a record.
    pub before: Option<Value>,
    /// As it is.
    pub after: Option<Value>,
}

/// Where a record stands in the batches of a build.
pub type At = (usize, usize);

/// Counts while a build goes on.
pub struct Comparison {
    /// By place in the prints of a record.
    parts: Vec<Part>,
    /// How many prints a record had before.
    former_width: usize,
}

struct Part {
    change: Change,
    /// Its place before; none where it is new.
    former: Option<usize>,
    first: Vec<At>,
}

impl Comparison {
    /// Of the builds of two plans.
    pub fn new(former: &Plan, plan: &Plan) -> Self {
        let part = |name: &str, is_task, former| {
            let name = name.to_owned();
            let change = Change { name, is_task, records: 0, changed: 0, new: 0, gone: 0 };
            Part { change, former, first: Vec::new() }
        };
        let tasks = plan.tasks.iter().map(|task| {
            let before = former.tasks.iter().position(|other| other.name == task.name);
            part(&task.name, true, before)
        });
        let sinks = plan.sinks.iter().map(|sink| {
            let same =
                |other: &crate::plan::SinkPlan| other.name == sink.name && other.feed == sink.feed;
            let before = former.sinks.iter().position(same);
            let before = before.map(|n| former.tasks.len() + n);
            part(&sink.name, false, before)
        });
        let parts = tasks.chain(sinks).collect();
        Self { parts, former_width: super::prints::width(former) }
    }

    /// Compares the prints of a batch.
    pub fn batch(&mut self, number: usize, former: &[u64], prints: &[u64]) {
        let (width, former_width) = (self.parts.len().max(1), self.former_width);
        for (index, prints) in prints.chunks(width).enumerate() {
            let former = former.chunks(former_width.max(1)).nth(index).unwrap_or_default();
            for (part, print) in self.parts.iter_mut().zip(prints) {
                let before = part.former.and_then(|n| former.get(n)).copied().unwrap_or(NONE);
                part.note((number, index), before, *print);
            }
        }
    }

    /// What differs; `look` gives the key of a record and what a task or a sink made
    /// of it before and makes now, by the place of its print.
    pub fn done(
        self,
        mut look: impl FnMut(At, usize, Option<usize>) -> Option<(String, Option<Value>, Option<Value>)>,
    ) -> Changes {
        let differs = |part: &&Part| !part.first.is_empty();
        // What rows show of examples is shown once.
        let tasks_differ = self.parts.iter().any(|part| part.change.is_task && differs(&part));
        let told: Vec<(usize, &Part)> = self
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| differs(part) && part.change.is_task == tasks_differ)
            .collect();
        // One of each in turn.
        let turns = (0..SHOWN).flat_map(|turn| {
            told.iter().filter_map(move |(n, part)| Some((*n, *part, *part.first.get(turn)?)))
        });
        let shown = turns
            .take(SHOWN)
            .filter_map(|(n, part, at)| {
                let (key, before, after) = look(at, n, part.former)?;
                Some(Difference { name: part.change.name.clone(), key, before, after })
            })
            .collect();
        let parts = self.parts.into_iter().filter(|part| differs(&part)).map(|part| part.change);
        Changes { parts: parts.collect(), shown }
    }
}

impl Part {
    fn note(&mut self, at: At, before: u64, now: u64) {
        let change = &mut self.change;
        change.records += u64::from(now != NONE);
        if before == now {
            return;
        }
        *match (before, now) {
            (NONE, _) => &mut change.new,
            (_, NONE) => &mut change.gone,
            _ => &mut change.changed,
        } += 1;
        if self.first.len() < SHOWN {
            self.first.push(at);
        }
    }
}
