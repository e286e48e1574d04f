//! The command line: what is said, and how it ends, when something is wrong.

mod common;

use common::{Scrape, project, standin, start};
use scrape_standin::{Auth, Config};

fn spec() -> String {
    project().join("specs/apache-jira.yaml").display().to_string()
}

fn har() -> String {
    project().join("specs/recordings/apache-jira.har").display().to_string()
}

#[test]
fn every_shipped_spec_is_valid() {
    let scrape = Scrape::new();
    for name in ["apache-jira", "jira-datacenter", "minimal"] {
        let path = project().join(format!("specs/{name}.yaml")).display().to_string();
        let ran = scrape.run(&["validate", &path]).expect(0);
        assert!(ran.stderr.contains(": ok"), "{}", ran.stderr);
    }
}

#[test]
fn all_mistakes_of_a_spec_come_in_one_go_with_their_places() {
    let scrape = Scrape::new();
    let text = "version: 1\nname: x\nextends: SPEC\nhttp:\n  concurency: 3\ntasks:\n  t:\n    leak: allow\n    example: { a: \"{{ record.titel }}\" }\n";
    std::fs::write(scrape.dir().join("x.yaml"), text.replace("SPEC", &spec())).expect("a spec");
    let ran = scrape.run(&["validate", "x.yaml"]).expect(2);
    for wanted in [
        "x.yaml:5:3",
        "did you mean `concurrency`?",
        "x.yaml:9:30",
        "did you mean `title`?",
        "2 errors",
    ] {
        assert!(ran.stderr.contains(wanted), "{wanted} is missing in\n{}", ran.stderr);
    }
    assert_eq!(ran.stdout, "", "stdout carries data only");
    // Nothing is begun with a wrong spec.
    scrape.run(&["run", "x.yaml", "--replay", &har()]).expect(2);
    assert!(!scrape.dir().join("output-replay").exists());
}

#[test]
fn help_shows_the_params_of_the_spec() {
    let scrape = Scrape::new();
    let ran = scrape.run(&["run", &spec(), "--help"]).expect(0);
    for wanted in ["--projects", "-p", "--daily-budget", "KAFKA,SPARK,HADOOP", "--max-concurrent"] {
        assert!(ran.stdout.contains(wanted), "{wanted} is missing in\n{}", ran.stdout);
    }
    // A broken spec: the engine's flags, then what is wrong.
    std::fs::write(scrape.dir().join("broken.yaml"), "params: [").expect("a spec");
    let ran = scrape.run(&["run", "broken.yaml", "--help"]).expect(2);
    assert!(ran.stdout.contains("--max-concurrent"), "{}", ran.stdout);
    assert!(ran.stderr.contains("broken.yaml:1:"), "{}", ran.stderr);
}

