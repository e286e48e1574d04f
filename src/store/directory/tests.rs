//! What is told of an output directory.
