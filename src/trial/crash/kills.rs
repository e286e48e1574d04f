//! The process that starts the others, kills them, and compares what they leave.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use scrape_api::Delivery;

use super::super::case::{self, Unfit, Verdict};
use super::life::is_compared;
use super::line::Line;
use super::look::{Look, differences, look};
use crate::observe::words::counted;
use crate::plan::Plan;
use crate::spec::lang::CaseSpec;

/// After this a process hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of it.
pub struct Crashed {
    /// How often a process was killed.
    pub kills: u64,
    /// What was not as it is without a kill, each with after what step.
    pub verdict: Verdict,
}

/// Is told how many steps are done, of how many.
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// The command that lives in a folder and is killed after so many steps, or never.
pub type Lives<'l> = &'l (dyn Fn(&Path, Option<u64>) -> Command + Sync);

/// Kills a test's run after each of its steps, resumes it, and compares.
pub fn crash(
    spec: &Path,
    allowed: &[PathBuf],
    case: &CaseSpec,
    lives: Lives,
    progress: Progress,
) -> Crashed {
    let begun = Instant::now();
    let (mut kills, mut notes, mut findings) = (0, Vec::new(), Vec::new());
    let plan = case::plan(spec, allowed, case, |_| true).map_err(unfit);
    match plan.and_then(|plan| Undisturbed::run(&plan, lives, &mut notes)) {
        Ok(undisturbed) => (kills, findings) = undisturbed.kill_at_each_step(lives, progress),
        Err(why) => findings.push(why),
    }
    Crashed { kills, verdict: Verdict { findings, notes, took: begun.elapsed() } }
}

/// Runs that nobody kills.
struct Undisturbed {
    steps: u64,
    left: Look,
    /// Names of what differs without a kill.
    varies: BTreeSet<String>,
}

impl Undisturbed {
    /// Two of them: what differs between them cannot be compared.
    fn run(plan: &Plan, lives: Lives, notes: &mut Vec<String>) -> Result<Self, String> {
        let mut files = BTreeSet::new();
        for sink in &plan.sinks {
            let Ok(made) = (sink.make)() else { continue };
            if !is_compared(&*made) {
                notes.push(format!("the sink {} writes elsewhere and is left out", sink.name));
            } else if made.delivery() == Delivery::Replace {
                files.extend(made.files().iter().map(|file| file.display().to_string()));
            }
        }
        let once = || {
            let folder = folder()?;
            match live(lives(folder.path(), None))? {
                Line::Done(steps) => Ok((steps, looked(folder.path())?)),
                Line::Failed(why) => Err(format!("without a kill: {why}")),
                Line::At(_) => Err(String::from("it stayed without being asked to")),
            }
        };
        let ((steps, left), (_, again)) = (once()?, once()?);
        let mut varies = BTreeSet::new();
        for (name, difference) in differences(&left, &again) {
            if files.contains(&name) {
                return Err(format!("without a kill, two runs differ: {difference}"));
            }
            notes.push(format!("{name} is not compared: it differs from run to run"));
            varies.insert(name);
        }
        Ok(Self { steps, left, varies })
    }

    /// How often a process was killed, and what differed then.
    fn kill_at_each_step(&self, lives: Lives, progress: Progress) -> (u64, Vec<String>) {
        let next = Mutex::new(1..=self.steps);
        let found: Mutex<(u64, BTreeMap<u64, String>)> = Mutex::default();
        let done = AtomicU64::new(0);
        progress(0, self.steps);
        let work = || {
            loop {
                let Some(step) = next.lock().ok().and_then(|mut next| next.next()) else { return };
                let ended = self.kill_after(step, lives);
                progress(1 + done.fetch_add(1, Relaxed), self.steps);
                let Ok(mut found) = found.lock() else { return };
                match ended {
                    Ok(killed) => found.0 += u64::from(killed),
                    Err(finding) => {
                        found.0 += 1;
                        found.1.insert(step, finding);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, |n| n.get().min(4)) {
                scope.spawn(work);
            }
        });
        let (kills, found) = found.into_inner().unwrap_or_default();
        (kills, found.into_values().collect())
    }

    /// Whether there was a kill: how many steps there are may vary a little.
    ///
    /// # Errors
    /// What is not as it is without.
    fn kill_after(&self, step: u64, lives: Lives) -> Result<bool, String> {
        let folder = folder()?;
        let what = match live(lives(folder.path(), Some(step)))? {
            Line::At(what) => what,
            Line::Done(_) => return Ok(false),
            Line::Failed(why) => return Err(why),
        };
        let told = |text: &str| format!("killed after {what}, then resumed: {text}");
        match live(lives(folder.path(), None)).map_err(|why| told(&why))? {
            Line::Done(_) => {}
            Line::Failed(why) => return Err(told(&why)),
            Line::At(_) => return Err(told("it stayed without being asked to")),
        }
        let mut differences = differences(&self.left, &looked(folder.path())?);
        differences.retain(|name, _| !self.varies.contains(name));
        let mut differences = differences.into_values();
        let Some(first) = differences.next() else { return Ok(true) };
        let more = match differences.len() {
            0 => String::new(),
            more => format!("\nand {} more", counted(more as u64, "output")),
        };
        Err(told(&(first + &more)))
    }
}

/// Runs a process until it is done, or stays, and is killed.
fn live(mut command: Command) -> Result<Line, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("no process can be started: {e}"))?;
    let said = child.stdout.take();
    let (tell, told) = channel();
    let listening = thread::spawn(move || {
        let lines = said.into_iter().flat_map(|said| BufReader::new(said).lines());
        for line in lines.map_while(Result::ok).filter_map(|line| Line::parse(&line)) {
            // Who has heard enough no longer listens.
            let _ = tell.send(line);
        }
    });
    // Nothing else comes after such a line, and no line when it has ended without.
    let line = told.recv_timeout(PATIENCE);
    let ended = end(child);
    let _ = listening.join();
    line.map_err(|_| match ended {
        Some(status) => format!("the process ended without a word ({status})"),
        None => format!("the process hung for {} seconds", PATIENCE.as_secs()),
    })
}

/// Kills a process that has not ended by itself: how it did, if it did.
fn end(mut child: Child) -> Option<std::process::ExitStatus> {
    let ended = child.try_wait().ok().flatten();
    let _ = child.kill();
    let _ = child.wait();
    ended
}

fn folder() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))
}

fn looked(folder: &Path) -> Result<Look, String> {
    look(folder).map_err(|e| format!("the outputs cannot be read: {e}"))
}

fn unfit(unfit: Unfit) -> String {
    match unfit {
        Unfit::Spec(..) => String::from("the spec is wrong: see `scrape validate`"),
        Unfit::Params(findings) => {
            findings.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; ")
        }
    }
}
