//! Malformed and malicious texts take time linear in their length.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

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

/// Bytes of the larger of two texts; the other is an eighth of it.
const SIZE: usize = 1 << 17;

/// The time that this thread has been running, where the system tells (other
/// work on the machine does not count); otherwise the time of day.
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match stat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()) {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => START.elapsed(),
    }
}

fn time(text: &str, times: usize) -> Duration {
    let start = clock();
    for _ in 0..times {
        let len = to_markdown(text, &Options::default()).len();
        assert!(len < 100 + 40 * text.len(), "{} bytes become {len}", text.len());
    }
    clock().saturating_sub(start)
}

/// Compares the time of a text with that of eight texts of an eighth of its
/// length: the same is linear, eight times as much quadratic. A machine that
/// stutters gets a second and a third chance.
fn grows_linearly(name: &str, text: impl Fn(usize) -> String) {
    let (short, long) = (text(SIZE / 8), text(SIZE));
    let measure = || (time(&short, 8), time(&long, 1));
    let linear = |m: &(Duration, Duration)| m.1 < m.0 * 2 + Duration::from_millis(5);
    let measured: Vec<_> =
        std::iter::repeat_with(measure).take(3).take_while(|m| !linear(m)).collect();
    assert!(measured.len() < 3, "{name:?} takes {measured:?}");
}

#[test]
fn repeated_markup() {
    for pattern in PATTERNS.iter().chain(&LINES) {
        grows_linearly(pattern, |size| pattern.repeat(size / pattern.len()));
    }
}

#[test]
fn repeated_markup_on_many_lines() {
    for pattern in PATTERNS {
        let line = pattern.trim_end_matches('\n').repeat(20) + "\n";
        grows_linearly(pattern, |size| line.repeat(size / line.len()));
    }
}

#[test]
fn one_kind_of_opener_after_another() {
    let openers = ["{code:java} ", "{{a ", "[a ", "!a ", "*a ", "`a ", "{quote}", "<a ", "|a "];
    grows_linearly("openers", |size| {
        openers.iter().map(|o| o.repeat(size / openers.len() / o.len())).collect()
    });
    grows_linearly("growing runs of backticks", |size| {
        (1..(2 * size).isqrt()).map(|n| "`".repeat(n) + " ").collect()
    });
    grows_linearly("code full of backticks", |size| {
        format!("{{{{{}}}}}", "`a``b".repeat(size / 6))
    });
    grows_linearly("a wide table that is also long", |size| {
        format!("|{}\n{}", "a|".repeat(size / 4), "|a|\n".repeat(size / 8))
    });
    grows_linearly("nested brackets", |size| "[".repeat(size / 2) + &"]".repeat(size / 2));
}
