//! A forecast as text.

use std::fmt::Write as _;

use super::Forecast;
use super::numbers::Lists;
use crate::http::{Described, without_credentials};
use crate::observe::Budget;
use crate::observe::words::{about, count, counted, pace, size};

impl Forecast<'_> {
    /// The table, what it means for time and budget, and the first requests.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let from = without_credentials(&self.plan.http.base_url);
        let flight = counted(self.concurrency as u64, "request");
        let _ = writeln!(out, "{from}, at most {flight} in flight\n");
        self.table(&mut out);
        out.push('\n');
        for (fact, text) in self.facts() {
            let _ = writeln!(out, "{fact:<8}{text}");
        }
        self.first_requests(&mut out);
        out
    }

    fn table(&self, out: &mut String) {
        let names: Vec<String> = self.rows.iter().map(|row| self.name(row)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
        let resumed = self.directory.is_some();
        let columns: &[&str] = match resumed {
            true => &["records", "here", "left", "pages", "requests"],
            false => &["records", "pages", "ranges", "requests"],
        };
        let mut line = |name: &str, cells: &[String]| {
            let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
            let _ = writeln!(out, "{name:width$}{cells}");
        };
        line("", &columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        let mut all = 0;
        for (row, name) in self.rows.iter().zip(&names) {
            let found = match &row.look.found {
                Ok(Some(found)) => found,
                Ok(None) => {
                    line(&format!("{name:width$}  the server does not say how many"), &[]);
                    continue;
                }
                Err(reason) => {
                    let own = reason.strip_prefix(&format!("{name}: ")).unwrap_or(reason);
                    line(&format!("{name:width$}  {own}"), &[]);
                    continue;
                }
            };
            let left = self.left(row).unwrap_or(*found);
            all += found.records;
            let cells = match resumed {
                true => vec![found.records, row.here, left.records, left.pages, left.requests],
                false => vec![found.records, left.pages, left.ranges, left.requests],
            };
            line(name, &cells.into_iter().map(count).collect::<Vec<_>>());
        }
        // Columns between those that have a sum stay empty.
        let checks = [vec![String::new(); columns.len() - 1], vec![count(self.checks())]];
        line("checks", &checks.concat());
        let (pages, requests) = (count(self.sum(|o| o.pages)), count(self.requests()));
        let here = self.rows.iter().map(|row| row.here).sum();
        let left = self.sum(|o| o.records);
        line(
            "in all",
            &match resumed {
                true => vec![count(all), count(here), count(left), pages, requests],
                false => vec![count(all), pages, String::new(), requests],
            },
        );
    }

    /// What is not in the table: a line for each fact.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if let Some(directory) = &self.directory {
            facts.push(("here", format!("{directory}; --resume asks for what is left")));
        }
        if self.lists_left() > 0 {
            let lists = counted(self.lists_left(), "list");
            facts.push(("lists", format!("{lists} of records that are here are to be fetched")));
        }
        let sampled = self.samples.iter().map(|sample| sample.records).sum();
        let basis = format!("going by {} here", counted(sampled, "record"));
        facts.extend(self.lists().iter().filter_map(|list| Some(("lists", list.text(&basis)?))));
        facts.push(("time", self.time()));
        facts.extend(self.budget.map(|budget| ("budget", self.enough(budget))));
        match self.bytes() {
            Some(0) => {}
            Some(bytes) => facts.push(("size", format!("about {} of JSON, {basis}", size(bytes)))),
            None => facts.push(("size", String::from("can be told once some records are here"))),
        }
        facts
    }

    fn time(&self) -> String {
        match (self.least(), self.spacing) {
            (None, _) => String::from("as fast as the server answers: no pace is set"),
            (Some(least), None) => format!("{} at least", about(least)),
            (Some(least), Some(spacing)) => {
                format!("{} at least, at {}", about(least), pace(spacing))
            }
        }
    }

    fn enough(&self, budget: Budget) -> String {
        let (left, of, per) = (count(budget.left), count(budget.requests), about(budget.per));
        let left = format!("{left} of {of} requests are left in {per}");
        match self.spans() {
            0 => left,
            n => format!(
                "{left}, too few: a run stops {} when they are used up, and --resume goes on",
                counted(n, "time")
            ),
        }
    }

    /// Headers that several requests share are told once.
    fn first_requests(&self, out: &mut String) {
        let mut before: Option<&Described> = None;
        for row in &self.rows {
            let Some(first) = &row.look.first else { continue };
            if before.is_none_or(|before| before.headers != first.headers) {
                out.push_str("\nfirst requests, with these headers:\n");
                for (name, value) in &first.headers {
                    let _ = writeln!(out, "  {name}: {value}");
                }
            }
            let _ = writeln!(out, "{} {}", first.method, first.url);
            for line in first.body.iter().flat_map(|body| body.lines()) {
                let _ = writeln!(out, "  {line}");
            }
            before = Some(first);
        }
    }
}

impl Lists {
    /// Nothing where all that is known to come has its lists.
    fn text(&self, basis: &str) -> Option<String> {
        let name = &self.name;
        match (self.estimate, &self.fetch_if) {
            (Some(0), _) => None,
            (Some(n), Some(_)) => Some(format!("{name}: about {}, {basis}", counted(n, "request"))),
            (Some(n), None) => Some(format!("{name}: {} or more", counted(n, "request"))),
            (None, _) => Some(format!(
                "{name}: at least a request for each record that does not bring them all"
            )),
        }
    }
}
