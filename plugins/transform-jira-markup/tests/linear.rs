//! Malformed and malicious texts take time linear in their length.

use std::sync::mpsc;
use std::time::Duration;

use scrape_transform_jira_markup::{Options, to_markdown};

/// What is repeated up to [`SIZE`]. Anything worse than linear would take hours.
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

const SIZE: usize = 1 << 18;

fn converts_in_time(name: &str, text: String) {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || done.send(to_markdown(&text, &Options::default()).len()));
    let len = wait
        .recv_timeout(Duration::from_secs(60))
        .unwrap_or_else(|_| panic!("{name:?} takes too long"));
    assert!(len < 40 * SIZE, "{name:?} makes {len} bytes");
}

#[test]
fn repeated_markup() {
    for pattern in PATTERNS.iter().chain(&LINES) {
        converts_in_time(pattern, pattern.repeat(SIZE / pattern.len()));
    }
}

#[test]
fn repeated_markup_on_many_lines() {
    for pattern in PATTERNS {
        let line = pattern.trim_end_matches('\n').repeat(20) + "\n";
        converts_in_time(pattern, line.repeat(SIZE / line.len()));
    }
}

#[test]
fn one_kind_of_opener_after_another() {
    let openers = ["{code:java} ", "{{a ", "[a ", "!a ", "*a ", "`a ", "{quote}", "<a ", "|a "];
    let text: String = openers.iter().map(|o| o.repeat(SIZE / openers.len() / o.len())).collect();
    converts_in_time("openers", text);
    let growing: String = (1..700).map(|n| "`".repeat(n) + " ").collect();
    converts_in_time("growing runs of backticks", growing);
    converts_in_time("code full of backticks", format!("{{{{{}}}}}", "`a``b".repeat(SIZE / 6)));
    let wide = format!("|{}\n{}", "a|".repeat(SIZE / 8), "|a|\n".repeat(SIZE / 8));
    converts_in_time("a wide table that is also long", wide);
    let nested = "[".repeat(SIZE / 2) + &"]".repeat(SIZE / 2);
    converts_in_time("nested brackets", nested);
}