#[test]
fn wrong_arguments_are_refused_with_what_was_meant() {
    let scrape = Scrape::new();
    for (args, wanted) in [
        (vec!["run", &spec(), "--projcts", "X"], "--projects"),
        (vec!["run", &spec(), "-p", "lower"], "does not match"),
        (vec!["run", &spec(), "--set", "nosuch=1"], "nosuch"),
        (vec!["run", &spec(), "--set", "nonsense"], "NAME=VALUE"),
        (vec!["run", "nosuch.yaml"], "nosuch.yaml"),
        (vec!["run", &spec(), "--resume", "--fresh"], "--fresh"),
        (vec!["build", &spec(), "-o", "nothing-here"], "no run"),
    ] {
        let ran = scrape.run(&args).expect(2);
        assert!(ran.stderr.contains(wanted), "{args:?}: {wanted} is missing in\n{}", ran.stderr);
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let scrape = Scrape::new();
    std::fs::create_dir(scrape.dir().join("mine")).expect("a folder");
    std::fs::write(scrape.dir().join("mine/letter.txt"), "dear").expect("a file");
    for more in [&[][..], &["--fresh"][..]] {
        let spec = spec();
        let har = har();
        let args = [&["run", &spec, "--replay", &har, "-o", "mine"][..], more].concat();
        let ran = scrape.run(&args).expect(2);
        assert!(ran.stderr.contains("letter.txt"), "{}", ran.stderr);
    }
    assert_eq!(std::fs::read(scrape.dir().join("mine/letter.txt")).expect("a file"), b"dear");
}

#[test]
fn fresh_removes_what_runs_made_and_nothing_else() {
    let scrape = Scrape::new();
    scrape.run(&["run", &spec(), "--replay", &har(), "-o", "out"]).expect(0);
    let before = scrape.outputs("out");
    std::fs::write(scrape.dir().join("out/notes.txt"), "mine").expect("a file");
    scrape.run(&["run", &spec(), "--replay", &har(), "-o", "out", "--fresh"]).expect(0);
    assert_eq!(std::fs::read(scrape.dir().join("out/notes.txt")).expect("a file"), b"mine");
    std::fs::remove_file(scrape.dir().join("out/notes.txt")).expect("removed");
    common::assert_same(&before, &scrape.outputs("out"));
}

#[test]
fn a_damaged_store_is_named_and_not_touched() {
    let scrape = Scrape::new();
    scrape.run(&["run", &spec(), "--replay", &har(), "-o", "out"]).expect(0);
    let store = scrape.dir().join("out/store.db");
    let mut bytes = std::fs::read(&store).expect("a store");
    bytes[..15].copy_from_slice(b"garbage-garbage");
    std::fs::write(&store, &bytes).expect("damage");
    let ran = scrape.run(&["run", &spec(), "--replay", &har(), "-o", "out", "--resume"]).expect(1);
    assert!(ran.stderr.contains("store.db is damaged"), "{}", ran.stderr);
    assert_eq!(std::fs::read(&store).expect("a store"), bytes);
}

#[test]
fn no_network_is_one_sentence() {
    let scrape = Scrape::new();
    let text = format!("extends: {}\nhttp: {{ retry: {{ max_attempts: 1 }} }}\n", spec());
    std::fs::write(scrape.dir().join("once.yaml"), text).expect("a spec");
    let args = ["run", "once.yaml", "--set", "base_url=http://127.0.0.1:9/jira", "-p", "KAFKA"];
    let ran = scrape.run(&args).expect(1);
    assert!(ran.stderr.contains("no connection"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().filter(|l| l.starts_with("error:")).count(), 1, "{}", ran.stderr);
}

#[test]
fn credentials_are_sent_checked_and_never_told() {
    let token = "t0ken-that-nobody-may-see";
    let config = Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 30,
        auth: Auth::Bearer { token: token.into() },
        ..Config::default()
    };
    let server = start(config.clone());
    let scrape = Scrape::new();
    let spec = project().join("specs/jira-datacenter.yaml").display().to_string();
    let args = [
        "run",
        &spec,
        "--base-url",
        server.url(),
        "-p",
        "KAFKA",
        "-r",
        "0",
        "-vv",
        "--record",
        "r.har",
        "-o",
        "out",
    ];
    let run = |value: Option<&str>, args: &[&str]| {
        let mut command = scrape.command(args);
        if let Some(value) = value {
            command.env("JIRA_TOKEN", value);
        }
        command.output().expect("the program starts")
    };
    let missing = run(None, &args);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("JIRA_TOKEN"));
    let good = run(Some(token), &args);
    let said = String::from_utf8_lossy(&good.stderr).into_owned();
    assert_eq!(good.status.code(), Some(0), "{said}");
    let mut told = vec![("stderr".to_owned(), good.stderr)];
    for (name, bytes) in scrape.outputs("out") {
        told.push((name, bytes));
    }
    for name in ["r.har", "out/store.db"] {
        told.push((name.to_owned(), std::fs::read(scrape.dir().join(name)).expect("a file")));
    }
    for (name, bytes) in told {
        assert!(
            !bytes.windows(token.len()).any(|w| w == token.as_bytes()),
            "{name} tells the token"
        );
    }
    // Wrong ones: refused by the server, or taken for nobody in silence.
    let wrong = run(
        Some("wrong"),
        &["run", &spec, "--base-url", server.url(), "-p", "KAFKA", "-r", "0", "-o", "wrong"],
    );
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(said.contains("401"), "{said}");
    let silent = start(Config { auth_ignored: true, ..config });
    let anonymous = run(
        Some("wrong"),
        &["run", &spec, "--base-url", silent.url(), "-p", "KAFKA", "-r", "0", "-o", "anon"],
    );
    let said = String::from_utf8_lossy(&anonymous.stderr).into_owned();
    assert_eq!(anonymous.status.code(), Some(1), "{said}");
    assert!(said.contains("anonymous"), "{said}");
}

