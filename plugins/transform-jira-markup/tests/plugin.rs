//! The transform as a spec uses it.

use scrape_api::{Constructor, Plugin, Scope, Transform, Value, Verdict, plugins};
use scrape_transform_jira_markup as _;

fn make(options: &str) -> Result<Box<dyn Transform>, scrape_api::OptionsError> {
    let named: Vec<&Plugin> = plugins().into_iter().filter(|p| p.name == "jira_markup").collect();
    let [Plugin { constructor: Constructor::Transform(make), .. }] = named.as_slice() else {
        panic!("jira_markup is registered once, as a transform");
    };
    make(scrape_api::serde_json::from_str(options).expect("JSON"))
}

#[test]
fn strings_are_converted_and_other_values_stay() {
    let transform = make("{}").expect("defaults are valid");
    assert_eq!(transform.scope(), Scope::Value);
    for (value, expected) in [
        (Value::from("h1. *a*"), Value::from("# **a**")),
        (Value::from(" plain "), Value::from("plain")),
        (Value::from(3), Value::from(3)),
        (Value::Null, Value::Null),
    ] {
        let mut item = value;
        assert_eq!(transform.apply(&mut item).expect("never fails"), Verdict::Keep);
        assert_eq!(item, expected);
    }
}

#[test]
fn a_wrong_option_is_named() {
    let error = make(r#"{"mentions": "loud"}"#).err().expect("refused");
    assert_eq!(error.path, ["mentions"]);
    let error = make(r#"{"mention": true}"#).err().expect("refused");
    assert!(error.message.contains("mention"), "{}", error.message);
}
