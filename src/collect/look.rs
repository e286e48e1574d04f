//! A look at a server outside any run: one reply of each partition, for those who
//! want to know what a run would find. Nothing is written.

use super::envelope::{self, Envelope, Records};
use super::page;
use super::paginate::Position;
use super::preflight::{Ready, preflight};
use super::ranges;
use super::record::find;
use super::request::Ask;
use super::run::{Error, Result};
use crate::http::{Client, Described, Failure, FailureScope, Reply};
use crate::plan::{Overlay, PaginationKind, Plan, StreamPlan, template_value};
use crate::store::{Body, StoredRecord};

/// What was seen of one partition.
#[derive(Debug)]
pub struct Look<T> {
    /// The stream, by its place in the plan.
    pub stream: usize,
    /// The partition, by its place in the stream.
    pub partition: usize,
    /// The request of its first page, where it can be made.
    pub first: Option<Described>,
    /// What was found; else why nothing was, in one sentence.
    pub found: std::result::Result<T, String>,
}

impl<T> Look<T> {
    fn with<U>(self, found: std::result::Result<U, String>) -> Look<U> {
        Look { stream: self.stream, partition: self.partition, first: self.first, found }
    }
}

/// What a run would ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Records that the server says there are.
    pub records: u64,
    /// Records that are asked for at a time.
    pub page: u64,
    /// Pages of that size.
    pub pages: u64,
    /// Ranges of keys that would be read side by side.
    pub ranges: u64,
    /// Requests that count the records when all are read.
    pub counts: u64,
    /// Requests in all, but for child lists.
    pub requests: u64,
}

impl Outline {
    /// What is left when so many records are here: what `--resume` asks for.
    pub fn after(self, here: u64) -> Self {
        let records = self.records.saturating_sub(here);
        // What is new is asked for even where nothing is missing.
        let pages = records.div_ceil(self.page).max(1);
        Self { records, pages, requests: pages + self.counts, ..self }
    }
}

/// Asks for the number of records of each partition: one request each, after the
/// checks before the first page. `concurrency` decides about ranges.
///
/// # Errors
/// Where nothing can be asked any more: a check that fails, a host that must be
/// left alone.
pub async fn outline(
    plan: &Plan,
    client: &Client,
    concurrency: usize,
) -> Result<Vec<Look<Option<Outline>>>> {
    let mut outlines = Vec::new();
    for look in looks(plan, client).await? {
        let stream = &plan.streams[look.stream];
        let pagination = &stream.pagination;
        // Without a request that counts, the first page says how many there are.
        let reply = ask(plan, client, &look, pagination.count.as_ref(), pagination.limit).await?;
        outlines.push(look.with(reply.map(|envelope| {
            let total = pagination.total.as_ref()?.first(&envelope.value)?;
            let records = total.as_u64().or_else(|| total.as_str()?.parse().ok())?;
            Some(outlined(stream, records, concurrency))
        })));
    }
    Ok(outlines)
}

fn outlined(stream: &StreamPlan, records: u64, concurrency: usize) -> Outline {
    let pagination = &stream.pagination;
    let page = u64::from(pagination.limit.unwrap_or(1).max(1));
    let pages = match pagination.kind {
        PaginationKind::None => 1,
        _ => records.div_ceil(page).max(1),
    };
    let counts = u64::from(pagination.count.is_some());
    let (mut cut, mut probes) = (0, 0);
    if let PaginationKind::Keyset { ranges: Some(ranges), .. } = &pagination.kind
        && concurrency > 1
    {
        cut = ranges::starts(ranges, records, concurrency, page).len() as u64;
        // The number of records tells where they go.
        probes = cut + 1;
    }
    let requests = pages + probes + counts;
    Outline { records, page, pages, ranges: cut + 1, counts, requests }
}

