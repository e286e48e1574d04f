//! The contract of transforms, and what this one does.
#![allow(clippy::unwrap_used)]

use scrape_api::conformance::{self, TransformSuite};
use scrape_api::serde_json::json;
use scrape_api::{Kind, Transform, Value, Verdict};
use transform_redact::{Config, Redact};

#[test]
fn it_keeps_the_contract_of_transforms() {
    TransformSuite::registered("redact", json!({ "keep": ["example.org"] }))
        .with([json!("mail a.b+c@d-e.example.com, <x@example.org>")])
        .check();
}

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Transform, "redact").expect_sound();
}

#[test]
fn addresses_are_replaced() {
    let config = Config { keep: vec!["Apache.org".into()], ..Config::default() };
    let redact = Redact::new(config).unwrap();
    for (text, expected) in [
        ("mail a.b+c@d-e.example.com.", "mail <email>."),
        ("dev@kafka.APACHE.org, x@notapache.org", "dev@kafka.APACHE.org, <email>"),
        ("Größe@example.com @user a@b git@host:path", "<email> @user a@b git@host:path"),
        ("", ""),
    ] {
        let mut item = Value::from(text);
        assert_eq!(redact.apply(&mut item).unwrap(), Verdict::Keep);
        assert_eq!(item, expected, "{text}");
    }
}

#[test]
fn an_address_is_no_domain() {
    let config = Config { keep: vec!["a@b.org".into()], ..Config::default() };
    assert_eq!(Redact::new(config).err().unwrap().path, ["keep"]);
}
