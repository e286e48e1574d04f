//! Points at which a test has the process killed: before and after every step
//! that leaves a trace outside of it.

mod point;

pub(crate) use point::point;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr)]
mod tests;
