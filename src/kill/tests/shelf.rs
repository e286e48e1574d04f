//! A sink that puts rows by key and takes nothing back: each row is a file, there as
//! soon as it is written.

use std::fs;
use std::path::PathBuf;

use scrape_api::{
    Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row, RowKey, Sink,
    register_sink,
};

/// Options of the sink.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
struct Config {
    /// The folder.
    path: String,
}

struct Shelf {
    path: String,
    folder: PathBuf,
}

impl Shelf {
    fn place(&self, key: &RowKey) -> PathBuf {
        let RowKey { stream, primary_key, task, example, .. } = key;
        let task = task.as_deref().unwrap_or_default();
        self.folder.join(format!("{stream}-{primary_key}-{task}-{example}"))
    }
}

impl Sink for Shelf {
    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }

    /// A mark: where it is missing, the shelf is new.
    fn files(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(&self.path).join("mark")]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        self.folder = dir.root().join(&self.path);
        let made = fs::create_dir_all(&self.folder);
        let marked = made.and_then(|()| fs::write(self.folder.join("mark"), ""));
        marked.map_err(Error::io("make the shelf"))
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        let put = |row: &Row| fs::write(self.place(&row.key), &row.bytes);
        batch.iter().try_for_each(put).map_err(Error::io("put a row"))
    }

    fn delete(&mut self, keys: &[RowKey]) -> Result<()> {
        for key in keys {
            // One that is not there is no error.
            let _ = fs::remove_file(self.place(key));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}

fn make(config: Config) -> Result<Shelf, OptionsError> {
    Ok(Shelf { path: config.path, folder: PathBuf::new() })
}

register_sink! {
    name: "shelf",
    summary: "Each row in a file of its own",
    config: Config,
    example: "sinks:\n  shelf: { type: shelf, from: records, path: shelf }",
    new: make,
}
