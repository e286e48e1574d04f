//! Lives that end with their process: no destructor runs, nothing is flushed, locks
//! are the kernel's to free.
//!
//! The process is the test's own program, called once more for the test that runs the
//! suite. There the suite makes no checks: it plays the calls that it is given, says
//! so, and waits to be killed.

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::call::{self, Call};
use crate::{Row, RowKey, Sink};

/// Names the file with what such a process plays.
const SCRIPT: &str = "SCRAPE_CONFORMANCE_SCRIPT";

/// What the line on standard output begins with by which it says how that went.
const MARK: &str = "scrape-conformance ";

/// After this it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    /// Which suite of the test this is: the test runs the same ones in either process.
    static SUITES: Cell<u64> = const { Cell::new(0) };
}

/// The number of a suite that begins, from 1.
pub(super) fn count_suite() -> u64 {
    SUITES.with(|suites| {
        suites.set(suites.get() + 1);
        suites.get()
    })
}

/// Whether this is a process that plays a script for another.
pub(super) fn is_played() -> bool {
    env::var_os(SCRIPT).is_some()
}

/// Plays the script of this process, if it is one for this suite; does not return then.
///
/// # Panics
/// When the script cannot be read.
pub(super) fn play_script(suite: u64, make: &dyn Fn(&Path) -> Box<dyn Sink>) {
    let Some(path) = env::var_os(SCRIPT).map(PathBuf::from) else { return };
    let script = fs::read(&path).map_err(|e| e.to_string());
    let script: Value = script
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if script["suite"] != suite {
        return;
    }
    let dir = PathBuf::from(script["dir"].as_str().unwrap_or_default());
    let calls: Vec<Call> = script["calls"].as_array().into_iter().flatten().map(read).collect();
    let mut sink = make(&dir);
    let mut played = String::from("played");
    for (number, call) in calls.iter().enumerate() {
        let before = &calls[..number];
        let outcome = call::outcome(sink.as_mut(), &dir, before, call);
        let outcome = outcome.and_then(|ended| ended.map_err(|error| error.to_string()));
        if let Err(error) = outcome {
            played = format!("`{call}` after {} failed: {error}", call::told(before));
            break;
        }
    }
    // Not by `println!`, which a test harness catches.
    let _ = writeln!(io::stdout(), "{MARK}{}", played.replace('\n', "; "));
    // Until it is killed. When nobody is there to do so, it ends by itself.
    let _ = io::stdin().read(&mut [0]);
    std::process::abort();
}

/// Has another process play calls, and kills it after the last.
///
/// # Errors
/// When a call fails, or there can be no such process.
pub(super) fn kill_after(suite: u64, dir: &Path, calls: &[Call]) -> Result<(), String> {
    let folder = super::Scratch::new();
    let path = folder.path().join("script.json");
    let calls: Vec<Value> = calls.iter().map(written).collect();
    let script = json!({ "suite": suite, "dir": dir.display().to_string(), "calls": calls });
    fs::write(&path, script.to_string()).map_err(|e| format!("{}: {e}", path.display()))?;
    let me = env::current_exe().map_err(|e| format!("this program cannot be found: {e}"))?;
    let child = Command::new(me)
        .args(arguments())
        .env(SCRIPT, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("no process can be started: {e}"))?;
    match said(child) {
        Some(played) if played == "played" => Ok(()),
        Some(failed) => Err(failed),
        None => Err(String::from(
            "called again to be killed, this test did not come to its suite: run the suite in \
             the test's own thread, and before anything that may fail",
        )),
    }
}

/// The arguments by which this program runs the same test, alone where its thread
/// says which it is.
fn arguments() -> Vec<OsString> {
    match thread::current().name() {
        Some(test) if test != "main" => {
            [test, "--exact", "--include-ignored", "--nocapture"].map(OsString::from).into()
        }
        _ => env::args_os().skip(1).collect(),
    }
}

/// What a process says before it is killed; none for one that ended without, or hung.
fn said(mut child: Child) -> Option<String> {
    let stdout = child.stdout.take();
    let (tell, told) = channel();
    let listening = thread::spawn(move || {
        let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
        for line in lines.map_while(Result::ok) {
            // The harness may have begun the line.
            if let Some((_, played)) = line.split_once(MARK) {
                let _ = tell.send(played.to_owned());
            }
        }
    });
    let said = told.recv_timeout(PATIENCE).ok();
    let _ = child.kill();
    let _ = child.wait();
    let _ = listening.join();
    said
}

fn written(call: &Call) -> Value {
    let key = |key: &RowKey| json!([key.stream, key.primary_key, key.task, key.example]);
    match call {
        Call::Open => json!({ "call": "open" }),
        Call::Write(rows) => {
            let row = |row: &Row| json!([key(&row.key), String::from_utf8_lossy(&row.bytes)]);
            json!({ "call": "write", "rows": rows.iter().map(row).collect::<Vec<_>>() })
        }
        Call::Delete(keys) => {
            json!({ "call": "delete", "keys": keys.iter().map(key).collect::<Vec<_>>() })
        }
        Call::Finish => json!({ "call": "finish" }),
        Call::Commit => json!({ "call": "commit" }),
        Call::Abort => json!({ "call": "abort" }),
    }
}

fn read(call: &Value) -> Call {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |key: &Value| {
        let row = RowKey::new(text(&key[0]), text(&key[1]));
        let example = key[3].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        if key[2].is_null() { row } else { row.of_task(text(&key[2]), example) }
    };
    let list = |name: &str| call[name].as_array().into_iter().flatten();
    match call["call"].as_str() {
        Some("open") => Call::Open,
        Some("write") => Call::Write(
            list("rows").map(|row| Row::new(key(&row[0]), text(&row[1]).into_bytes())).collect(),
        ),
        Some("delete") => Call::Delete(list("keys").map(key).collect()),
        Some("finish") => Call::Finish,
        Some("commit") => Call::Commit,
        _ => Call::Abort,
    }
}
