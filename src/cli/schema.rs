//! `scrape schema`: JSON Schema of the spec language, for editors.

use std::io::Write as _;

use scrape_api::plugins;

use crate::report::{Ended, Exit, Outcome};
use crate::spec::schema::json_schema;

/// Prints it to standard output.
pub fn run() -> Outcome {
    let mut text = serde_json::to_string_pretty(&json_schema(&plugins()))
        .map_err(|e| Ended::failed(e.to_string()))?;
    text.push('\n');
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Complete)
}
