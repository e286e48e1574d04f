//! What is wrong with a spec, and where.

use super::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The spec cannot be run.
    Error,
    /// It can, but probably does not do what was meant.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The cause in one sentence, lower case, without a full stop.
    pub message: String,
    /// Where; `None` for what concerns no place, such as a missing file.
    pub span: Option<Span>,
    /// What can be done, ready to be pasted where possible.
    pub hint: Option<String>,
    /// Whether the line holds a secret, so that it is not shown.
    pub secret: bool,
    /// What else is to be known, a line each.
    pub notes: Vec<String>,
}

/// Findings, collected so that all are shown in one go.
#[derive(Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds an error at a place.
    pub fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Error, Some(span), message.into())
    }

    /// Adds a warning at a place.
    pub fn warning(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Warning, Some(span), message.into())
    }

    /// Adds an error that has no place.
    pub fn error_nowhere(&mut self, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Error, None, message.into())
    }

    fn push(&mut self, severity: Severity, span: Option<Span>, message: String) -> &mut Diagnostic {
        let at = self.items.len();
        self.items.push(Diagnostic {
            severity,
            message,
            span,
            hint: None,
            notes: Vec::new(),
            secret: false,
        });
        &mut self.items[at]
    }

    /// Whether anything forbids to run the spec.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|d| d.severity == Severity::Error)
    }

    /// Adds to the last finding what can be done about it.
    pub fn hint(&mut self, hint: impl Into<String>) {
        if let Some(last) = self.items.last_mut() {
            last.hint(hint);
        }
    }

    /// Takes back what was said about a place that begins here, for a finding
    /// that says more.
    pub fn retract(&mut self, file: u32, start: u32) {
        self.items.retain(|d| !d.span.is_some_and(|s| s.file == file && s.start == start));
    }

    /// How many errors there are so far.
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Adds the findings of another list.
    pub fn extend(&mut self, other: &Self) {
        self.items.extend(other.items.iter().cloned());
    }

    /// All findings by file and place, each once.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.items.sort_by_key(|d| d.span.map(|s| (s.file, s.start, s.end)));
        let mut kept: Vec<Diagnostic> = Vec::with_capacity(self.items.len());
        for item in self.items {
            let near = kept.iter().rev().take_while(|k| k.span == item.span);
            if !near.into_iter().any(|k| *k == item) {
                kept.push(item);
            }
        }
        self.items = kept;
        self.items
    }
}

impl Diagnostic {
    /// Adds what can be done about it.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shows the place without its line, which holds a secret.
    pub fn hide(&mut self) -> &mut Self {
        self.secret = true;
        self
    }
}