#[test]
fn a_cloud_site_is_recognised() {
    let server = start(Config {
        projects: vec!["KAFKA".into()],
        deployment: scrape_standin::Deployment::Cloud,
        ..Config::default()
    });
    let scrape = Scrape::new();
    let ran = scrape.main_job(&server, "out", &["-p", "KAFKA"]).expect(1);
    assert!(ran.stderr.contains("Jira Cloud"), "{}", ran.stderr);
}

#[test]
fn robots_txt_is_obeyed() {
    let server = start(Config {
        projects: vec!["KAFKA".into()],
        robots: Some("User-agent: *\nDisallow: /jira/rest/\n".into()),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let ran = scrape.main_job(&server, "out", &["-p", "KAFKA"]);
    assert_ne!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("robots.txt"), "{}", ran.stderr);
    assert_eq!(server.stats().requests, 1, "robots.txt alone");
}

#[test]
fn two_runs_into_one_directory_are_refused() {
    let server = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 10_000,
        latency: std::time::Duration::from_millis(300),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let args = common::main_job_args(&server, "out", &["-p", "KAFKA", "-c", "1"]);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let first = scrape.start(&args);
    while server.stats().requests < 3 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let second = scrape.run(&[&args[..], &["--resume"]].concat()).expect(1);
    assert!(second.stderr.contains(&first.id().to_string()), "{}", second.stderr);
    common::signal(&first, "INT");
    common::wait(first).expect(130);
}

#[test]
fn status_says_what_is_there() {
    let server = standin(&["KAFKA"], 40);
    let scrape = Scrape::new();
    scrape.main_job(&server, "out", &["-p", "KAFKA"]).expect(0);
    let ran = scrape.run(&["status", "out"]).expect(0);
    assert!(ran.stdout.contains("KAFKA") && ran.stdout.contains("40 of 40"), "{}", ran.stdout);
    std::fs::remove_file(scrape.dir().join("out/training_data.jsonl")).expect("removed");
    let ran = scrape.run(&["status", "out"]);
    let line = ran.stdout.lines().find(|l| l.contains("training_data.jsonl")).expect("a line");
    assert!(line.ends_with("missing"), "{}", ran.stdout);
    assert!(ran.stdout.contains("next: scrape build"), "{}", ran.stdout);
}

#[test]
fn the_readme_shows_the_spec_that_ships() {
    let read = |name: &str| std::fs::read_to_string(project().join(name)).expect("a file");
    assert!(read("README.md").contains(&read("specs/minimal.yaml")));
    let server = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    let spec = project().join("specs/minimal.yaml").display().to_string();
    scrape.run(&["run", &spec, "--base-url", server.url(), "-r", "0"]).expect(0);
    assert_eq!(common::lines(&scrape.dir().join("output/issues.jsonl")).len(), 30);
}

#[test]
fn fresh_throws_nothing_away_before_it_can_begin() {
    let scrape = Scrape::new();
    scrape.run(&["run", &spec(), "--replay", &har(), "-o", "out"]).expect(0);
    let before = scrape.outputs("out");
    let ran =
        scrape.run(&["run", &spec(), "--replay", "nosuch.har", "-o", "out", "--fresh"]).expect(1);
    assert!(ran.stderr.contains("nosuch.har"), "{}", ran.stderr);
    common::assert_same(&before, &scrape.outputs("out"));
}

#[test]
fn templates_that_always_fail_are_no_success() {
    let scrape = Scrape::new();
    let task = "leak: allow\nexample: { a: \"{{ record.title.nothing.here }}\" }\n";
    std::fs::write(scrape.dir().join("t.yaml"), task).expect("a task");
    let text = format!("extends: {}\ntasks: {{ t: {{ file: t.yaml }} }}\n", spec());
    std::fs::write(scrape.dir().join("x.yaml"), text).expect("a spec");
    let ran = scrape.run(&["run", "x.yaml", "--replay", &har(), "-o", "out"]).expect(3);
    assert!(ran.stderr.contains("task t: 0 examples, 72 failed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("rejected.jsonl"), "{}", ran.stderr);
}

#[test]
fn what_is_missing_comes_with_the_command_that_goes_on() {
    let server = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    let ran = scrape.main_job(&server, "out", &["-p", "KAFKA,NOSUCH"]).expect(3);
    let next = ran.stderr.lines().find_map(|l| l.strip_prefix("next: scrape ")).expect("a command");
    assert!(next.ends_with("-o out --resume"), "{next}");
    server.create("KAFKA", None).expect("an issue");
    let words: Vec<_> = next.split(' ').collect();
    let ran = scrape.run(&words).expect(3);
    assert!(ran.stderr.contains("31 of 31"), "{}", ran.stderr);
}

#[test]
fn an_address_that_was_wrong_can_be_put_right() {
    let standin = standin(&["KAFKA"], 3);
    let scrape = Scrape::new();
    let spec = format!(
        "version: 1\nname: x\nextends: {}\nhttp: {{ retry: {{ max_attempts: 1 }} }}\n",
        spec()
    );
    std::fs::write(scrape.dir().join("x.yaml"), spec).expect("a spec");
    // A port on which nobody listens: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let run = |base: &str| {
        scrape.run(&["run", "x.yaml", "-p", "KAFKA", "-r", "0", "-o", "out", "--base-url", base])
    };
    let ran = run(&format!("{host}/jira")).expect(1);
    let last: Vec<&str> = ran.stderr.lines().rev().take(2).collect();
    assert!(last[1].starts_with(&format!("error: {host} cannot be reached: ")), "{}", ran.stderr);
    assert_eq!(
        last[0],
        "  check the network, the address in `http.base_url` and the proxy (HTTPS_PROXY, NO_PROXY); \
         then run it again"
    );
    // Nothing came from there that could be mixed with what comes now.
    run(standin.url()).expect(0);
    let ran = run(&format!("{host}/jira")).expect(2);
    assert!(ran.stderr.contains("out was collected with other requests"), "{}", ran.stderr);
}

#[test]
fn a_build_of_what_a_replay_made_is_told_where_that_is() {
    let scrape = Scrape::new();
    let ran = scrape.run(&["build", &spec()]).expect(2);
    assert!(ran.stderr.contains("output holds no run to build from: `scrape run` it first"));
    scrape.run(&["run", &spec(), "--replay", &har()]).expect(0);
    let ran = scrape.run(&["build", &spec()]).expect(2);
    let (said, words) = ran.stderr.trim_end().split_once(" does: scrape ").expect("a command");
    assert_eq!(said, "error: output holds no run to build from: output-replay");
    scrape.run(&words.split(' ').collect::<Vec<_>>()).expect(0);
}

#[test]
fn a_key_in_the_other_case_gets_the_one_that_was_meant() {
    let ran = Scrape::new().run(&["plan", &spec(), "-p", "kafka"]).expect(2);
    assert!(ran.stderr.ends_with("; did you mean `KAFKA`?\n"), "{}", ran.stderr);
    let ran = Scrape::new().run(&["plan", &spec(), "-p", "1x"]).expect(2);
    assert!(ran.stderr.ends_with("does not match the pattern `[A-Z][A-Z0-9_]*`\n"));
}

#[test]
fn a_command_line_that_is_none_gets_the_words_that_were_meant() {
    let scrape = Scrape::new();
    std::fs::create_dir(scrape.dir().join("specs")).expect("a folder");
    std::fs::write(scrape.dir().join("specs/mine.yaml"), "version: 1\n").expect("a spec");
    for (args, wanted) in [
        (
            &["rnu", "x.yaml", "-p", "A B"][..],
            "there is no verb `rnu`: did you mean `scrape run x.yaml -p 'A B'`?",
        ),
        (&["rn"], "there is no verb `rn`: did you mean `scrape run`?"),
        (&["frobnicate"], "there is no verb `frobnicate`: there are run, build, "),
        (
            &["specs/mine.yaml", "build", "-o", "x"],
            "the verb comes first, then the spec: scrape build specs/mine.yaml -o x",
        ),
        (&["specs/mine.yaml"], "the verb comes first, then the spec: scrape run specs/mine.yaml"),
        (
            &["run", "-r", "0", "specs/mine.yaml"],
            "the spec is the first argument after the verb: scrape run specs/mine.yaml -r 0",
        ),
        (&["run", "-r", "0"], "the spec is the first argument after the verb: scrape run SPEC …"),
        (
            &["run", "mine"],
            "cannot read mine: there is no such file; did you mean specs/mine.yaml?",
        ),
        (&["run", "specs/mine"], "did you mean specs/mine.yaml?"),
        (&["run"], "<SPEC>"),
        (&["status"], "<DIR>"),
    ] {
        let ran = scrape.run(args).expect(2);
        assert!(ran.stderr.contains(wanted), "{args:?}: {wanted:?} is missing in\n{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let help = scrape.run(&["help", "run"]).expect(0).stdout;
    assert!(help.contains("--max-concurrent") && help.contains("Examples:"), "{help}");
    // Alone it shows what there is.
    let alone = scrape.run(&[]).expect(2).stderr;
    assert!(alone.contains("Commands:") && alone.contains("Examples:"), "{alone}");
}

#[test]
fn help_fits_a_narrow_terminal_and_tells_more_when_asked_for_more() {
    let scrape = Scrape::new();
    let all = scrape.run(&["-h"]).expect(0).stdout;
    let verbs = all.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs: Vec<&str> =
        verbs.map_while(|line| line.split_whitespace().next()).filter(|v| *v != "help").collect();
    assert!(verbs.len() >= 8, "{verbs:?}");
    for verb in verbs {
        let mut command = scrape.command(&[verb, "-h"]);
        let output = command.env("COLUMNS", "40").output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.contains("Example"), "{text}");
        // The line of the usage and long words, such as paths, stay whole.
        let whole = |line: &str| line.starts_with("Usage: ") || line.contains('/');
        let wide = text.lines().find(|line| line.chars().count() > 40 && !whole(line));
        assert_eq!(wide, None, "{text}");
    }
    let (short, long) = (scrape.run(&["-h"]).expect(0), scrape.run(&["--help"]).expect(0));
    assert!(!short.stdout.contains("SCRAPE_STATE_DIR"), "{}", short.stdout);
    assert!(long.stdout.contains("SCRAPE_STATE_DIR"), "{}", long.stdout);
    assert!(!long.stdout.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn shells_and_packagers_get_what_they_need() {
    let scrape = Scrape::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = scrape.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("max-concurrent"), "{shell}: {script}");
    }
    let script = scrape.run(&["completions", "bash"]).expect(0).stdout;
    std::fs::write(scrape.dir().join("scrape.bash"), script).expect("a script");
    // bash completes a verb with it.
    let complete = "source scrape.bash; COMP_WORDS=(scrape stat); COMP_CWORD=1; \
                    _scrape scrape stat scrape; echo ${COMPREPLY[@]}";
    let bash = std::process::Command::new("bash")
        .args(["--norc", "-c", complete])
        .current_dir(scrape.dir())
        .output()
        .expect("bash");
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "status\n");
    scrape.run(&["man", "man1"]).expect(0);
    let page = |name: &str| {
        let path = scrape.dir().join("man1").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    assert!(page("scrape.1").contains("SCRAPE_STATE_DIR"));
    assert!(page("scrape-run.1").contains("max\\-concurrent"));
    assert_eq!(scrape.run(&["man"]).expect(0).stdout, page("scrape.1"));
    // The same everywhere: no dates.
    assert!(page("scrape.1").contains(".TH scrape 1  \"scrape "), "{}", page("scrape.1"));
}
