//! What a run tells where nobody sees bars, and what can be seen of it from
//! outside: lines, JSON lines, `scrape status`, a disk that fills up, credentials
//! that are replaced.

mod common;

use std::process::Command;
use std::time::Duration;

use common::{Ran, Scrape, main_job_args, project, signal, standin, start, wait};
use scrape_standin::{Action, Auth, Config, Fault, Standin};
use serde_json::Value;

fn spec() -> String {
    project().join("specs/apache-jira.yaml").display().to_string()
}

/// A text with its numbers, and the unit that goes with a size or a time, made
/// alike.
fn normal(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<String> = line.split(' ').map(normal_word).collect();
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    out
}

fn normal_word(word: &str) -> String {
    let number = |c: char| c.is_ascii_digit() || ".,".contains(c);
    let plain = word.trim_end_matches(',');
    let comma = &word[plain.len()..];
    match plain {
        "B" | "KiB" | "MiB" => format!("SIZE{comma}"),
        _ if !plain.is_empty() && plain.chars().all(number) => format!("N{comma}"),
        _ => word.to_owned(),
    }
}

/// The lines of standard error as JSON.
fn events(ran: &Ran) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    ran.stderr.lines().map(parse).collect()
}

fn named<'e>(events: &'e [Value], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

/// One project, and one request that is answered by 429.
fn busy() -> Standin {
    let standin = standin(&["KAFKA"], 120);
    standin.script("*/search*KAFKA*maxResults=100*", 1, 1, Fault::TooMany).expect("a script");
    standin
}

#[test]
fn lines_say_what_happens_and_the_last_ones_what_is_where() {
    let standin = busy();
    let scrape = Scrape::new();
    let ran = scrape.main_job(&standin, "out", &["-p", "KAFKA,NOSUCH", "-c", "1"]).expect(3);
    assert_eq!(ran.stdout, "");
    let address = standin.address().to_string();
    let said = normal(&ran.stderr.replace(&address, "HOST").replace(&spec(), "SPEC"));
    // How sizes are padded depends on their digits.
    let said = said.split('\n').map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
    let said: Vec<String> = said.collect();
    let place = |of: &str| said.iter().position(|line| line.starts_with(of)).expect("a line");
    // Between them stands the finding about what failed.
    let (mut before, after) = (said[..place("error: ")].to_vec(), &said[place("KAFKA ") - 1..]);
    // The two partitions go on side by side.
    before.sort();
    let nosuch = "N Bad Request: The value 'NOSUCH' does not exist for the field 'project' \
                  (GET /jira/rest/api/2/search?jql=project+%3D+%22NOSUCH%22+ORDER+BY+key+ASC&fields=*all&maxResults=100)";
    assert_eq!(
        before,
        [
            "collecting N partitions from http://HOST/jira into out".to_owned(),
            "issues KAFKA: N Too Many Requests: waiting N s, as the server asked".to_owned(),
            "issues KAFKA: N of N records, complete".to_owned(),
            format!("issues NOSUCH: {nosuch}"),
        ],
        "{}",
        ran.stderr
    );
    assert_eq!(
        after,
        [
            "",
            "KAFKA N of N records complete (checked by count)",
            &format!("NOSUCH N records failed: {nosuch}"),
            "",
            "out/training_data.jsonl N rows N SIZE",
            "out/tasks/summarization.jsonl N rows N SIZE",
            "out/tasks/classification.jsonl N rows N SIZE",
            "out/tasks/qa.jsonl N rows N SIZE",
            "out/tasks/chat.jsonl N rows N SIZE",
            "out/raw_issues.jsonl.zst N rows N SIZE",
            "out/raw_issues.comments.jsonl.zst N rows N SIZE",
            "",
            "N requests in N s, N SIZE, N sent again (429 1), N s of waiting",
            "",
            "out: not complete: N of N partitions not complete",
            "next: scrape run SPEC --set base_url=http://HOST/jira -r N -p KAFKA,NOSUCH -c N -o out --resume",
            "",
        ],
        "{}",
        ran.stderr
    );
}

