//! Sink plugin `csv`: chosen fields of each row as a line of a CSV file.
//!
//! It is of the kind that most sinks are: [`Delivery::Replace`], one file, written
//! beside its place and put there at the end.

use std::path::PathBuf;

use scrape_api::{
    AtomicFile, Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row,
    Sink, Value, register_sink,
};

/// Options of the sink. Their doc comments are what `scrape list` shows, and an
/// option that is not here is an error at its place in the spec.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// The file, relative to the output directory.
    pub path: String,
    /// The fields of a row that become columns, in order.
    pub columns: Vec<String>,
    /// What stands between the columns: one ASCII character.
    #[serde(default = "comma")]
    pub delimiter: char,
}

fn comma() -> char {
    ','
}

/// A CSV file with a header line (RFC 4180, with line feeds). A list becomes its
/// items joined by `; `, an object its JSON, null and a missing field nothing.
pub struct Csv {
    path: String,
    columns: Vec<String>,
    delimiter: u8,
    state: State,
}

/// Where in its life an instance is: what a call out of turn is told by.
enum State {
    Closed,
    Open(Box<csv::Writer<AtomicFile>>),
    Finished(AtomicFile),
}

impl Csv {
    /// Checks the options. No I/O: `scrape validate` comes here too.
    ///
    /// # Errors
    /// At the option that does not fit.
    pub fn new(config: Config) -> Result<Self, OptionsError> {
        OutputDir::check(&config.path).map_err(|e| OptionsError::at("path", e.to_string()))?;
        if config.columns.is_empty() {
            return Err(OptionsError::at("columns", "name at least one field"));
        }
        let delimiter = u8::try_from(config.delimiter)
            .ok()
            .filter(|d| d.is_ascii() && !b"\"\r\n".contains(d))
            .ok_or_else(|| OptionsError::at("delimiter", "one ASCII character is needed"))?;
        Ok(Self { path: config.path, columns: config.columns, delimiter, state: State::Closed })
    }
}

impl Sink for Csv {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(&self.path)]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        // Beside its place until `commit`; removed when it is dropped before.
        let file = AtomicFile::create(dir.file(&self.path)?)?;
        let mut writer = csv::WriterBuilder::new().delimiter(self.delimiter).from_writer(file);
        writer.write_record(&self.columns).map_err(|e| failed(&self.path, e))?;
        self.state = State::Open(Box::new(writer));
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        let State::Open(writer) = &mut self.state else { return Err(not_open(&self.path)) };
        for row in batch {
            let value = row.value()?;
            let cells = self.columns.iter().map(|name| cell(&value[name]));
            writer.write_record(cells).map_err(|e| failed(&self.path, e))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let State::Open(writer) = std::mem::replace(&mut self.state, State::Closed) else {
            return Err(not_open(&self.path));
        };
        let flushed = writer.into_inner().map_err(|e| std::io::Error::from(e.error().kind()));
        let mut file = flushed.map_err(Error::io(format!("write {}", self.path)))?;
        // Now what is full or broken shows, while all sinks can still go back.
        file.finish()?;
        self.state = State::Finished(file);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Finished(file) => file.commit(),
            _ => Err(not_open(&self.path)),
        }
    }

    fn abort(&mut self) {
        self.state = State::Closed;
    }
}

fn not_open(path: &str) -> Error {
    Error::msg(format!("{path} is not open"))
}

/// Names the file in an error of the CSV writer.
fn failed(path: &str, error: csv::Error) -> Error {
    let what = format!("write {path}");
    match error.into_kind() {
        // Kept as it is: a full disk is told apart from other failures.
        csv::ErrorKind::Io(source) => Error::io(what)(source),
        other => Error::msg(format!("{what}: {other:?}")),
    }
}

/// A value as the text of a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

register_sink! {
    name: "csv",
    summary: "Chosen fields of each row as a line of a CSV file, which is replaced whole",
    config: Config,
    example: "sinks:\n  table: { type: csv, from: records, path: issues.csv, columns: [key, title] }",
    new: Csv::new,
}
