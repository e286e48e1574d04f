//! Templates that failed, told once for each place.

use crate::plan::EvalError;

/// How many keys are kept for each place.
const KEYS: usize = 3;

/// Failures of one task, sink or field at one place.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Whose template it is: `task titles`.
    pub what: String,
    /// The first.
    pub error: EvalError,
    /// How many there were.
    pub count: u64,
    /// The keys of the first records, as people read them.
    pub keys: Vec<String>,
}

/// Failures in the order in which they came first.
#[derive(Debug, Clone, Default)]
pub struct Failures(Vec<Failure>);

impl Failures {
    /// One more, with the key of its record.
    pub fn note(&mut self, what: &str, error: &EvalError, key: &str) {
        let known = self.0.iter_mut().find(|f| f.is_of(what, error));
        match known {
            Some(failure) => {
                failure.count += 1;
                if failure.keys.len() < KEYS {
                    failure.keys.push(key.to_owned());
                }
            }
            None => self.0.push(Failure {
                what: what.to_owned(),
                error: error.clone(),
                count: 1,
                keys: vec![key.to_owned()],
            }),
        }
    }

    /// Adds what came later.
    pub fn add(&mut self, other: &Self) {
        for later in &other.0 {
            match self.0.iter_mut().find(|f| f.is_of(&later.what, &later.error)) {
                Some(failure) => {
                    failure.count += later.count;
                    let room = KEYS.saturating_sub(failure.keys.len());
                    failure.keys.extend(later.keys.iter().take(room).cloned());
                }
                None => self.0.push(later.clone()),
            }
        }
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Failure> {
        self.0
    }
}

impl Failure {
    fn is_of(&self, what: &str, error: &EvalError) -> bool {
        self.what == what && self.error.span == error.span && self.error.texts == error.texts
    }
}
