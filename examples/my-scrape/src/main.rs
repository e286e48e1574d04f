//! `scrape` with plugins of one's own: a line for each crate, which the linker would
//! leave out otherwise. The attribute makes a crate that is named in Cargo.toml, but
//! not here, an error.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

use fetch_file as _;
use sink_csv as _;
use sink_sqlite as _;
use transform_redact as _;

fn main() -> std::process::ExitCode {
    scrape::main()
}
