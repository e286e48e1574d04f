//! What is fuzzed: everything that reads the bytes of others. Each function takes
//! any bytes; one that panics, or does not return, has found a mistake.
//! `fuzz/README.md` says how to run them.

use std::path::Path;

use crate::plan::compile;
use crate::report::diagnostics::{render, to_json};
use crate::spec::{Diagnostics, ParamValues, load};

pub use crate::collect::fuzz::page;
pub use crate::http::fuzz::{recording, repair};

/// A spec, from its text to its plan or its findings, each with a place that exists.
///
/// # Panics
/// Where it finds a mistake.
pub fn spec(data: &[u8]) {
    with_file("spec.yaml", data, |file| {
        let mut found = Diagnostics::default();
        let sources = match load(file, &[]) {
            Ok(mut loaded) => {
                let plan = compile(&mut loaded, &ParamValues::stand_ins(), &mut found);
                assert_eq!(plan.is_none(), found.has_errors(), "a plan or errors");
                loaded.sources.clone()
            }
            Err(error) => {
                found = error.diagnostics;
                assert!(found.has_errors(), "a spec without a reason");
                error.sources
            }
        };
        let found = found.sorted();
        render(&found, &sources, true, 100);
        for (finding, told) in found.iter().zip(to_json(&found, &sources)) {
            assert_eq!(finding.span.is_some(), told.range.is_some(), "{}", told.message);
        }
    });
}

/// Wiki markup, as a field of a record.
pub fn markup(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    scrape_transform_jira_markup::to_markdown(&text, &Default::default());
}

/// Calls `read` with a file that has these bytes.
pub(crate) fn with_file(name: &str, data: &[u8], read: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join(name);
    std::fs::write(&file, data).expect("a temporary file");
    read(&file);
}

#[cfg(test)]
mod tests {
    type Target = (&'static str, fn(&[u8]));

    /// What was found once is not found again.
    #[test]
    fn what_is_kept_is_read() {
        let targets: [Target; 5] = [
            ("spec", super::spec),
            ("markup", super::markup),
            ("page", super::page),
            ("repair", super::repair),
            ("recording", super::recording),
        ];
        let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/kept");
        for (name, target) in targets {
            for entry in std::fs::read_dir(kept.join(name)).expect("a folder") {
                let path = entry.expect("an entry").path();
                target(&std::fs::read(path).expect("a file"));
            }
        }
    }
}
