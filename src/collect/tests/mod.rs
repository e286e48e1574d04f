//! The collector against a server and a store.

mod bench;
mod faults;
mod jira;
mod kinds;
