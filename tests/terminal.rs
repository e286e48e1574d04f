//! Progress bars, as the screen of a terminal shows them.

#![cfg(unix)]

mod common;

use std::time::Duration;

use common::terminal::Terminal;
use common::{Scrape, main_job_args, signal, start};
use scrape_standin::{Config, Fault, FaultConfig, Standin};

fn slow(projects: &[&str], issues: u32, latency: u64) -> Standin {
    start(Config {
        projects: projects.iter().map(|p| (*p).to_owned()).collect(),
        issues_per_project: issues,
        latency: Duration::from_millis(latency),
        faults: FaultConfig { retry_after: Duration::from_secs(3), ..FaultConfig::default() },
        ..Config::default()
    })
}

/// The main job on a terminal of that size.
fn job(
    scrape: &Scrape,
    standin: &Standin,
    args: &[&str],
    env: &[(&str, &str)],
    (columns, rows): (u16, u16),
) -> Terminal {
    let args = main_job_args(standin, "out", args);
    let mut command = scrape.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    command.envs(env.iter().copied());
    Terminal::start(command, columns, rows)
}

fn is_bar(line: &str) -> bool {
    line.contains('━')
}

#[track_caller]
fn has(lines: &[String], part: &str) -> bool {
    lines.iter().any(|line| line.contains(part))
}

/// Nothing of the bars is left, and every line is one that was meant to stay.
#[track_caller]
fn assert_clean(lines: &[String]) {
    for line in lines {
        let torn = is_bar(line)
            || line.starts_with("total ")
            || line.contains(" left in ")
            || line.contains(": waiting") && !line.contains("issues ");
        assert!(!torn, "{line:?} was left behind in\n{}", lines.join("\n"));
    }
}

#[test]
fn bars_show_how_far_it_is_and_what_is_waited_for() {
    let standin = slow(&["KAFKA", "SPARK"], 300, 60);
    standin.script("*/search*maxResults=100*", 4, 1, Fault::TooMany).expect("a script");
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA,SPARK", "-c", "2"];
    let terminal = job(&scrape, &standin, &args, &[], (100, 40));
    let lines = terminal.wait_for("wait", |lines| has(lines, "429: waiting"));
    assert!(has(&lines, "s, as the server asked"), "{lines:#?}");
    assert!(has(&lines, " requests left in 24 h"), "{lines:#?}");
    let bars: Vec<&String> = lines.iter().filter(|line| is_bar(line)).collect();
    let [kafka, spark] = &bars[..] else { panic!("two bars: {lines:#?}") };
    assert!(kafka.starts_with("KAFKA ━") && spark.starts_with("SPARK ━"), "{lines:#?}");
    assert!(kafka.contains(" of 300"), "{kafka}");
    assert!(has(&lines, "total ") && has(&lines, "0 of 2 done"), "{lines:#?}");
    // It counts down.
    terminal.wait_for("countdown", |lines| has(lines, "429: waiting 1 s, as the server asked"));
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0), "{:#?}", shown.lines);
    assert_clean(&shown.lines);
    assert!(has(&shown.lines, "out: complete"), "{:#?}", shown.lines);
    let colours = shown.bytes.contains("\x1b[36m");
    assert!(colours, "bars are coloured");
}

/// The build of a few records is over before a bar would be drawn: here each of them
/// costs some milliseconds.
#[test]
fn a_build_has_a_bar() {
    let standin = slow(&["KAFKA"], 300, 0);
    let scrape = Scrape::new();
    let main = common::project().join("specs/apache-jira.yaml");
    let task = "'{% for n in range(60000) %}{% endfor %}{{ record.key }}'";
    let spec = format!(
        "version: 1\nname: long\nextends: {}\ntasks:\n  long: {{ leak: allow, example: {{ text: {task} }} }}\n",
        main.display()
    );
    std::fs::write(scrape.dir().join("long.yaml"), spec).expect("a spec");
    let mut args = main_job_args(&standin, "out", &["-p", "KAFKA"]);
    args[1] = String::from("long.yaml");
    let command = scrape.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let shown = Terminal::start(command, 100, 40).end();
    assert_eq!(shown.code, Some(0), "{:#?}", shown.lines);
    assert_clean(&shown.lines);
    assert!(shown.bytes.contains("build \x1b[36m━"), "{}", shown.bytes);
}

#[test]
fn log_lines_tear_no_bars_on_a_narrow_terminal() {
    let standin = slow(&["KAFKA", "SPARK"], 200, 150);
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA,SPARK", "-c", "2", "-v"];
    let terminal = job(&scrape, &standin, &args, &[], (40, 40));
    let lines = terminal.wait_for("bars", |lines| has(lines, "KAFKA 100/200"));
    // Neither bar takes two lines.
    let at = lines.iter().position(|line| line.starts_with("KAFKA ")).expect("a bar");
    assert!(lines[at + 1].starts_with("SPARK "), "{lines:#?}");
    assert!(lines[at + 2].starts_with("total "), "{lines:#?}");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0));
    assert_clean(&shown.lines);
    let bars = |line: &&String| line.starts_with("KAFKA ") || line.starts_with("SPARK ");
    // Those of the summary.
    assert_eq!(shown.lines.iter().filter(bars).count(), 2, "{:#?}", shown.lines);
    assert!(has(&shown.lines, "DEBUG"), "{:#?}", shown.lines);
}

