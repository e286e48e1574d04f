//! Stack traces, logs, patches and code that nobody put into a code block.
//!
//! Read as markup they would be garbled: `-` lines of a patch become lists,
//! `<init>` a tag, `__x__` bold. What is certainly of that kind becomes a fenced
//! block, byte for byte; what is doubtful stays text.

use crate::chars::is_blank;
use crate::escape::number;
use crate::list::marker;
use crate::table::find_line_end;

/// A run of lines to be kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The info string of the fence.
    pub(crate) language: &'static str,
}

/// Finds runs, without looking at the lines of a failed attempt again.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    found: Option<Run>,
    failed_until: usize,
    /// The same for code, of which paragraphs are judged as a whole.
    no_code_until: usize,
}

impl Finder {
    /// The run that begins with the line at `start`, if one does; `end` is where
    /// the text, or what may be taken for text, ends.
    pub(crate) fn at(&mut self, text: &str, start: usize, end: usize) -> Option<Run> {
        if let Some(run) = self.found.filter(|run| run.start == start) {
            return (run.end <= end).then_some(run);
        }
        if start < self.failed_until {
            return None;
        }
        let line = &text[start..find_line_end(text, start, end)];
        let (run, reached) = if starts_patch(line) {
            patch(text, start, end)
        } else if kind(line) != Kind::Other && kind(line) != Kind::Indented {
            trace(text, start, end)
        } else if start >= self.no_code_until && begins_paragraph(text, start) {
            let (run, reached) = source(text, start, end);
            self.found = run;
            self.no_code_until = reached;
            return run;
        } else {
            return None;
        };
        self.found = run;
        if run.is_none() {
            self.failed_until = reached;
        }
        run
    }
}

/// Whether a run may begin with this line; `false` is certain.
pub(crate) fn may_start(line: &str) -> bool {
    starts_patch(line) || !matches!(kind(line), Kind::Other | Kind::Indented)
}

/// What a line is in a log or a stack trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A frame, or a line with a time or a level: two of these make a run.
    Strong,
    /// An exception, `Caused by: …`, `... 12 more`
    Weak,
    /// What continues a message of several lines.
    Indented,
    Other,
}

fn kind(line: &str) -> Kind {
    let text = line.trim();
    if is_frame(text) || has_time(text) || has_level(text) {
        return Kind::Strong;
    }
    let heads = ["Caused by: ", "Suppressed: ", "Exception in thread ", "Traceback (most recent"];
    let more = text.starts_with("... ") && text.ends_with(" more");
    if more || heads.iter().any(|head| text.starts_with(head)) || is_exception(text) {
        return Kind::Weak;
    }
    let deep = line.starts_with("    ") || line.starts_with('\t');
    if deep && !text.is_empty() && !text.starts_with(['*', '#', '-', '|']) {
        return Kind::Indented;
    }
    Kind::Other
}

/// `at org.apache.Foo.bar(Foo.java:12)`, `File "a.py", line 3, in f`
fn is_frame(text: &str) -> bool {
    if let Some(frame) = text.strip_prefix("at ") {
        let place = frame.split(['(', ' ']).next().unwrap_or_default();
        return place.contains('.') && frame.contains('(') && frame.ends_with([')', ']']);
    }
    text.starts_with("File \"") && text.contains("\", line ")
}

