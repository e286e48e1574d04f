//! Builds as a whole.
