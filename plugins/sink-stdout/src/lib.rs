//! Sink plugin stdout: one JSON value a line on standard output.
