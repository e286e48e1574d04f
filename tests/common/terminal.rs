//! The program on a terminal: a pseudo-terminal, and what its screen shows.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A process whose standard error is a terminal.
pub struct Terminal {
    master: File,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    reader: JoinHandle<()>,
}

struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// What it came to.
#[derive(Debug)]
pub struct Shown {
    pub code: Option<i32>,
    /// The lines of the screen, those that have scrolled away included.
    pub lines: Vec<String>,
    /// Everything that was written.
    pub bytes: String,
}

impl Terminal {
    pub fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let name = name.into_string().expect("UTF-8");
        tcsetwinsize(&master, size(columns, rows)).expect("its size");
        let ours = OpenOptions::new().read(true).write(true).open(name).expect("its other end");
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE"] {
            if !command.get_envs().any(|(set, _)| set == name) {
                command.env_remove(name);
            }
        }
        if !command.get_envs().any(|(set, _)| set == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        // This screen cuts lines when it becomes narrower, and says so.
        command.env("LANG", "C.UTF-8").env("STY", "1").stdout(std::process::Stdio::null());
        let child = command.stderr(ours).spawn().expect("the program starts");
        // The command holds the other end open as long as it lives.
        drop(command);
        let screen = vt100::Parser::new(rows, columns, 1000);
        let seen = Arc::new(Mutex::new(Seen { screen, bytes: Vec::new() }));
        let master = File::from(master);
        let mut from = master.try_clone().expect("a terminal");
        let sees = seen.clone();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The last other end was closed: an error on Linux.
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                let mut seen = sees.lock().expect("a screen");
                seen.screen.process(&buffer[..read]);
                seen.bytes.extend_from_slice(&buffer[..read]);
            }
        });
        Self { master, child, seen, reader }
    }

    /// The lines that the screen shows now.
    pub fn lines(&self) -> Vec<String> {
        lines(&mut self.seen.lock().expect("a screen").screen, 0)
    }

    /// Waits until the screen shows something.
    #[track_caller]
    pub fn wait_for(&self, what: &str, shows: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let lines = self.lines();
            if shows(&lines) {
                return lines;
            }
            assert!(Instant::now() < end, "no {what} in\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a user types. The terminal echoes it.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("a terminal");
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        tcsetwinsize(&self.master, size(columns, rows)).expect("its size");
        self.seen.lock().expect("a screen").screen.screen_mut().set_size(rows, columns);
    }

    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Waits for the end.
    pub fn end(mut self) -> Shown {
        let end = Instant::now() + Duration::from_secs(60);
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status.code();
            }
            if Instant::now() > end {
                let _ = self.child.kill();
                panic!("the program hung:\n{}", self.lines().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reader.join().expect("the reader ends");
        let mut seen = self.seen.lock().expect("a screen");
        let lines = lines(&mut seen.screen, usize::MAX);
        Shown { code, lines, bytes: String::from_utf8_lossy(&seen.bytes).into_owned() }
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The lines of a screen without those at its end that are empty, and so many of
/// those that have scrolled away.
fn lines(parser: &mut vt100::Parser, scrolled: usize) -> Vec<String> {
    parser.screen_mut().set_scrollback(scrolled);
    let back = parser.screen().scrollback();
    let (rows, columns) = parser.screen().size();
    let mut lines = Vec::new();
    for at in (0..=back).rev() {
        parser.screen_mut().set_scrollback(at);
        let screen = parser.screen();
        let take = if at == 0 { rows as usize } else { 1 };
        lines.extend(screen.rows(0, columns).take(take).map(|row| row.trim_end().to_owned()));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}