/// Asks for the first page of each partition; its records as the store would have
/// them, with the lists that came inline alone.
///
/// # Errors
/// As [`outline`].
pub async fn sample(plan: &Plan, client: &Client) -> Result<Vec<Look<Vec<StoredRecord>>>> {
    let mut samples = Vec::new();
    for look in looks(plan, client).await? {
        let stream = &plan.streams[look.stream];
        let reply = ask(plan, client, &look, None, stream.pagination.limit).await?;
        let records = reply.map(|envelope| stored(stream, look.partition, &envelope));
        samples.push(look.with(records));
    }
    Ok(samples)
}

/// Records of a reply that have a primary key and are JSON.
fn stored(stream: &StreamPlan, partition: usize, envelope: &Envelope) -> Vec<StoredRecord> {
    let records = envelope.records.iter().filter_map(|raw| {
        Some(StoredRecord {
            primary_key: find(&stream.primary_key, &raw.bytes).text()?,
            partition: stream.partitions[partition].id.clone(),
            body: Body::pack(&raw.bytes).ok()?,
            children: Vec::new(),
            missing: Vec::new(),
            gone: false,
        })
    });
    records.collect()
}

/// The partitions of a plan, with their first requests.
async fn looks(plan: &Plan, client: &Client) -> Result<Vec<Look<()>>> {
    match preflight(plan, client).await? {
        Ready::Yes => {}
        Ready::Stopped => return Err(Error::Failed(String::from("interrupted").into())),
        Ready::Closed(_, reason) => return Err(Error::Failed(reason.into())),
    }
    let mut looks = Vec::new();
    for (stream, of) in plan.streams.iter().enumerate() {
        for partition in 0..of.partitions.len() {
            let ask = first_ask(plan, stream, partition, None);
            let start = Position::start(&of.pagination.kind);
            let (first, found) = match ask.call(plan, &start, of.pagination.limit) {
                Ok(call) => match client.described(&call) {
                    Ok(described) => (Some(described), Ok(())),
                    Err(_) => (None, Ok(())),
                },
                Err(error) => {
                    let cause = page::template_error(plan, &ask.label, &error);
                    (None, Err(cause.to_string()))
                }
            };
            looks.push(Look { stream, partition, first, found });
        }
    }
    Ok(looks)
}

fn first_ask<'p>(
    plan: &'p Plan,
    stream: usize,
    partition: usize,
    overlay: Option<&'p Overlay>,
) -> Ask<'p> {
    let stream = &plan.streams[stream];
    let partition = &stream.partitions[partition];
    let vars = partition.vars.iter().map(|(name, value)| (name.clone(), template_value(value)));
    Ask {
        request: &stream.request,
        overlay,
        pagination: &stream.pagination,
        scope: plan.scope().with_all(vars),
        label: format!("{} {}", stream.name, partition.id).trim_end().to_owned(),
    }
}

/// Sends the request of a first page; what fails for the partition alone is found.
async fn ask(
    plan: &Plan,
    client: &Client,
    look: &Look<()>,
    overlay: Option<&Overlay>,
    limit: Option<u32>,
) -> Result<std::result::Result<Envelope, String>> {
    if let Err(reason) = &look.found {
        return Ok(Err(reason.clone()));
    }
    let stream = &plan.streams[look.stream];
    let ask = first_ask(plan, look.stream, look.partition, overlay);
    let start = Position::start(&stream.pagination.kind);
    let call = match ask.call(plan, &start, limit) {
        Ok(call) => call,
        Err(error) => return Ok(Err(page::template_error(plan, &ask.label, &error).to_string())),
    };
    let read = |reply: &Reply| envelope::open(reply, Records::at(&stream.records));
    match client.send(|_| call.clone(), 0, read).await {
        Ok(sent) => Ok(sent.value.map_err(|misfit| misfit.message(plan))),
        Err(Failure::Failed { scope: FailureScope::Record | FailureScope::Partition, cause }) => {
            Ok(Err(cause.text))
        }
        Err(Failure::Failed { cause, .. }) => Err(Error::Failed(cause)),
        Err(Failure::Stopped) => Err(Error::Failed(String::from("interrupted").into())),
        Err(Failure::PreviousKey | Failure::End) => Ok(Err(String::from("there is nothing"))),
    }
}
