//! Reads what a spec's streams are made of into the store: partitions, pages,
//! child lists, checkpoints, and the proof that nothing is missing.

mod envelope;
mod paginate;
mod record;
mod request;
mod split;
