//! Sink plugin `my_name`: one row a line, in a file that is replaced whole.
//!
//! A starting point that works. Where rows should go elsewhere, change `open`, `write`,
//! `finish` and `commit`; the test in `tests/contract.rs` says what they have to keep to.

use std::io::Write;
use std::path::PathBuf;

use scrape_api::{
    AtomicFile, Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row,
    Sink, register_sink,
};

/// Options of the sink: what a spec may write beside `type: my_name`. The doc comments
/// are what `list` shows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// The file, relative to the output directory.
    pub path: String,
    /// What stands before each row.
    #[serde(default)]
    pub prefix: String,
}

/// One row a line.
pub struct MyName {
    config: Config,
    /// Between `open` and `commit`. It is written beside its place, and is removed when it
    /// is dropped before `commit`.
    file: Option<AtomicFile>,
    finished: bool,
}

impl MyName {
    /// Checks the options. No I/O here: `validate` comes here too.
    pub fn new(config: Config) -> Result<Self, OptionsError> {
        OutputDir::check(&config.path).map_err(|e| OptionsError::at("path", e.to_string()))?;
        Ok(Self { config, file: None, finished: false })
    }

    /// The file, unless the call comes out of turn.
    fn file(&mut self, finished: bool) -> Result<&mut AtomicFile> {
        let turn = self.finished == finished;
        let error = || Error::msg(format!("{} is not open", self.config.path));
        self.file.as_mut().filter(|_| turn).ok_or_else(error)
    }
}

impl Sink for MyName {
    /// `Replace`: the whole output at once. For a database that puts rows by key it is
    /// `Upsert`, for what cannot be taken back `Stream`.
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }

    /// What `--fresh` may remove.
    fn files(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(&self.config.path)]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        self.file = Some(AtomicFile::create(dir.file(&self.config.path)?)?);
        self.finished = false;
        Ok(())
    }

    /// A row has a key and its bytes, one JSON value; `row.value()` parses them.
    fn write(&mut self, batch: &[Row]) -> Result<()> {
        let what = format!("write {}", self.config.path);
        let prefix = self.config.prefix.clone();
        let file = self.file(false)?;
        for row in batch {
            file.write_all(prefix.as_bytes())
                .and_then(|()| file.write_all(&row.bytes))
                .and_then(|()| file.write_all(b"\n"))
                .map_err(Error::io(what.clone()))?;
        }
        Ok(())
    }

    /// Everything that may fail, before any sink of the build commits.
    fn finish(&mut self) -> Result<()> {
        self.file(false)?.finish()?;
        self.finished = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.file(true)?;
        self.finished = false;
        self.file.take().map_or(Ok(()), AtomicFile::commit)
    }

    fn abort(&mut self) {
        self.file = None;
        self.finished = false;
    }
}

register_sink! {
    name: "my_name",
    summary: "One row a line, in a file that is replaced whole",
    config: Config,
    example: "sinks:\n  mine: { type: my_name, from: records, path: mine.txt }",
    new: MyName::new,
}
