//! What is kept of a batch: its records as they were mapped.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{native, template_value};
use crate::store::Body;

/// A record that was mapped and transformed: what tasks and sinks are fed with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mapped {
    /// Its partition.
    pub partition: String,
    /// Its identity.
    pub primary_key: String,
    /// The key that people read, else its identity.
    pub label: String,
    /// Its fields, as templates see them.
    #[serde(with = "as_json")]
    pub record: minijinja::Value,
}

/// A value that is known to be JSON, as such.
mod as_json {
    use super::{Deserialize, Serialize, Value, native, template_value};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &minijinja::Value,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        native::json_of(value).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<minijinja::Value, D::Error> {
        Value::deserialize(from).map(|value| template_value(&value))
    }
}

/// What reading made of a record.
#[derive(Debug, Serialize, Deserialize)]
pub struct Known {
    /// Lines for `rejected.jsonl`.
    pub rejected: String,
    /// None where it goes no further.
    pub mapped: Option<Mapped>,
}

/// The records of a batch, all of one stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MappedBatch {
    /// The stream.
    pub stream: usize,
    /// All that were read, in order.
    pub records: Vec<Known>,
}

impl MappedBatch {
    /// As it lies on disk.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        Ok(Body::pack(&serde_json::to_vec(self)?)?.frame().to_vec())
    }

    /// What was packed.
    ///
    /// # Errors
    /// When that is damaged.
    pub fn unpack(packed: Vec<u8>) -> io::Result<Self> {
        Ok(serde_json::from_slice(&Body::from_packed(packed, None).unpack()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_come_back_as_they_went() {
        let record = json!({ "z": [1, -0.0, 1e300, 18_446_744_073_709_551_615_u64, 0.1], "a": "\u{1f600}\n" });
        let mapped = Mapped {
            partition: "A".into(),
            primary_key: "1".into(),
            label: "A-1".into(),
            record: template_value(&record),
        };
        let records = vec![Known { rejected: "{}\n".into(), mapped: Some(mapped) }];
        let mut back =
            MappedBatch::unpack(MappedBatch { stream: 1, records }.pack().unwrap()).unwrap();
        let known = back.records.remove(0);
        assert_eq!((back.stream, known.rejected.as_str()), (1, "{}\n"));
        let back = native::json_of(&known.mapped.unwrap().record);
        assert_eq!(back.to_string(), record.to_string());
    }
}
