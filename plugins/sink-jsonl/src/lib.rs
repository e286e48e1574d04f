//! Sink plugin `jsonl`: one JSON value a line, in a file that is replaced whole;
//! plain, `.gz` or `.zst` by the name of the file.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod encoder;

use std::io::Write;
use std::path::PathBuf;

use scrape_api::{
    AtomicFile, Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row,
    Sink, register_sink,
};

use encoder::Encoder;

/// Options of the sink.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// The file, relative to the output directory. `.gz` and `.zst` at the end
    /// of its name say that it is compressed.
    pub path: String,
}

/// One JSON value a line. The file is written beside its place and renamed at
/// the end, so that readers see the former one or the new one, never a part.
pub struct JsonLines {
    path: String,
    file: Option<Encoder>,
    finished: Option<AtomicFile>,
}

impl JsonLines {
    /// A sink that writes to `config.path`.
    ///
    /// # Errors
    /// For a path that leaves the output directory or names no file.
    pub fn new(config: Config) -> Result<Self, OptionsError> {
        OutputDir::check(&config.path).map_err(|e| OptionsError::at("path", e.to_string()))?;
        Ok(Self { path: config.path, file: None, finished: None })
    }

    fn writing(&self) -> String {
        format!("write {}", self.path)
    }
}

impl Sink for JsonLines {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(&self.path)]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        let file = AtomicFile::create(dir.file(&self.path)?)?;
        self.finished = None;
        self.file = Some(Encoder::new(&self.path, file).map_err(Error::io(self.writing()))?);
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        let file = self.file.as_mut().ok_or_else(|| not_open(&self.path))?;
        let mut rows = batch.iter();
        rows.try_for_each(|row| file.write_all(&row.bytes).and_then(|()| file.write_all(b"\n")))
            .map_err(|error| Error::io(self.writing())(error))
    }

    fn finish(&mut self) -> Result<()> {
        let file = self.file.take().ok_or_else(|| not_open(&self.path))?;
        let mut file = file.finish().map_err(Error::io(self.writing()))?;
        file.finish()?;
        self.finished = Some(file);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.finished.take().ok_or_else(|| not_open(&self.path))?.commit()
    }

    fn abort(&mut self) {
        // A dropped temporary file is removed.
        self.file = None;
        self.finished = None;
    }
}

fn not_open(path: &str) -> Error {
    Error::msg(format!("{path} is not open"))
}

register_sink! {
    name: "jsonl",
    summary: "One JSON value a line, in a file replaced whole; plain, .gz or .zst by its name",
    config: Config,
    example: "sinks:\n  training: { type: jsonl, from: records, path: training_data.jsonl.zst }",
    new: JsonLines::new,
}
