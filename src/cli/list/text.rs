//! A plugin as text, for people.

use std::fmt::Write as _;

use scrape_api::Plugin;

use super::options::{Optional, PluginOption, options};

/// Columns that are written where nobody says how many there are.
pub const WIDTH: usize = 80;

/// The fewest columns that descriptions get.
const NARROWEST: usize = 20;

/// The most columns before descriptions; longer names push theirs to a line below.
const MOST: usize = 36;

/// What `scrape list` prints of a plugin, in so many columns.
pub fn plugin(plugin: &Plugin, width: usize) -> String {
    let title = format!("{} {}", plugin.constructor.kind().as_str(), plugin.name);
    let origin = format!("{} {}", plugin.crate_name, plugin.crate_version);
    let gap = width.saturating_sub(title.chars().count() + origin.chars().count()).max(2);
    let mut text = format!("{title}{:gap$}{origin}\n", "");
    for line in wrapped(plugin.summary, width.saturating_sub(2)) {
        let _ = writeln!(text, "  {line}");
    }
    let rows: Vec<[String; 4]> = options(plugin).into_iter().map(row).collect();
    if !rows.is_empty() {
        text.push('\n');
        table(&rows, width, &mut text);
    }
    text.push('\n');
    for line in plugin.example.trim().lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}

/// Name, kind, default, description.
fn row(option: PluginOption) -> [String; 4] {
    let default = match &option.optional {
        Optional::No => String::from("required"),
        Optional::Default(value) => value.to_string(),
        Optional::Absent => String::from("-"),
    };
    let mut description = option.description;
    if !option.values.is_empty() {
        let words: Vec<_> = option.values.iter().map(|(word, _)| word.as_str()).collect();
        let _ = write!(description, " One of {}.", words.join(", "));
    }
    [option.name, option.kind.to_owned(), default, description.trim().to_owned()]
}

fn table(rows: &[[String; 4]], columns: usize, text: &mut String) {
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let (name, kind, default) = (width(0), width(1), width(2));
    let indent =
        (2 + name + 2 + kind + 2 + default + 2).min(MOST.min(columns.saturating_sub(NARROWEST)));
    for [n, k, d, description] in rows {
        let head = format!("  {n:name$}  {k:kind$}  {d:default$}  ");
        let mut lines = wrapped(description, columns.saturating_sub(indent)).into_iter();
        if head.chars().count() > indent {
            let _ = writeln!(text, "{}", head.trim_end());
        } else {
            let _ = writeln!(
                text,
                "{}",
                format!("{head}{}", lines.next().unwrap_or_default()).trim_end()
            );
        }
        for line in lines {
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
    }
}

/// Lines of at most so many characters, cut between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
