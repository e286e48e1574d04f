//! The program `scrape`.
fn main() -> std::process::ExitCode {
    scrape::main()
}
