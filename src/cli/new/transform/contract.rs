//! What every transform keeps to. A check that fails says what was done, and what the
//! contract is.

// Links the crate into the test, and with it what it registers.
use my_name as _;

use scrape_api::conformance::{self, TransformSuite};
use scrape_api::{Kind, serde_json::json};

#[test]
fn it_keeps_the_contract_of_transforms() {
    for options in [json!({}), json!({ "drop_empty": true })] {
        TransformSuite::registered("my_name", options)
            .with([json!("  a text of the kind that it is made for ")])
            .check();
    }
}

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Transform, "my_name").expect_sound();
}