#[test]
fn many_partitions_do_not_flood_the_screen() {
    let names: Vec<String> = (0..50).map(|n| format!("P{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let standin = slow(&names, 12, 40);
    let scrape = Scrape::new();
    let args = ["-p", &names.join(","), "-c", "3"];
    let terminal = job(&scrape, &standin, &args, &[], (90, 24));
    let most = |lines: &[String]| lines.iter().filter(|line| is_bar(line)).count();
    let mut peak = 0;
    while !has(&terminal.lines(), "done") || !has(&terminal.lines(), "20 of 50 done") {
        peak = peak.max(most(&terminal.lines()));
        std::thread::sleep(Duration::from_millis(20));
        if has(&terminal.lines(), "out: complete") {
            break;
        }
    }
    assert!((1..=11).contains(&peak), "{peak} bars on 24 rows");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0), "{:#?}", shown.lines);
    assert_clean(&shown.lines);
    assert!(shown.bytes.contains("of 50 done"), "a total is shown");
    assert!(has(&shown.lines, "50 partitions complete, with 600 records"), "{:#?}", shown.lines);
}

#[test]
fn an_interrupt_leaves_the_summary_and_how_to_go_on() {
    let standin = slow(&["KAFKA"], 900, 80);
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA", "-c", "1"];
    let mut terminal = job(&scrape, &standin, &args, &[], (80, 40));
    terminal.wait_for("a page", |lines| has(lines, "KAFKA ━") && has(lines, " of 900"));
    // The terminal echoes ^C, wherever the cursor is.
    terminal.keys("\x03");
    std::thread::sleep(Duration::from_millis(50));
    signal(terminal.child(), "INT");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(130), "{:#?}", shown.lines);
    assert_clean(&shown.lines);
    assert!(has(&shown.lines, "interrupted: finishing the pages in hand"), "{:#?}", shown.lines);
    let last = shown.lines.len() - 2;
    let command = shown.lines[last..].concat();
    assert!(command.ends_with("-o out --resume"), "{:#?}", shown.lines);
}

#[test]
fn a_second_interrupt_leaves_no_bars() {
    let standin = slow(&["KAFKA"], 900, 1500);
    let scrape = Scrape::new();
    let terminal = job(&scrape, &standin, &["-p", "KAFKA", "-c", "1"], &[], (80, 40));
    terminal.wait_for("a bar", |lines| has(lines, "KAFKA") && has(lines, "left in 24 h"));
    signal(terminal.child(), "INT");
    terminal.wait_for("a word", |lines| has(lines, "interrupted:"));
    signal(terminal.child(), "INT");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(130), "{:#?}", shown.lines);
    assert_clean(&shown.lines);
    assert!(shown.lines.last().is_some_and(|l| l.contains("go on with --resume")));
}

#[test]
fn a_terminal_that_changes_its_size_stays_clean() {
    let standin = slow(&["KAFKA", "SPARK"], 300, 300);
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA,SPARK", "-c", "2"];
    let terminal = job(&scrape, &standin, &args, &[], (100, 40));
    // Between two frames: what is drawn for a width that has gone is torn anyway.
    let resize = |columns: u16| {
        signal(terminal.child(), "STOP");
        std::thread::sleep(Duration::from_millis(50));
        terminal.resize(columns, 40);
        signal(terminal.child(), "CONT");
    };
    terminal.wait_for("wide bars", |lines| has(lines, "KAFKA ━"));
    resize(45);
    terminal.wait_for("narrow lines", |lines| has(lines, "/300"));
    resize(90);
    terminal.wait_for("wide bars", |lines| has(lines, "KAFKA ━"));
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0));
    assert_clean(&shown.lines);
}

#[test]
fn neither_bars_nor_colours_where_they_are_not_wanted() {
    let standin = slow(&["KAFKA"], 30, 100);
    let show = |env: &[(&str, &str)], more: &[&str]| {
        let scrape = Scrape::new();
        let args = [&["-p", "KAFKA"], more].concat();
        let shown = job(&scrape, &standin, &args, env, (100, 40)).end();
        assert_eq!(shown.code, Some(0), "{:#?}", shown.lines);
        shown.bytes
    };
    let dumb = show(&[("TERM", "dumb")], &[]);
    assert!(!dumb.contains('\x1b') && !dumb.contains('━'), "{dumb:?}");
    let json = show(&[], &["--log-format", "json"]);
    assert!(!json.contains('\x1b') && json.starts_with('{'), "{json:?}");
    let quiet = show(&[], &["--quiet"]);
    assert!(!quiet.contains('\x1b') && !quiet.contains("collecting"), "{quiet:?}");
    let plain = show(&[("NO_COLOR", "1")], &[]);
    assert!(plain.contains('━') && !plain.contains("\x1b[3") && !plain.contains("\x1b[0m"));
}
