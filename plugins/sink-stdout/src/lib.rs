//! Sink plugin `stdout`: one JSON value a line on standard output.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

use std::io::{self, BufWriter, Write};

use scrape_api::{
    Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row, Sink,
    register_sink,
};

/// Options of the sink: none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {}

/// One JSON value a line, to a writer that is standard output.
///
/// Rows are flushed at the end of each batch, so that a pipeline behind it moves
/// on. When its reader goes away (`| head`), what is still to come is left out
/// without an error.
pub struct Lines<W: Write + Send> {
    out: BufWriter<W>,
    closed: bool,
}

impl Lines<io::Stdout> {
    /// A sink that writes to standard output.
    ///
    /// # Errors
    /// None; the signature is that of every sink.
    pub fn new(_config: Config) -> Result<Self, OptionsError> {
        Ok(Self::to(io::stdout()))
    }
}

impl<W: Write + Send> Lines<W> {
    /// A sink that writes elsewhere.
    pub fn to(out: W) -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, out), closed: false }
    }

    fn done(&mut self, result: io::Result<()>) -> Result<()> {
        match result {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other.map_err(Error::io("write to standard output")),
        }
    }
}

impl<W: Write + Send> Sink for Lines<W> {
    fn delivery(&self) -> Delivery {
        Delivery::Stream
    }

    fn open(&mut self, _dir: &OutputDir) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        let written = batch
            .iter()
            .try_for_each(|row| {
                self.out.write_all(&row.bytes)?;
                self.out.write_all(b"\n")
            })
            .and_then(|()| self.out.flush());
        self.done(written)
    }

    fn finish(&mut self) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.done(flushed)
    }

    fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}

register_sink! {
    name: "stdout",
    summary: "One JSON value a line on standard output",
    config: Config,
    example: "sinks:\n  show: { type: stdout, from: records }",
    new: Lines::new,
}
