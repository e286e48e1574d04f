//! Why something failed: a line for logs, and a finding where a place of the spec
//! is behind it.

use std::fmt;

use crate::spec::Diagnostic;

/// Why a request, a partition or a run failed.
#[derive(Debug, Clone)]
pub struct Cause {
    /// One sentence, with what it is about: `issues KAFKA: 400 Bad Request …`.
    pub text: String,
    /// The same as a finding about the spec, without what it is about.
    pub finding: Option<Box<Diagnostic>>,
    /// The status of the reply, where one came.
    pub status: Option<u16>,
}

impl Cause {
    /// With the finding that says the same.
    #[must_use]
    pub fn with(mut self, finding: Diagnostic) -> Self {
        self.finding = Some(Box::new(finding));
        self
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self { text, finding: None, status: None }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