/// `java.lang.IllegalStateException: message`
fn is_exception(text: &str) -> bool {
    let name = text.split([':', ' ']).next().unwrap_or_default();
    let throwable = ["Exception", "Error", "Throwable"].iter().any(|s| name.ends_with(s));
    throwable && name.contains('.') && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A time at the start of a line, as loggers write it.
fn has_time(text: &str) -> bool {
    let text = text.strip_prefix('[').unwrap_or(text).as_bytes();
    let matches = |pattern: &[u8]| {
        text.len() > pattern.len()
            && pattern.iter().zip(text).all(|(p, b)| match p {
                b'0' => b.is_ascii_digit(),
                b'T' => matches!(b, b' ' | b'T'),
                p => p == b,
            })
    };
    let patterns = [
        "0000-00-00T00:00:00",
        "00/00/00T00:00:00",
        "0000/00/00T00:00:00",
        "00:00:00.000",
        "00:00:00,000",
    ];
    patterns.iter().any(|p| matches(p.as_bytes()))
}

/// `[INFO] …`, as build tools write it.
fn has_level(text: &str) -> bool {
    ["[INFO] ", "[ERROR] ", "[WARNING] ", "[WARN] ", "[DEBUG] "].iter().any(|l| text.starts_with(l))
}

/// A run of lines of a log or a trace from `start`, and how far it was looked for.
fn trace(text: &str, start: usize, end: usize) -> (Option<Run>, usize) {
    let (mut at, mut strong) = (start, 0);
    while at < end {
        let line_end = find_line_end(text, at, end);
        let line = &text[at..line_end];
        match kind(line) {
            _ if starts_patch(line) => break,
            Kind::Strong => strong += 1,
            Kind::Weak | Kind::Indented => {}
            Kind::Other => break,
        }
        at = line_end + 1;
    }
    let run = Run { start, end: (at - 1).min(end), language: "" };
    ((strong >= 2).then_some(run), at)
}

/// Whether the line before `start` is empty or ends a block of tags.
fn begins_paragraph(text: &str, start: usize) -> bool {
    match text[..start].strip_suffix('\n') {
        Some(before) => before.trim_end_matches([' ', '\t']).ends_with(['\n', '}']),
        None => start == 0,
    }
}

/// A run of paragraphs from `start` that are source code of the C family, or XML:
/// of three lines or more, at least three in five end like a statement or a block,
/// or are a tag.
/// Says also how far it was looked for.
fn source(text: &str, start: usize, end: usize) -> (Option<Run>, usize) {
    let (mut at, mut last) = (start, None);
    while at < end {
        let (mut lines, mut ends) = (0, 0);
        let begin = at;
        let mut paragraph_end = at;
        while at < end {
            let line_end = find_line_end(text, at, end);
            let line = text[at..line_end].trim();
            if line.is_empty() {
                break;
            }
            if marker(line, false).is_some() || number(line).is_some() || line.starts_with('|') {
                return (last, at.max(start + 1));
            }
            lines += 1;
            ends += usize::from(ends_like_code(line));
            paragraph_end = line_end;
            at = line_end + 1;
        }
        let typical =
            || text[begin..paragraph_end].bytes().any(|b| matches!(b, b'{' | b'}' | b'=' | b'<'));
        if lines < 3 || ends * 5 < lines * 3 || !typical() {
            return (last, at.max(start + 1));
        }
        last = Some(Run { start, end: paragraph_end, language: "" });
        // On to the next paragraph.
        while at < end && is_blank(&text[at..find_line_end(text, at, end)]) {
            at = find_line_end(text, at, end) + 1;
        }
    }
    (last, at)
}

/// `…;`, `…{`, `}` and the like, but not `{{name}}` or `{color}`.
fn ends_like_code(line: &str) -> bool {
    let macro_like = || {
        line.rsplit_once('{').is_some_and(|(_, name)| {
            name.len() > 1 && name[..name.len() - 1].bytes().all(|b| b.is_ascii_lowercase())
        })
    };
    if line.starts_with('<') && line.ends_with('>') {
        return !line.contains("://") || line.contains(' ');
    }
    let line_end = line.trim_end_matches(',');
    line.ends_with([';', '{'])
        || line_end.ends_with('}') && !line_end.ends_with("}}") && !macro_like()
}

fn starts_patch(line: &str) -> bool {
    line.starts_with("diff --git ")
        || line.starts_with("Index: ")
        || line.starts_with("--- ")
        || hunk(line).is_some()
}

/// The numbers of old and new lines of a hunk: `@@ -1,5 +1,6 @@`.
fn hunk(line: &str) -> Option<(usize, usize)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let count = |range: &str| match range.split_once(',') {
        Some((_, n)) => n.parse().ok(),
        None => range.parse::<usize>().ok().map(|_| 1),
    };
    Some((count(old)?, count(new)?))
}

/// A patch from `start`: headers, and hunks of which the lines are counted. It
/// needs at least one hunk.
fn patch(text: &str, start: usize, end: usize) -> (Option<Run>, usize) {
    const HEADERS: [&str; 13] = [
        "diff ",
        "Index: ",
        "=====",
        "index ",
        "--- ",
        "+++ ",
        "new file mode ",
        "deleted file mode ",
        "old mode ",
        "new mode ",
        "similarity index ",
        "rename ",
        "Binary files ",
    ];
    let (mut at, mut last, mut hunks) = (start, start, 0);
    let mut left = (0_usize, 0_usize);
    while at < end {
        let line_end = find_line_end(text, at, end);
        let line = &text[at..line_end];
        if let Some(counts) = hunk(line) {
            hunks += 1;
            left = counts;
        } else if left != (0, 0) {
            match line.as_bytes().first() {
                Some(b'-') => left.0 = left.0.saturating_sub(1),
                Some(b'+') => left.1 = left.1.saturating_sub(1),
                Some(b'\\') => {}
                None | Some(b' ' | b'\t' | b'\r') => {
                    left = (left.0.saturating_sub(1), left.1.saturating_sub(1));
                }
                Some(_) => break,
            }
        } else if is_blank(line) {
            // Between two files, but not before what follows the patch.
            at = line_end + 1;
            continue;
        } else if !HEADERS.iter().any(|h| line.starts_with(h)) && !line.starts_with("\\ No newline")
        {
            break;
        }
        if !is_blank(line) {
            last = line_end;
        }
        at = line_end + 1;
    }
    let run = Run { start, end: last, language: "diff" };
    ((hunks > 0).then_some(run), at.max(start + 1))
}
