//! Parts of the summary of a run that `scrape status` shows as well.

use super::table::{Align, table};
use crate::observe::words::{count, counted, size, so_far};

/// A partition as people read of it.
#[derive(Debug, Clone, Copy)]
pub struct PartitionLine<'a> {
    /// Its stream.
    pub stream: &'a str,
    /// Its id; empty where a stream has no partitions.
    pub partition: &'a str,
    /// Records in the store.
    pub got: u64,
    /// Records that the server says there are.
    pub expected: Option<u64>,
    /// The name of its state.
    pub state: &'a str,
    /// How it was checked.
    pub checked: Option<&'a str>,
    /// Where `--limit` cut it.
    pub limit: Option<u64>,
    /// Why it is not complete.
    pub reason: Option<&'a str>,
}

impl PartitionLine<'_> {
    /// What its state means, and how that is known.
    fn state(&self) -> String {
        let state = match self.state {
            "running" => "not finished",
            "missing" => "not begun",
            state => state,
        };
        match (self.reason, self.limit, self.checked) {
            (Some(reason), ..) => {
                // Whose reason it is stands at the beginning of the line.
                let label = format!("{} {}: ", self.stream, self.partition);
                format!("{state}: {}", reason.strip_prefix(&label).unwrap_or(reason))
            }
            (_, Some(limit), _) => format!("{state} (--limit {limit})"),
            (_, _, Some(checked)) => format!("{state} (checked by {checked})"),
            _ => state.to_owned(),
        }
    }
}

/// A line for each partition.
pub fn partitions(lines: &[PartitionLine<'_>], indent: &str) -> String {
    let rows: Vec<[String; 3]> = lines
        .iter()
        .map(|line| {
            let so_far = format!("{} records", so_far(line.got, line.expected));
            let name = if line.partition.is_empty() { line.stream } else { line.partition };
            [name.to_owned(), so_far, line.state()]
        })
        .collect();
    table(&rows, [Align::Left, Align::Right, Align::Left], indent)
}

/// A file as people read of it.
#[derive(Debug, Clone)]
pub struct FileLine {
    /// Where it is.
    pub file: String,
    /// Its rows.
    pub rows: Option<u64>,
    /// Its bytes on the disk.
    pub bytes: u64,
    /// What is wrong with it.
    pub note: Option<String>,
}

/// A line for each file.
pub fn files(lines: &[FileLine], indent: &str) -> String {
    let rows: Vec<[String; 4]> = lines
        .iter()
        .map(|line| {
            let rows = line.rows.map_or(String::new(), |rows| counted(rows, "row"));
            let bytes = if line.bytes > 0 { size(line.bytes) } else { String::new() };
            [line.file.clone(), rows, bytes, line.note.clone().unwrap_or_default()]
        })
        .collect();
    table(&rows, [Align::Left, Align::Right, Align::Right, Align::Left], indent)
}

/// A line for each reason for which something was left out: how often, why, where.
pub fn rejects<'a>(
    lines: impl IntoIterator<Item = (&'a str, &'a str, u64)>,
    indent: &str,
) -> String {
    let rows: Vec<[String; 2]> = lines
        .into_iter()
        .map(|(stage, reason, n)| [count(n), format!("{reason} ({stage})")])
        .collect();
    table(&rows, [Align::Right, Align::Left], indent)
}
