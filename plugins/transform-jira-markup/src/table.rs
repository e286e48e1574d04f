//! Tables: where rows end, and how they are written.

use memchr::memchr;

use crate::chars::{indent, is_blank};
use crate::tag::Span;
use crate::writer::Writer;

/// One row: whether each cell is a header, and its content in Markdown.
pub(crate) type Row = Vec<(bool, String)>;

/// The end of the row that begins with the line at `start`; `None` when that
/// line begins no row.
///
/// A row begins with `|` and needs a second separator. It goes on over line
/// feeds inside `spans` (those at or after `start`), and over whole lines where
/// a later one closes the cell, before a blank line or the next row.
pub(crate) fn row_end(text: &str, start: usize, end: usize, spans: &[Span<'_>]) -> Option<usize> {
    let first = start + indent(&text[start..find_line_end(text, start, end)]);
    if !text[first..end].starts_with('|') {
        return None;
    }
    let mut spans = spans.iter();
    let mut at = start;
    let mut first_line = None;
    loop {
        // The end of the logical line: the first line feed outside the spans.
        let mut line_end = find_line_end(text, at, end);
        while let Some(span) = spans.as_slice().first().filter(|s| s.start < line_end) {
            if span.end > line_end {
                line_end = find_line_end(text, span.end.min(end), end);
            }
            spans.next();
        }
        let line = text[first..line_end].trim_end();
        first_line.get_or_insert(line_end);
        if line.ends_with('|') && line.trim_start_matches('|').len() > 1 {
            return Some(line_end);
        }
        let next = line_end + 1;
        let next_line = text.get(next..find_line_end(text, next.min(end), end));
        match next_line {
            Some(line) if !is_blank(line) && !line.trim_start().starts_with('|') => at = next,
            _ => break,
        }
    }
    let first_line = first_line?;
    text[first..first_line].trim_start_matches('|').contains('|').then_some(first_line)
}

/// The position of the line feed that ends the line at `at`, or `end`.
pub(crate) fn find_line_end(text: &str, at: usize, end: usize) -> usize {
    memchr(b'\n', &text.as_bytes()[at..end]).map_or(end, |i| at + i)
}

/// Writes a table. Markdown wants one header, as wide as the widest row; the
/// first row is it. Header cells elsewhere become strong. The second row of a
/// Markdown table that was pasted (`| --- | --- |`) is left out.
pub(crate) fn push_table(out: &mut Writer, mut rows: Vec<Row>) {
    let rule = |cell: &str| {
        let cell = cell.trim().trim_matches(':');
        matches!(cell, "–" | "—") || !cell.is_empty() && cell.bytes().all(|b| b == b'-')
    };
    // A dash alone says that there is no value.
    let long = |cell: &str| cell.trim().len() > 1;
    let pasted = |row: &Row| row.iter().all(|c| rule(&c.1)) && row.iter().any(|c| long(&c.1));
    if rows.get(1).is_some_and(pasted) {
        rows.remove(1);
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    for (i, row) in rows.iter().enumerate() {
        if i > 0 {
            out.line();
        }
        let mut line = String::from("|");
        for (header, cell) in row {
            line.push(' ');
            push_cell(&mut line, cell.trim(), *header && i > 0);
            line.push_str(" |");
        }
        if i == 0 {
            (row.len()..columns).for_each(|_| line.push_str("  |"));
        }
        out.text(&line);
        if i == 0 {
            out.line();
            out.text("|");
            (0..columns).for_each(|_| out.text(" --- |"));
        }
    }
}

fn push_cell(line: &mut String, cell: &str, strong: bool) {
    let cell = strip_breaks(cell);
    let strong = strong && !cell.is_empty() && !cell.contains("**");
    let mark = if strong { "**" } else { "" };
    line.push_str(mark);
    // A pipe would end the cell, even inside code.
    for (i, part) in cell.split('|').enumerate() {
        if i > 0 {
            line.push_str("\\|");
        }
        line.push_str(part);
    }
    line.push_str(mark);
}

/// Line breaks at the edges of a cell show nothing.
fn strip_breaks(mut cell: &str) -> &str {
    loop {
        let trimmed = cell.trim();
        let trimmed = trimmed.strip_prefix("<br>").unwrap_or(trimmed);
        let trimmed = trimmed.strip_suffix("<br>").unwrap_or(trimmed);
        if trimmed.len() == cell.len() {
            return cell;
        }
        cell = trimmed;
    }
}
