//! What a user reads: diagnostics, stats, the summary, exit codes.
