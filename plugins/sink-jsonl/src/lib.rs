//! Sink plugin jsonl: one JSON value a line, plain, .gz or .zst.
