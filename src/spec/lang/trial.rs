//! A test file: what a spec makes of a recording.

use crate::spec::decode::{Cx, Decode, Named};
use crate::spec::section::{Shape, section};
use crate::spec::{Span, Yaml};

section! {
    /// Tests of the spec beside which the file lies.
    "a test file" pub struct TrialSpec {
        /// The tests, each with a run of its own.
        cases: Vec<CaseSpec>,
    }
}

section! {
    /// One run from a recording, and what is expected of it.
    "a test" pub struct CaseSpec {
        /// What is tested, in a few words.
        name: String,
        /// The recording that answers.
        replay: String,
        /// Values of the spec's params.
        params: Named<Yaml>,
        /// The first records of each partition, as `--limit`.
        limit: Option<u64>,
        /// Whether the run has to be complete.
        complete: bool = "true",
        /// What is expected.
        expect: ExpectSpec = "{}",
    }
}

section! {
    /// What is expected of a run. What is not named may be anything.
    "`expect`" pub struct ExpectSpec {
        /// Numbers.
        counts: CountsSpec = "{}",
        /// Fields of mapped records, by key.
        records: Named<Yaml>,
        /// Parts of examples, by task and key; null where a task makes none, a list for several.
        examples: Named<Named<Yaml>>,
    }
}

section! {
    /// Numbers that are expected.
    "`counts`" pub struct CountsSpec {
        /// Records in the store.
        records: Option<Number>,
        /// Records that were mapped.
        mapped: Option<Number>,
        /// Records by partition.
        partitions: Named<Number>,
        /// Examples by task.
        tasks: Named<Number>,
        /// Rows by sink.
        sinks: Named<Number>,
        /// Rejects by reason.
        rejects: Named<Number>,
    }
}

/// A number with its place.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// The number.
    pub value: u64,
    /// Where it stands.
    pub span: Span,
}

impl Decode for Number {
    fn shape() -> Shape {
        Shape::Int
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self { value: u64::decode(node, cx), span: node.span }
    }
    fn fallback(span: Span) -> Self {
        Self { value: 0, span }
    }
}
