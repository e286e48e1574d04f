//! The steps of collecting, one by one.

use scrape_api::Bytes;

use super::envelope::{self, Records};
use crate::http::Reply;
use crate::plan::Path;

/// Takes the body of a reply apart; how many records it has.
///
/// # Errors
/// When it is no JSON, or has another shape.
pub fn split(body: &Bytes, records: &Path) -> Result<usize, String> {
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: body.clone(),
        original: None,
        packed: None,
        url: String::new(),
        seq: 1,
        date: None,
    };
    match envelope::open(&reply, Records::at(records)) {
        Ok(Ok(envelope)) => Ok(envelope.records.len()),
        Ok(Err(_)) => Err(String::from("the records are no list")),
        Err(_) => Err(String::from("no JSON")),
    }
}
