//! What a suite found.

use std::fmt;

/// A check that failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The name of the check.
    pub check: &'static str,
    /// What the plugin did, after which calls.
    pub found: String,
    /// What the trait says, and where.
    pub says: &'static str,
}

/// What became of a suite's checks. As text: every failure with its reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// What was checked, for example "the sink `csv`".
    pub subject: String,
    /// The names of all checks that were made.
    pub checks: Vec<&'static str>,
    /// Those that failed.
    pub failures: Vec<Failure>,
}

impl Report {
    pub(super) fn new(subject: String) -> Self {
        Self { subject, checks: Vec::new(), failures: Vec::new() }
    }

    pub(super) fn add(
        &mut self,
        check: &'static str,
        says: &'static str,
        found: Result<(), String>,
    ) {
        self.checks.push(check);
        if let Err(found) = found {
            self.failures.push(Failure { check, found, says });
        }
    }

    /// Ends a test.
    ///
    /// # Panics
    /// When a check failed, with all failures.
    #[track_caller]
    pub fn expect_sound(&self) {
        assert!(self.failures.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, all, failed) = (&self.subject, self.checks.len(), self.failures.len());
        if failed == 0 {
            return write!(f, "{subject} keeps its contract: {all} checks passed");
        }
        write!(f, "{subject} breaks its contract: {failed} of {all} checks failed")?;
        for Failure { check, found, says } in &self.failures {
            write!(f, "\n\n  {check}\n    found: {found}\n    the contract: {says}")?;
        }
        Ok(())
    }
}

/// Shortens what is shown of a value.
pub(super) fn shown(value: &impl fmt::Debug) -> String {
    const MOST: usize = 300;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

/// What a panic carried.
pub(super) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}
