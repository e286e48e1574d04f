//! What a process that is to be killed says to the one that kills it: a line on its
//! standard output.

use std::fmt;

/// What such a line begins with; others may be of a sink.
const MARK: &str = "scrape-life ";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It stays after this step.
    At(String),
    /// It is done, after so many steps.
    Done(u64),
    /// It could not go on, for this reason.
    Failed(String),
}

impl Line {
    /// Reads one; none for a line of something else.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.strip_prefix(MARK)?.split_once(' ')?;
        match word {
            "at" => Some(Self::At(rest.to_owned())),
            "done" => rest.parse().ok().map(Self::Done),
            "failed" => Some(Self::Failed(rest.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(what) => write!(f, "{MARK}at {what}"),
            Self::Done(steps) => write!(f, "{MARK}done {steps}"),
            // One line, whatever is in it.
            Self::Failed(why) => write!(f, "{MARK}failed {}", why.replace('\n', "; ")),
        }
    }
}
