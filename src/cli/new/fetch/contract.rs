//! What every fetch plugin keeps to.

// Links the crate into the test, and with it what it registers.
use my_name as _;

use scrape_api::{Kind, conformance};

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Fetch, "my_name").expect_sound();
}
