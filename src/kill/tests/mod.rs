//! Killed at each point and resumed, a run leaves what an undisturbed one leaves.

mod build;
mod collect;
mod fresh;
mod later;
mod points;
mod program;
mod scene;
mod shelf;
mod upsert;

#[path = "../../../tests/common/outputs.rs"]
#[allow(dead_code, clippy::expect_used, reason = "the end-to-end tests use the rest of it")]
mod outputs;