#[test]
fn quiet_leaves_the_summary_and_what_went_wrong() {
    let standin = busy();
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA,NOSUCH", "-c", "1", "--quiet"];
    let ran = scrape.main_job(&standin, "out", &args).expect(3);
    assert!(ran.stderr.starts_with("issues NOSUCH: 400"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nKAFKA   120 of 120 records"), "{}", ran.stderr);
    for left_out in ["collecting", "Too Many Requests", "issues KAFKA"] {
        assert!(!ran.stderr.contains(left_out), "{}", ran.stderr);
    }
}

#[test]
fn json_lines_have_names_and_numbers() {
    let standin = busy();
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA,NOSUCH", "-c", "1", "--log-format", "json", "-v"];
    let ran = scrape.main_job(&standin, "out", &args).expect(3);
    let events = events(&ran);
    let retry = named(&events, "retry");
    let [retry] = retry[..] else { panic!("one retry: {}", ran.stderr) };
    assert_eq!(retry["stream"], "issues");
    assert_eq!(retry["partition"], "KAFKA");
    assert_eq!(retry["reason"], "429");
    assert_eq!(retry["wait_seconds"], 1.0);
    assert_eq!(retry["as_asked"], true);
    assert_eq!(retry["level"], "info");
    assert!(retry["message"].as_str().is_some_and(|m| m.contains("waiting 1 s")), "{retry}");
    assert!(retry["time"].as_str().is_some_and(|t| t.ends_with('Z')), "{retry}");
    let partition = named(&events, "partition")[0];
    assert_eq!((&partition["got"], &partition["expected"]), (&120.into(), &120.into()));
    assert_eq!(named(&events, "failed")[0]["partition"], "NOSUCH");
    assert_eq!(named(&events, "failed")[0]["level"], "error");
    let summary = named(&events, "summary")[0];
    assert_eq!((&summary["complete"], &summary["records"]), (&false.into(), &120.into()));
    assert!(summary["next"].as_str().is_some_and(|next| next.ends_with("--resume")), "{summary}");
    assert!(events.last() == Some(summary), "it is the last line");
    // The log of -v has the same form.
    assert!(events.iter().any(|line| line["level"] == "DEBUG"), "{}", ran.stderr);
}

#[test]
fn progress_comes_every_few_seconds_and_not_more_often() {
    let standin = start(Config {
        projects: vec!["KAFKA".into(), "SPARK".into()],
        issues_per_project: 1100,
        inline_comments: 1_000_000,
        latency: Duration::from_millis(650),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA,SPARK", "-c", "2", "--log-format", "json", "--limit", "1000"];
    let ran = scrape.main_job(&standin, "out", &args).expect(0);
    let events = events(&ran);
    let progress = named(&events, "progress");
    let collecting: Vec<_> = progress.iter().filter(|p| p["stream"] == "issues").collect();
    assert!(!collecting.is_empty(), "{}", ran.stderr);
    for partition in ["KAFKA", "SPARK"] {
        let own = collecting.iter().filter(|p| p["partition"] == partition);
        let at: Vec<f64> = own.clone().map(|p| p["seconds"].as_f64().expect("seconds")).collect();
        assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= 5.0), "{at:?}");
        for line in own {
            assert_eq!(line["expected"], 1000, "the limit is the end: {line}");
            let got = line["got"].as_u64().expect("a number");
            assert!(got > 0 && got % 100 == 0, "{line}");
            assert!(line["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{line}");
            assert!(line["left_seconds"].as_f64().is_some_and(|left| left > 0.0), "{line}");
        }
    }
}

#[test]
fn status_knows_a_run_from_its_first_page_to_outputs_that_are_stale() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 400,
        latency: Duration::from_millis(300),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let status = |code: i32| -> Value {
        let ran = scrape.run(&["status", "out", "--format", "json"]).expect(code);
        assert_eq!(ran.stderr, "");
        serde_json::from_str(&ran.stdout).expect("JSON")
    };
    let missing = scrape.run(&["status", "out"]).expect(2);
    assert!(missing.stderr.contains("out does not exist"), "{}", missing.stderr);

    // A spec of its own, so that its template can change.
    std::fs::write(
        scrape.dir().join("t.yaml"),
        "leak: allow\nexample: { title: \"{{ record.title }}\" }\n",
    )
    .expect("a task");
    let text = format!("extends: {}\ntasks: {{ t: {{ file: t.yaml }} }}\n", spec());
    std::fs::write(scrape.dir().join("x.yaml"), text).expect("a spec");
    let base = format!("base_url={}", standin.url());
    let run =
        ["run", "x.yaml", "--set", &base, "-p", "KAFKA,NOSUCH", "-r", "0", "-c", "1", "-o", "out"];
    let child = scrape.start(&run);
    while standin.stats().requests < 6 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // While it goes on.
    let now = status(3);
    let holder = format!("process {}", child.id());
    assert_eq!(now["collecting"], holder.as_str(), "{now}");
    assert_eq!(now["next"], Value::Null, "it is being done: {now}");
    let kafka = &now["partitions"][0];
    assert_eq!((&kafka["partition"], &kafka["state"]), (&"KAFKA".into(), &"running".into()));
    assert_eq!(kafka["expected"], 400, "the first page said it: {now}");
    signal(&child, "KILL");
    wait(child);
    let cut = status(3);
    assert_eq!(cut["collecting"], Value::Null);
    assert_eq!(cut["run"]["ended"], Value::Null);
    let text = scrape.run(&["status", "out"]).expect(3).stdout;
    assert!(text.contains(", was cut") && text.contains("not finished"), "{text}");

    // The command that it names goes on.
    let command = cut["next"]["command"].as_str().expect("a command").to_owned();
    let words: Vec<&str> = command.strip_prefix("scrape ").expect("ours").split(' ').collect();
    scrape.run(&words).expect(3);
    let done = status(3);
    assert_eq!(done["partitions"][0]["state"], "complete");
    assert_eq!(done["partitions"][0]["checked"], "count");
    let reason = done["partitions"][1]["reason"].as_str().expect("a reason");
    assert!(reason.contains("does not exist for the field"), "{reason}");
    assert_eq!(done["run"]["exit"], 3);
    assert_eq!(done["run"]["params"]["projects"], serde_json::json!(["KAFKA", "NOSUCH"]));
    let output = |status: &Value, name: &str| -> Value {
        let all = status["outputs"].as_array().expect("outputs");
        all.iter().find(|o| o["file"] == name).unwrap_or_else(|| panic!("{name}: {status}")).clone()
    };
    let titles = output(&done, "tasks/t.jsonl");
    assert_eq!((&titles["rows"], &titles["state"]), (&400.into(), &"current".into()));
    assert!(titles["bytes"].as_u64().is_some_and(|bytes| bytes > 4000), "{titles}");

    // Its template changes.
    std::fs::write(scrape.dir().join("t.yaml"), "leak: allow\nexample: { t: \"-\" }\n")
        .expect("a task");
    let stale = output(&status(3), "tasks/t.jsonl");
    assert_eq!(stale["state"], "stale");
    assert_eq!(stale["reason"], "t.yaml has changed since");
    // From elsewhere the commands say where.
    let mut elsewhere = scrape.command(&["status", "../out"]);
    std::fs::create_dir(scrape.dir().join("sub")).expect("a folder");
    let text = elsewhere.current_dir(scrape.dir().join("sub")).output().expect("it starts").stdout;
    let text = String::from_utf8(text).expect("UTF-8");
    let folder = scrape.dir().canonicalize().expect("a folder");
    assert!(text.contains(&format!("cd {} && scrape run x.yaml", folder.display())), "{text}");
}

/// Runs a script where it may mount a small disk at `small`; `None` where it may
/// not.
fn on_a_small_disk(scrape: &Scrape, script: &str) -> Option<Ran> {
    let allowed = |mut command: Command| command.output().is_ok_and(|o| o.status.success());
    let mut probe = Command::new("unshare");
    probe.args(["--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
    if !cfg!(target_os = "linux") || !allowed(probe) {
        return None;
    }
    std::fs::create_dir(scrape.dir().join("small")).expect("a folder");
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .current_dir(scrape.dir())
        .env("SCRAPE_STATE_DIR", scrape.dir().join("state"))
        .env("SCRAPE", env!("CARGO_BIN_EXE_scrape"));
    let output = command.output().expect("unshare");
    Some(Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    })
}

#[test]
#[allow(clippy::print_stderr)]
fn a_run_ends_in_good_order_before_the_disk_is_full() {
    // Slow enough for the disk to be looked at on the way.
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 900,
        inline_comments: 1_000_000,
        latency: Duration::from_millis(400),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let args = main_job_args(&standin, "small/out", &["-p", "KAFKA", "-c", "1"]).join(" ");
    let script = format!(
        "set -u
         mount -t tmpfs -o size=40m tmpfs small || exit 99
         $SCRAPE {args}; echo begin $?
         mount -o remount,size=70m small
         $SCRAPE {args} --resume; echo stop $?
         $SCRAPE status small/out > status
         mount -o remount,size=200m small
         $SCRAPE {args} --resume --quiet 2> /dev/null; echo resume $?
         wc -l < small/out/training_data.jsonl"
    );
    let Some(ran) = on_a_small_disk(&scrape, &script) else {
        eprintln!("skipped: no small disk can be mounted here");
        return;
    };
    let said: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert_eq!(
        said,
        ["begin", "1", "stop", "1", "resume", "0", "900"],
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
    let told = normal(&ran.stderr);
    for wanted in [
        "error: the disk of small/out has N SIZE free, and a run needs N SIZE for its outputs and",
        "the disk of small/out has N SIZE left, and N SIZE of it are needed to end well",
        "small/out/training_data.jsonl",
        "small/out: not complete",
    ] {
        assert!(told.contains(wanted), "{wanted:?} is missing in\n{told}");
    }
    assert!(!told.contains("disk is full"), "{told}");
    let status = std::fs::read_to_string(scrape.dir().join("status")).expect("a status");
    assert!(status.contains(", failed") && status.contains("next: scrape run"), "{status}");
}

/// A server that wants a token, and a spec that reads it from a file.
fn with_token(issues: u32) -> (Standin, Scrape) {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: issues,
        auth: Auth::Bearer { token: "first-token".into() },
        latency: Duration::from_millis(100),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let text = format!(
        "extends: {}\nsecrets: {{ jira_token: {{ env: null, file: token }} }}\nhttp:\n  \
         +on_response: [{{ if: {{ status: [401] }}, do: reauth, wait: [300ms] }}]\n",
        project().join("specs/jira-datacenter.yaml").display()
    );
    std::fs::write(scrape.dir().join("x.yaml"), text).expect("a spec");
    std::fs::write(scrape.dir().join("token"), "first-token\n").expect("a token");
    (standin, scrape)
}

fn token_args(standin: &Standin) -> Vec<String> {
    let args = ["run", "x.yaml", "--base-url", standin.url(), "-p", "KAFKA", "-r", "0", "-c", "3"];
    args.iter().chain(&["-o", "out"]).map(|arg| (*arg).to_owned()).collect()
}

/// From now on, or from some request on, the server takes another token.
fn rotate(standin: &Standin, after: Option<u64>) {
    let set = r#"{"action": "set", "token": "second-token"}"#;
    let set: Action = serde_json::from_str(set).expect("an action");
    match after {
        Some(after) => standin.after(after, vec![set]).expect("scheduled"),
        None => drop(standin.apply(set).expect("another token")),
    }
}

#[test]
fn a_token_that_is_replaced_while_it_runs_is_read_again() {
    let (standin, scrape) = with_token(900);
    let args = token_args(&standin);
    let child = scrape.start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    // The old one was read, and the server still takes it.
    while standin.stats().requests < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::write(scrape.dir().join("token"), "second-token\n").expect("a token");
    rotate(&standin, None);
    let ran = wait(child).expect(0);
    assert!(ran.stderr.contains("401 Unauthorized"), "{}", ran.stderr);
    assert!(ran.stderr.contains("900 of 900"), "{}", ran.stderr);
    let refused = standin.requests().iter().filter(|r| r.status == 401).count();
    // Each of three ranges and three workers for lists, once.
    assert!((1..=6).contains(&refused), "{refused} requests were refused at -c 3");
    assert!(!ran.stderr.contains("-token"), "{}", ran.stderr);
}

#[test]
fn a_token_that_is_refused_and_not_replaced_ends_the_run_at_once() {
    let (standin, scrape) = with_token(900);
    rotate(&standin, Some(4));
    let args = token_args(&standin);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = scrape.run(&args).expect(1);
    let error = ran.stderr.lines().find(|line| line.starts_with("error: ")).expect("an error");
    assert!(error.contains("401 Unauthorized"), "{error}");
    assert!(
        error.contains("the credentials are refused, and those that were read again are the same")
    );
    assert!(error.ends_with("token, then go on with --resume"), "{error}");
    let refused = standin.requests().iter().filter(|r| r.status == 401).count();
    assert!((1..=6).contains(&refused), "{refused} requests were refused at -c 3");
    // What was committed is there, and the right token goes on.
    std::fs::write(scrape.dir().join("token"), "second-token\n").expect("a token");
    let ran = scrape.run(&[&args[..], &["--resume"]].concat()).expect(0);
    assert!(ran.stderr.contains("900 of 900"), "{}", ran.stderr);
}
