//! How fast single stages are, each on generated issues of 17 KB. Not a test.
//!
//!     cargo bench --bench micro [-- STAGE…]

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use scrape::stages::Spec;
use scrape_api::Bytes;
use scrape_standin::{Config, Standin};
use scrape_transform_jira_markup::to_markdown;
use scrape_transform_normalize_text::normalize;
use serde_json::Value;

/// As many as a page has.
const ISSUES: u32 = 100;

const SIZE: usize = 17_000;

/// How long each stage is repeated.
const TIME: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/apache-jira.yaml");
    let spec = Spec::load(&file)?;
    let plain = Spec::load(&file)?.without_transforms();

    let issues = issues()?;
    let bytes: usize = issues.iter().map(String::len).sum();
    let page = Bytes::from(format!("{{\"total\":{ISSUES},\"issues\":[{}]}}", issues.join(",")));
    let texts: Vec<String> = issues.iter().flat_map(|issue| texts(issue)).collect();
    let of_texts: usize = texts.iter().map(String::len).sum();

    let show = |stage: &str, bytes: usize, run: &mut dyn FnMut()| {
        if wanted.is_empty() || wanted.iter().any(|name| name == stage) {
            let each = fastest(run).as_secs_f64() / f64::from(ISSUES);
            let rate = bytes as f64 / f64::from(ISSUES) / each / 1e6;
            println!("{stage:<10} {:>9.0} ns an issue {rate:>8.0} MB/s", each * 1e9);
        }
    };
    let count = issues.len();
    println!("{count} issues of {} bytes, {} of them markup", bytes / count, of_texts / count);
    show("split", bytes, &mut || {
        drop(black_box(spec.split(&page)));
    });
    plain.build(|stages| {
        show("map", bytes, &mut || {
            issues.iter().for_each(|issue| drop(black_box(stages.map(issue))));
        });
    });
    show("normalize", of_texts, &mut || {
        texts.iter().for_each(|text| drop(black_box(normalize(text, &Default::default()))));
    });
    show("markup", of_texts, &mut || {
        texts.iter().for_each(|text| drop(black_box(to_markdown(text, &Default::default()))));
    });
    spec.build(|stages| {
        let mapped: Vec<_> = issues.iter().filter_map(|issue| stages.map(issue).ok()).collect();
        let rows = mapped.iter().map(|record| stages.render(record)).sum();
        show("render", rows, &mut || {
            black_box(mapped.iter().map(|record| stages.render(record)).sum::<usize>());
        });
    });
    Ok(())
}

/// Issues as the stand-in server makes them, with all comments.
fn issues() -> Result<Vec<String>, Box<dyn Error>> {
    let server = Standin::start(Config {
        projects: vec![String::from("KAFKA")],
        issues_per_project: ISSUES,
        record_size: SIZE,
        inline_comments: usize::MAX,
        ..Config::default()
    })?;
    Ok(server.keys("KAFKA").iter().filter_map(|key| server.record(key)).collect())
}

/// What is written in markup: the description and the comments.
fn texts(issue: &str) -> Vec<String> {
    let issue: Value = serde_json::from_str(issue).unwrap_or_default();
    let fields = &issue["fields"];
    let comments = fields["comment"]["comments"].as_array().into_iter().flatten();
    let bodies = comments.map(|comment| &comment["body"]);
    let texts = bodies.chain([&fields["description"]]).filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The least time that a run takes: what is above it is the machine's.
fn fastest(run: &mut dyn FnMut()) -> Duration {
    let begun = Instant::now();
    let mut least = Duration::MAX;
    while begun.elapsed() < TIME {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed());
    }
    least
}
