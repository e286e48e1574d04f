//! The program as a process of its own: this test binary, called by a test, which
//! has the points compiled in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::kill::point::chosen;

/// The arguments, as a JSON array.
const ARGS: &str = "SCRAPE_TEST_ARGS";

/// Where the process says how often it passed each point, if it gets to its end.
const PASSED: &str = "SCRAPE_TEST_PASSED";

/// After this a process hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "is the program, for the tests beside it"]
fn is_the_program() {
    let args: Vec<OsString> = serde_json::from_str::<Vec<String>>(&std::env::var(ARGS).unwrap())
        .unwrap()
        .into_iter()
        .map(OsString::from)
        .collect();
    let exit = crate::cli::run(&args);
    if let Some(path) = std::env::var_os(PASSED) {
        std::fs::write(path, serde_json::to_vec(&chosen::passed()).unwrap()).unwrap();
    }
    std::process::exit(exit as i32);
}

/// How a process ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// The exit code; none for one that was killed.
    pub(super) code: Option<i32>,
    pub(super) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }
}

/// Runs the program in a folder, to be killed at a point (`commit done:3`) or not.
pub(super) fn run(folder: &Path, args: &[String], kill_at: Option<&str>) -> Ran {
    let mut args = args.to_vec();
    args.insert(0, String::from("scrape"));
    // A kill leaves no core file.
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -c 0; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "kill::tests::program::is_the_program", "--ignored", "--nocapture"])
        .current_dir(folder)
        .env(ARGS, serde_json::to_string(&args).unwrap())
        .env(PASSED, folder.join("passed.json"))
        .env("SCRAPE_STATE_DIR", folder.join("state"))
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .stdin(Stdio::null());
    if let Some(at) = kill_at {
        command.env(chosen::KILL_AT, at);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("the program hung, killed at {kill_at:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    Ran { code: output.status.code(), stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// How often the last process in a folder that got to its end passed each point.
pub(super) fn passed(folder: &Path) -> BTreeMap<String, u64> {
    serde_json::from_slice(&std::fs::read(folder.join("passed.json")).unwrap()).unwrap()
}
