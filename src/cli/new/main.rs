//! `scrape` with the plugin `my_name` in it.

// Names the crate: the linker would leave it out otherwise.
use my_name as _;

fn main() -> std::process::ExitCode {
    scrape::main()
}
