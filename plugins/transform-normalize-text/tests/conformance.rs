//! The contract of transforms and of plugins.

use scrape_api::conformance::{self, TransformSuite};
use scrape_api::{Kind, serde_json::json};
use scrape_transform_normalize_text as _;

#[test]
fn contract() {
    for options in [json!({}), json!({ "trim_line_ends": true, "max_blank_lines": 1 })] {
        TransformSuite::registered("normalize_text", options)
            .with([json!("a\u{a0}b\r\n \n\n\n c ")])
            .check();
    }
}

#[test]
fn description() {
    conformance::registered(Kind::Transform, "normalize_text").expect_sound();
}
