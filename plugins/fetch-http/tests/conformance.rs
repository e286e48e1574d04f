//! The contract of plugins.

use scrape_api::{Kind, conformance};
use scrape_fetch_http as _;

#[test]
fn description() {
    conformance::registered(Kind::Fetch, "http").expect_sound();
}
