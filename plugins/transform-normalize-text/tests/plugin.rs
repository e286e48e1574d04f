//! The transform as a spec uses it.

use scrape_api::{Constructor, Plugin, Scope, Transform, Value, Verdict, plugins};
use scrape_transform_normalize_text as _;

fn make(options: &str) -> Result<Box<dyn Transform>, scrape_api::OptionsError> {
    let named: Vec<&Plugin> =
        plugins().into_iter().filter(|p| p.name == "normalize_text").collect();
    let [Plugin { constructor: Constructor::Transform(make), .. }] = named.as_slice() else {
        panic!("normalize_text is registered once, as a transform");
    };
    make(scrape_api::serde_json::from_str(options).expect("JSON"))
}

#[test]
fn strings_are_normalized_and_other_values_stay() {
    let transform = make("{}").expect("defaults are valid");
    assert_eq!(transform.scope(), Scope::Value);
    for (value, expected) in [
        (Value::from("a\u{a0}b\r\n"), Value::from("a b\n")),
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
    let error = make(r#"{"trim_line_ends": "yes"}"#).err().expect("refused");
    assert_eq!(error.path, ["trim_line_ends"]);
    let error = make(r#"{"trim_lines": true}"#).err().expect("refused");
    assert!(error.message.contains("trim_lines"), "{}", error.message);
}
