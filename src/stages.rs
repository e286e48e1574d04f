//! The stages of a run, each callable alone: for the measurements in `benches/`.

use std::path::Path;

use scrape_api::Bytes;

use crate::collect::stages::split;
use crate::plan::{FieldSource, MapPlan, Partition, Plan, compile};
use crate::report::diagnostics::render;
use crate::spec::{Diagnostics, ParamValues, load};

pub use crate::build::stages::{MappedRecord, Stages};

/// A spec, ready to run.
pub struct Spec(Plan);

impl Spec {
    /// Reads a spec, without values for its params.
    ///
    /// # Errors
    /// With all that is wrong with it.
    pub fn load(file: &Path) -> Result<Self, String> {
        let mut found = Diagnostics::default();
        let mut loaded =
            load(file, &[]).map_err(|e| render(&e.diagnostics.sorted(), &e.sources, false, 100))?;
        let plan = compile(&mut loaded, &ParamValues::stand_ins(), &mut found);
        let mut plan = plan.ok_or_else(|| render(&found.sorted(), &loaded.sources, false, 100))?;
        if let Some(stream) = plan.streams.first_mut() {
            stream.partitions = vec![Partition { id: String::new(), vars: Default::default() }];
        }
        Ok(Self(plan))
    }

    /// The same without the transforms of its first stream's map.
    #[must_use]
    pub fn without_transforms(mut self) -> Self {
        self.0.streams.iter_mut().for_each(|stream| clear(&mut stream.map));
        self
    }

    /// Takes a reply of the first stream apart; how many records it has.
    ///
    /// # Errors
    /// When it is no JSON, or has another shape.
    pub fn split(&self, body: &Bytes) -> Result<usize, String> {
        split(body, &self.0.streams.first().ok_or("no stream")?.records)
    }

    /// Calls `look` with the steps of a build.
    pub fn build<T>(&self, look: impl FnOnce(&Stages) -> T) -> T {
        crate::build::stages::stages(&self.0, look)
    }
}

fn clear(map: &mut MapPlan) {
    for field in &mut map.fields {
        field.transforms.clear();
        if let FieldSource::Each { map, .. } = &mut field.source {
            clear(map);
        }
    }
}
