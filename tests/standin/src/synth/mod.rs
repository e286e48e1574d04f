//! Synthetic issues of an invented product, the same for the same seed.
//!
//! The proportions follow what is measured in real trackers (empty
//! descriptions, CRLF, heavy-tailed comments, bots, gaps between numbers, ids
//! and dates out of order); the words are this module's own.

mod comments;
mod generator;
mod markup;
mod people;
mod plan;
mod prose;
mod record;
mod words;

pub(crate) use generator::Generator;
pub(crate) use record::custom_fields;
