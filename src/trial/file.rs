//! The file that lies beside a spec: `NAME.test.yaml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::spec::decode::{Cx, Decode};
use crate::spec::lang::{CaseSpec, TrialSpec};
use crate::spec::{self, Diagnostics, Sources, params};

/// The end of the names of test files.
const ENDING: &str = ".test.yaml";

/// A test file as it was read.
pub struct TestFile {
    /// Its tests.
    pub cases: Vec<CaseSpec>,
    /// Its text, for messages.
    pub sources: Arc<Sources>,
    /// Its folder, which paths in it are relative to.
    pub folder: PathBuf,
    /// Where else its spec may read files, as for [`spec::load`].
    pub allowed: Vec<PathBuf>,
}

/// The spec and the test file that an argument means: either may be named.
pub fn sidecar(named: &Path) -> (PathBuf, PathBuf) {
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    match name.strip_suffix(ENDING) {
        Some(stem) => (named.with_file_name(format!("{stem}.yaml")), named.to_owned()),
        None => (named.to_owned(), named.with_extension(&ENDING[1..])),
    }
}

/// Whether a file is one of tests, by its name.
pub fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING))
}

/// Reads a test file.
///
/// # Errors
/// With all findings, where something is wrong in it.
pub fn load(path: &Path, allowed: &[PathBuf]) -> Result<TestFile, (Diagnostics, Arc<Sources>)> {
    let loaded = spec::load(path, allowed).map_err(|error| (error.diagnostics, error.sources))?;
    let mut diagnostics = loaded.diagnostics;
    let mut cx = Cx {
        diagnostics: &mut diagnostics,
        evaluate: &mut params::NoTemplates,
        sources: &loaded.sources,
        partial: false,
    };
    let file = TrialSpec::decode(&loaded.root, &mut cx);
    if file.cases.is_empty() && !diagnostics.has_errors() {
        diagnostics.error(file.span, "there are no tests in it").hint("cases: [ … ]");
    }
    if diagnostics.has_errors() {
        return Err((diagnostics, loaded.sources));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(TestFile { cases: file.cases, sources: loaded.sources, folder, allowed: allowed.to_vec() })
}
