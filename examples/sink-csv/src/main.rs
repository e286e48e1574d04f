//! `scrape` with the sink `csv`.

// Without this line the linker leaves the sink out.
use sink_csv as _;

fn main() -> std::process::ExitCode {
    scrape::main()
}
