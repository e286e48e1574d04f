//! What the screen shows: which tracks, and in how many words.

use std::time::{Duration, Instant};

use super::board::{Budget, Phase, Spacing, Wait};
use super::words::{about, count, counted, pace, rate, so_far};

/// The most tracks that are shown at a time.
const MOST_ROWS: usize = 12;

/// Narrower screens have no bars.
const NARROW: usize = 50;

/// Narrower screens show no rate.
const MEDIUM: usize = 80;

/// The longest name.
const NAME: usize = 24;

/// What is shown of a track.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// What it is doing.
    pub phase: Phase,
    /// Its records.
    pub got: u64,
    /// How many there are to be.
    pub expected: Option<u64>,
    /// Records a second.
    pub per_second: Option<f64>,
    /// The time that is left.
    pub left: Option<Duration>,
    /// What it waits for, and how long still.
    pub wait: Option<(Wait, Duration)>,
    /// When it last moved.
    pub moved: Instant,
}

/// What is shown of all together.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Records a second of all tracks.
    pub per_second: Option<f64>,
    /// The time that is left.
    pub left: Option<Duration>,
    /// Child lists still to fetch.
    pub lists_left: u64,
    /// The hosts that are asked.
    pub hosts: Vec<HostStatus>,
}

/// What is shown of a host.
#[derive(Debug, Clone)]
pub struct HostStatus {
    /// What it is called.
    pub name: String,
    /// The time between requests.
    pub spacing: Option<Spacing>,
    /// What is left of its budget.
    pub budget: Option<Budget>,
    /// What is waited for, and how long still.
    pub wait: Option<(Wait, Duration)>,
}

/// A line on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What stands at its beginning.
    pub name: String,
    /// How much of what, for a bar.
    pub bar: Option<(u64, u64)>,
    /// What stands at its end.
    pub text: String,
    /// Whether it says that something waits.
    pub waits: bool,
}

/// Which tracks are shown, by their number. One that moves takes the place of
/// one that has ended, else of the one that has stood still for longest, so that
/// the others keep their places.
#[derive(Debug, Default)]
pub struct Slots {
    shown: Vec<usize>,
}

impl Slots {
    /// The tracks to show now, at most as many as a screen of so many rows has
    /// room for.
    pub fn update(&mut self, rows: &[Row], height: usize) -> &[usize] {
        let most = (height / 2).saturating_sub(1).clamp(1, MOST_ROWS);
        let active = |at: &usize| {
            rows.get(*at).is_some_and(|row| !matches!(row.phase, Phase::Waiting | Phase::Ended))
        };
        self.shown.retain(active);
        self.shown.truncate(most);
        let mut others: Vec<usize> =
            (0..rows.len()).filter(|at| active(at) && !self.shown.contains(at)).collect();
        others.sort_by_key(|at| std::cmp::Reverse(rows[*at].moved));
        for other in others {
            if self.shown.len() < most {
                self.shown.push(other);
                if rows.len() <= most {
                    self.shown.sort_unstable();
                }
                continue;
            }
            let oldest = self.shown.iter_mut().min_by_key(|at| rows[**at].moved);
            match oldest {
                Some(oldest) if rows[*oldest].moved < rows[other].moved => *oldest = other,
                _ => break,
            }
        }
        &self.shown
    }
}

/// The lines of a screen of that width.
pub fn lines(rows: &[Row], shown: &[usize], status: &Status, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = table(rows, shown, width);
    if rows.len() > 1 {
        lines.push(total(rows, status, width));
    }
    for host in &status.hosts {
        let name = if status.hosts.len() > 1 { host.name.as_str() } else { "" };
        if let Some((wait, rest)) = &host.wait {
            let asked = if wait.as_asked { ", as the server asked" } else { "" };
            let text = format!("{}: waiting {}{asked}", wait.reason, about(*rest));
            lines.push(Line { name: name.to_owned(), bar: None, text, waits: true });
        }
        let mut parts: Vec<String> = host.spacing.map(pace).into_iter().collect();
        if let Some(budget) = host.budget {
            parts.push(format!(
                "{} of {} left in {}",
                count(budget.left),
                counted(budget.requests, "request"),
                super::words::duration(budget.per).trim_end_matches(" 0 min")
            ));
        }
        let text = parts.join(", ");
        if !text.is_empty() {
            lines.push(Line { name: name.to_owned(), bar: None, text, waits: false });
        }
    }
    for line in lines.iter_mut().filter(|line| line.bar.is_none()) {
        let name = line.name.chars().count();
        line.text = cut(&line.text, width.saturating_sub(name + 1));
    }
    lines
}

/// The rows of tracks, with the ends of their bars in one column.
fn table(rows: &[Row], shown: &[usize], width: usize) -> Vec<Line> {
    let shown: Vec<&Row> = shown.iter().filter_map(|at| rows.get(*at)).collect();
    let longest = shown.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let name = longest.min(if width < NARROW { NAME / 2 } else { NAME });
    let cells: Vec<Vec<String>> = shown.iter().map(|row| cells(row, width)).collect();
    let column = |at: usize| {
        let widths = cells.iter().filter(|cells| cells.len() == 3);
        widths.filter_map(|cells| cells.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths = [column(0), column(1), column(2)];
    let texts: Vec<String> = cells
        .iter()
        .map(|cells| {
            let padded = cells.iter().zip(widths).filter(|(_, width)| *width > 0);
            let padded = padded.map(|(cell, width)| format!("{cell:>width$}"));
            padded.collect::<Vec<_>>().join("  ")
        })
        .collect();
    let end = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    shown
        .iter()
        .zip(texts)
        .map(|(row, text)| Line {
            name: format!("{:name$}", cut(&row.name, name)),
            bar: row.expected.filter(|_| width >= NARROW).map(|n| (row.got.min(n), n)),
            text: format!("{text:<end$}"),
            waits: row.wait.is_some(),
        })
        .collect()
}

/// How far it is, how fast, and how long still; or what it waits for.
fn cells(row: &Row, width: usize) -> Vec<String> {
    let so_far = match (width < NARROW, row.expected) {
        (true, Some(expected)) => format!("{}/{}", count(row.got), count(expected)),
        _ => so_far(row.got, row.expected),
    };
    if let Some((wait, rest)) = &row.wait {
        return vec![so_far, format!("{}: again in {}", wait.reason, about(*rest))];
    }
    if row.phase == Phase::Checking {
        return vec![so_far, String::from("checking")];
    }
    let per_second = row.per_second.filter(|rate| width >= MEDIUM && *rate > 0.0);
    let per_second = per_second.map_or(String::new(), rate);
    vec![so_far, per_second, row.left.map_or(String::new(), about)]
}

fn total(rows: &[Row], status: &Status, width: usize) -> Line {
    let got = rows.iter().map(|row| row.got).sum();
    let expected: u64 = rows.iter().filter_map(|row| row.expected).sum();
    let ended = rows.iter().filter(|row| row.phase == Phase::Ended).count();
    let mut parts = vec![so_far(got, Some(expected).filter(|n| *n >= got))];
    parts.extend(status.per_second.filter(|rate| width >= NARROW && *rate > 0.0).map(rate));
    parts.extend(status.left.map(|left| format!("{} left", about(left))));
    parts.push(format!("{ended} of {} done", rows.len()));
    if status.lists_left > 0 {
        parts.push(format!("{} to fetch", counted(status.lists_left, "child list")));
    }
    Line { name: String::from("total"), bar: None, text: parts.join(", "), waits: false }
}

/// At most so many characters of a text.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
