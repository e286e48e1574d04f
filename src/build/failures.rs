//! Templates that failed, and fields that reject records, told once for each
//! place.

use crate::plan::EvalError;
use crate::spec::Span;

/// How many keys are kept for each place.
const KEYS: usize = 3;

/// Why something cannot be made of a record: a place of the spec, or of a
/// template.
#[derive(Debug, Clone)]
pub struct Blame {
    /// Whose place it is: `task titles`.
    pub what: String,
    /// What is wrong there.
    pub error: EvalError,
    /// What can be done where it is the data that do not fit; a template that
    /// fails speaks for itself.
    pub hint: Option<&'static str>,
}

impl Blame {
    /// A template that failed.
    pub fn template(what: impl Into<String>, error: EvalError) -> Self {
        Self { what: what.into(), error, hint: None }
    }

    /// Data that do not fit what a field asks for.
    pub fn data(field: &str, message: String, span: Span, hint: &'static str) -> Self {
        let what = format!("the field `{field}`");
        Self { what, error: EvalError::new(message, span), hint: Some(hint) }
    }
}

/// Failures of one task, sink or field at one place.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The first.
    pub blame: Blame,
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
    pub fn note(&mut self, blame: &Blame, key: &str) {
        let known = self.0.iter_mut().find(|f| f.is_of(blame));
        match known {
            Some(failure) => {
                failure.count += 1;
                if failure.keys.len() < KEYS {
                    failure.keys.push(key.to_owned());
                }
            }
            None => {
                self.0.push(Failure { blame: blame.clone(), count: 1, keys: vec![key.to_owned()] })
            }
        }
    }

    /// Adds what came later.
    pub fn add(&mut self, other: &Self) {
        for later in &other.0 {
            match self.0.iter_mut().find(|f| f.is_of(&later.blame)) {
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
    fn is_of(&self, blame: &Blame) -> bool {
        let (own, other) = (&self.blame.error, &blame.error);
        self.blame.what == blame.what && own.span == other.span && own.texts == other.texts
    }
}
