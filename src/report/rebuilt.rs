//! What a build again has changed, as lines for people and as data.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::difference::{Palette, difference};
use crate::build::Changes;
use crate::observe::words::{count, counted, printable};

/// What differs in the outputs.
#[derive(Debug, Default, Serialize)]
pub struct Rebuilt {
    /// The tasks and sinks in which something differs.
    pub changed: Vec<Part>,
    /// Some of what differs.
    pub differences: Vec<Difference>,
}

/// A task or a sink in which something differs. All numbers are of records.
#[derive(Debug, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it makes: `examples` or `rows`.
    pub of: &'static str,
    /// Those that it makes something of.
    pub records: u64,
    /// Of these, those of which it makes something else than before.
    pub changed: u64,
    /// Of these, those of which it made nothing before.
    pub new: u64,
    /// Those of which it makes nothing any more.
    pub gone: u64,
}

/// What differs for one record.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The task or sink.
    pub name: String,
    /// The record's key.
    pub key: String,
    /// As it was.
    pub before: Option<Value>,
    /// As it is.
    pub after: Option<Value>,
}

impl Rebuilt {
    /// Of what a build found.
    pub fn new(changes: Changes) -> Self {
        let changed = changes.parts.into_iter().map(|part| Part {
            name: part.name,
            of: if part.is_task { "examples" } else { "rows" },
            records: part.records,
            changed: part.changed,
            new: part.new,
            gone: part.gone,
        });
        let differences = changes.shown.into_iter().map(|shown| Difference {
            name: shown.name,
            key: shown.key,
            before: shown.before,
            after: shown.after,
        });
        Self { changed: changed.collect(), differences: differences.collect() }
    }

    /// What differs for single records, as lines.
    pub fn shown(&self, color: bool) -> String {
        let palette = Palette::new(color);
        let mut shown: Vec<(&str, String, String)> = Vec::new();
        for Difference { name, key, before, after } in &self.differences {
            let what = match (before, after) {
                (None, _) => " (new)",
                (_, None) => " (gone)",
                _ => "",
            };
            let lines = difference(before.as_ref(), after.as_ref(), &palette);
            match shown.last_mut() {
                // The same edit of the same words is read once.
                Some((of, keys, last)) if of == name && *last == lines => {
                    keys.push_str(&format!(", {key}{what}"));
                }
                _ => shown.push((name, format!("{key}{what}"), lines)),
            }
        }
        let mut text = String::new();
        for (name, keys, lines) in &shown {
            let head = palette.head(&printable(&format!("{name} {keys}")));
            let _ = write!(text, "{head}\n{lines}");
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// How much differs, as lines.
    pub fn counts(&self) -> String {
        if self.changed.is_empty() {
            return String::from("no example and no row has changed\n");
        }
        self.changed.iter().map(|part| format!("{}\n", part.text())).collect()
    }
}

impl Part {
    /// `titles: examples of 812 of 10,000 records changed, 3 new, 1 gone`
    fn text(&self) -> String {
        let records = counted(self.records, "record");
        let mut text =
            format!("{}: {} of {} of {records} changed", self.name, self.of, count(self.changed));
        for (number, what) in [(self.new, "new"), (self.gone, "gone")] {
            if number > 0 {
                let _ = write!(text, ", {} {what}", count(number));
            }
        }
        text
    }
}
