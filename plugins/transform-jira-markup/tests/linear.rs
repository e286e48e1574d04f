//! Malformed and malicious texts take time linear in their length.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use scrape_transform_jira_markup::{Options, to_markdown};

/// What is repeated up to [`SIZE`].
const PATTERNS: [&str; 86] = [
    "{code}",
    "{code} ",
    "{code}\n",
    "{code:java}\n",
    "{code:x|",
    "{noformat}\n{code}\n",
    "{noformat}",
    "{quote}",
    "{quote}\n",
    "{quote}{panel}",
    "{panel:title=x}\n",
    "{panel",
    "{color",
    "{color}",
    "{color:red}",
    "*{color}",
    "{anchor:",
    "[",
    "[a|",
    "[a|b]",
    "[[a|b]",
    "[~",
    "[^",
    "[a](",
    "[a](http://",
    "](",
    "]",
    "![",
    "!",
    "!a.png|",
    "!a.b ",
    "*",
    "*a ",
    " *a* ",
    "*_-+",
    "* ",
    "** a\n",
    "********* a\n",
    "*# a\n",
    "{*}",
    "{*}a ",
    "_",
    "_a ",
    "-",
    "-a ",
    " -- ",
    "~",
    "~a ",
    "^a ",
    "+a ",
    "??",
    "??a ",
    "{{",
    "{{a",
    "{{}}",
    "{",
    "}",
    "`",
    "``a`b",
    "` ",
    "```\n",
    "```a\n",
    "~~~ b\n",
    "\\",
    "\\\\\\ ",
    "&",
    "&amp",
    "&amp;",
    "<",
    "<a",
    "<a>",
    "|",
    "||",
    "|a\n",
    "\n|a",
    "|a|\n",
    "||a {code}\n",
    "|{{a|",
    "http://",
    "a://",
    "ab://(",
    "h1. a\n",
    "bq. {code}\n",
    "----\n",
    "1. a\n",
    "2. a\n\n",
];

/// The same for what looks like logs and patches.
const LINES: [&str; 12] = [
    "@@ -1,9 +1,9 @@\n",
    "--- a\n",
    "--- a\n+++ b\n",
    "Index: x\n\n",
    "diff --git a b\n",
    "at a.b(c)\n",
    "a.BError\n",
    "Caused by: x\n    y\n",
    "[INFO] a\nb\n",
    "a;\n",
    "{\nb\n\n",
    "a;\nb;\nc=d;\n\n",
];

/// Bytes of a text. What is linear needs some hundredths of a second for it, what
/// is quadratic minutes at least.
const SIZE: usize = if cfg!(debug_assertions) { 1 << 18 } else { 1 << 21 };

/// How long a text may take before the test gives up on it: so far from what it
/// needs that no machine is too slow, and only there so that a failure has a name.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each of `texts` is converted within [`PATIENCE`], and what comes out is no more
/// than a multiple of what went in.
fn are_converted(texts: Vec<(String, String)>) {
    let (done, next) = mpsc::channel();
    let names: Vec<_> = texts.iter().map(|(name, _)| name.clone()).collect();
    let worker = thread::spawn(move || {
        for (_, text) in &texts {
            let len = to_markdown(text, &Options::default()).len();
            assert!(len < 100 + 40 * text.len(), "{} bytes become {len}", text.len());
            done.send(()).expect("the test waits for it");
        }
    });
    for name in names {
        match next.recv_timeout(PATIENCE) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{name:?} is still not converted"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.join().expect("no text makes the conversion fail");
}

#[test]
fn repeated_markup() {
    let patterns = PATTERNS.iter().chain(&LINES);
    are_converted(patterns.map(|p| (p.to_string(), p.repeat(SIZE / p.len()))).collect());
}

#[test]
fn repeated_markup_on_many_lines() {
    let lines = PATTERNS.iter().map(|p| p.trim_end_matches('\n').repeat(20) + "\n");
    are_converted(lines.map(|line| (line.clone(), line.repeat(SIZE / line.len()))).collect());
}

#[test]
fn one_kind_of_opener_after_another() {
    let openers = ["{code:java} ", "{{a ", "[a ", "!a ", "*a ", "`a ", "{quote}", "<a ", "|a "];
    let texts = [
        ("openers", openers.map(|o| o.repeat(SIZE / openers.len() / o.len())).concat()),
        (
            "growing runs of backticks",
            (1..(2 * SIZE).isqrt()).map(|n| "`".repeat(n) + " ").collect(),
        ),
        ("code full of backticks", format!("{{{{{}}}}}", "`a``b".repeat(SIZE / 6))),
        (
            "a wide table that is also long",
            format!("|{}\n{}", "a|".repeat(SIZE / 4), "|a|\n".repeat(SIZE / 8)),
        ),
        ("nested brackets", "[".repeat(SIZE / 2) + &"]".repeat(SIZE / 2)),
    ];
    are_converted(texts.map(|(name, text)| (name.to_owned(), text)).into());
}
