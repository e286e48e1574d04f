//! Failures as findings about the spec: each once, with all that it took down.

use std::sync::{Mutex, PoisonError};

use crate::http::Cause;
use crate::spec::Diagnostic;

/// After so many failures of one kind the others are only counted.
const TOLD: usize = 3;

/// One finding, and what failed by it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What is wrong, and where.
    pub diagnostic: Diagnostic,
    /// The status of the reply that is behind it.
    pub status: Option<u16>,
    /// What failed first, at most a few: `issues KAFKA`.
    pub labels: Vec<String>,
    /// How often it failed.
    pub count: usize,
}

/// The findings of a run.
#[derive(Debug, Default)]
pub(super) struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    /// Notes a failure of what `label` names; whether it is worth a line.
    pub(super) fn note(&self, label: &str, cause: &Cause) -> bool {
        let Some(diagnostic) = &cause.finding else { return true };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What a server says may name what was asked for.
        let same = |f: &Finding| {
            f.diagnostic.span == diagnostic.span
                && (f.diagnostic.message == diagnostic.message
                    || cause.status.is_some() && f.status == cause.status)
        };
        match all.iter_mut().find(|f| same(f)) {
            Some(finding) => {
                finding.count += 1;
                if finding.labels.len() < TOLD {
                    finding.labels.push(label.to_owned());
                }
                finding.count <= TOLD
            }
            None => {
                let diagnostic = (**diagnostic).clone();
                let labels = vec![label.to_owned()];
                all.push(Finding { diagnostic, status: cause.status, labels, count: 1 });
                true
            }
        }
    }

    /// All of them in the order of their places, and what failed by each in an order
    /// of its own.
    pub(super) fn take(&self) -> Vec<Finding> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.iter_mut().for_each(|finding| finding.labels.sort_unstable());
        all.sort_by_key(|finding| finding.diagnostic.span.map(|span| (span.file, span.start)));
        all
    }
}
