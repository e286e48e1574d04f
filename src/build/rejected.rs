//! `rejected.jsonl`: what could not be used, one line each.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;

use scrape_api::{AtomicFile, OutputDir};
use serde::Serialize;

use super::counts::Tally;
use super::run::Error;
use crate::plan::Plan;
use crate::store::{Reader, Reject};

/// The file's name.
pub const REJECTED_FILE: &str = "rejected.jsonl";

/// One line. All keys are always there, so that readers that guess types do so
/// once.
#[derive(Serialize)]
struct Line<'r> {
    stage: &'static str,
    reason: &'r str,
    message: &'r str,
    pointer: Option<&'r str>,
    stream: &'r str,
    partition: &'r str,
    key: &'r str,
    child: Option<&'r str>,
    raw: Option<&'r str>,
    raw_base64: Option<String>,
}

/// Appends the line of a reject, its line end included.
pub fn push_line(reject: &Reject, out: &mut Vec<u8>) {
    let raw = reject.raw.as_deref();
    let text = raw.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let line = Line {
        stage: reject.stage.as_str(),
        reason: &reject.reason,
        message: &reject.message,
        pointer: reject.pointer.as_deref(),
        stream: &reject.stream,
        partition: &reject.partition,
        key: &reject.key,
        child: reject.child.as_deref(),
        raw: text,
        raw_base64: raw.filter(|_| text.is_none()).map(base64),
    };
    // Texts and nulls into memory: nothing that could fail.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}

/// `rejected.jsonl` while it is written.
pub(super) struct Rejects {
    file: AtomicFile,
}

impl Rejects {
    /// A new one, beside the former.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn create(dir: &OutputDir) -> Result<Self, Error> {
        let file = dir.file(REJECTED_FILE).and_then(AtomicFile::create).map_err(Error::Rejected)?;
        Ok(Self { file })
    }

    /// Those of collecting come first, of the partitions that are built.
    ///
    /// # Errors
    /// When the store cannot be read, or the file not be written.
    pub(super) fn collected(
        &mut self,
        plan: &Plan,
        reader: &dyn Reader,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let built: HashSet<(&str, &str)> = plan
            .streams
            .iter()
            .flat_map(|s| s.partitions.iter().map(|p| (s.name.as_str(), p.id.as_str())))
            .collect();
        let mut written = Ok(());
        let mut line = Vec::new();
        reader.rejects(&mut |reject| {
            if !built.contains(&(reject.stream.as_str(), reject.partition.as_str())) {
                return ControlFlow::Continue(());
            }
            line.clear();
            push_line(&reject, &mut line);
            *tally.rejects.entry((reject.stage, reject.reason)).or_default() += 1;
            written = self.write(&line);
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        written
    }

    /// More lines.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Error> {
        let what = || scrape_api::Error::io(format!("write {REJECTED_FILE}"));
        self.file.write_all(lines).map_err(|e| Error::Rejected(what()(e)))
    }

    /// Makes it durable; committing it puts it in place.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) fn finish(mut self) -> Result<AtomicFile, Error> {
        self.file.finish().map_err(Error::Rejected)?;
        Ok(self.file)
    }
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Stage;
    use serde_json::{Value, json};

    fn line(raw: Option<&[u8]>) -> Value {
        let reject = Reject {
            stream: "issues".into(),
            partition: "A".into(),
            key: "1".into(),
            child: None,
            stage: Stage::Map,
            reason: "missing_required".into(),
            message: "no \"title\"\nat all".into(),
            pointer: Some("/fields/summary".into()),
            raw: raw.map(<[u8]>::to_vec),
        };
        let mut out = Vec::new();
        push_line(&reject, &mut out);
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1, "one line");
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_line_has_every_key_in_a_fixed_order() {
        for raw in [None, Some(&b"{}"[..]), Some(&b"\xff"[..])] {
            let keys: Vec<_> = line(raw).as_object().unwrap().keys().cloned().collect();
            assert_eq!(
                keys,
                [
                    "stage",
                    "reason",
                    "message",
                    "pointer",
                    "stream",
                    "partition",
                    "key",
                    "child",
                    "raw",
                    "raw_base64"
                ]
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_come_as_base64() {
        assert_eq!(line(Some(b"{\"a\":1}"))["raw"], json!("{\"a\":1}"));
        for (bytes, expected) in [
            (&b"\xff"[..], "/w=="),
            (b"\xff\xfe", "//4="),
            (b"\xff\xfe\xfd", "//79"),
            (b"\xffabc", "/2FiYw=="),
        ] {
            let line = line(Some(bytes));
            assert_eq!((&line["raw"], &line["raw_base64"]), (&json!(null), &json!(expected)));
        }
    }
}
