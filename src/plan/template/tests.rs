//! Types of values, places of mistakes, what templates may call.

use super::*;
use crate::plan::scope_of;
use serde_json::json;

fn span(len: usize) -> Span {
    Span { file: 0, start: 100, end: 100 + u32::try_from(len).unwrap() }
}

fn eval(source: &str, scope: &Scope) -> Result<Value, EvalError> {
    let mut env = Env::new();
    let template = env.compile(source, span(source.len()), Path::new("templates"))?;
    env.eval(&template, scope)
}

#[test]
fn one_expression_keeps_its_type_and_text_stays_text() {
    let scope = scope_of("a", &json!({ "n": 478, "list": [1, "x"], "none": null, "t": "478" }));
    for (source, expected) in [
        ("{{ a.n }}", json!(478)),
        (" {{- a.n -}} ", json!(478)),
        ("{{ a.list }}", json!([1, "x"])),
        ("{{ a.none }}", json!(null)),
        ("{{ a.t }}", json!("478")),
        ("no {{ a.n }}", json!("no 478")),
        ("{{ a.n }}{{ a.n }}", json!("478478")),
        ("{a}", json!("{a}")),
    ] {
        assert_eq!(eval(source, &scope).unwrap(), expected, "{source}");
    }
}

#[test]
fn a_mistake_has_its_place() {
    let scope = scope_of("a", &json!({}));
    let source = "x {{ a.b }}";
    let error = eval(source, &scope).unwrap_err();
    assert_eq!((error.span.start, error.span.end), (105, 108), "{}", error.message);
    let source = "{{  nope }}";
    let error = eval(source, &scope).unwrap_err();
    assert_eq!((error.span.start, error.span.end), (104, 108), "{}", error.message);
    let source = "{{ a | nofilter }}";
    assert!(eval(source, &scope).unwrap_err().message.contains("nofilter"));
    assert!(
        eval(
            "{% for x in range(10000) %}{% for y in range(10000) %}.{% endfor %}{% endfor %}",
            &scope
        )
        .is_err()
    );
}

#[test]
fn render_sees_the_scope_and_stays_in_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.j2"), "<{{ a.n }} {{ item }}>\n").unwrap();
    let mut env = Env::new();
    let scope = scope_of("a", &json!({ "n": 1 })).with("item", "two".into());
    let template = env.compile("{{ render('t.j2') }}!", span(3), dir.path()).unwrap();
    assert_eq!(env.eval(&template, &scope).unwrap(), json!("<1 two>!"));
    for bad in ["../t.j2", "/etc/passwd"] {
        let source = format!("{{{{ render('{bad}') }}}}");
        let template = env.compile(&source, span(source.len()), dir.path()).unwrap();
        assert!(env.eval(&template, &scope).unwrap_err().message.contains("below the folder"));
    }
    let names = env.undeclared_in_text(&dir.path().join("t.j2"), span(1)).unwrap();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a.n", "item"]);
}

#[test]
fn an_attribute_that_is_absent_is_an_error() {
    let items = json!([{ "body": "x", "n": 1, "in": { "deep": null } }, { "body": "y", "n": 2 }]);
    let scope = scope_of("a", &json!({ "items": items }));
    for (filter, message) in [
        ("map(attribute='boody') | join('|')", "map: an item has no `boody`; did you mean `body`?"),
        ("map(attribute='zzz') | list", "map: an item has no `zzz`"),
        ("selectattr('boody')", "selectattr: an item has no `boody`; did you mean `body`?"),
        (
            "rejectattr('boody', 'in', [1])",
            "rejectattr: an item has no `boody`; did you mean `body`?",
        ),
        ("sum(attribute='m.n')", "sum: an item has no `m`"),
        ("map(attribute='in.dep')", "map: an item has no `dep`; did you mean `deep`?"),
        ("join(', ', 'boody')", "join: an item has no `boody`; did you mean `body`?"),
        ("sort(attribute='boody')", "sort: an item has no `boody`; did you mean `body`?"),
        ("groupby('boody')", "groupby: an item has no `boody`; did you mean `body`?"),
        ("consecutive('boody')", "consecutive: an item has no `boody`; did you mean `body`?"),
    ] {
        let error = eval(&format!("{{{{ a.items | {filter} }}}}"), &scope).unwrap_err();
        assert_eq!(error.message, message, "{filter}");
    }
    for (filter, expected) in [
        ("map(attribute='body') | join('|')", json!("x|y")),
        ("map('attr', 'body') | list", json!(["x", "y"])),
        ("map(attribute='boody', default='-') | join", json!("--")),
        ("selectattr('in', 'defined') | map(attribute='in.deep') | list", json!([null])),
        ("rejectattr('body', 'equalto', 'x') | map(attribute='n') | list", json!([2])),
        ("sum('n')", json!(3)),
        ("sum(attribute='n', start=1)", json!(4)),
        ("sort(attribute='n', reverse=true) | map(attribute='n') | list", json!([2, 1])),
        ("map('length') | sum", json!(5)),
    ] {
        assert_eq!(
            eval(&format!("{{{{ a.items | {filter} }}}}"), &scope).unwrap(),
            expected,
            "{filter}"
        );
    }
    assert!(eval("{{ a.nope | map(attribute='x') }}", &scope).is_err());
}

#[test]
fn filters_do_what_they_say() {
    let scope = scope_of(
        "v",
        &json!({ "s": "say \"hi\" \\o", "turns": [
        { "role": "user", "t": 1 }, { "role": "user", "t": 2 }, { "role": "assistant", "t": 3 },
    ] }),
    );
    for (source, expected) in [
        ("{{ v.s | jql }}", json!(r#""say \"hi\" \\o""#)),
        (
            "{{ (v.turns | consecutive('role')) | map(attribute='key') | list }}",
            json!(["user", "assistant"]),
        ),
        ("{{ 'Fixed in 3.10, at last' | mentions('in 3.10') }}", json!(true)),
        ("{{ 'Fixed in 3.101' | mentions('3.10') }}", json!(false)),
        ("{{ 'a  b c' | truncate_words(2, end='…') }}", json!("a  b…")),
        (
            "{{ 'a.FooException: b BarException FooException' | findall('[A-Z][a-z]+Exception') }}",
            json!(["FooException", "BarException"]),
        ),
    ] {
        assert_eq!(eval(source, &scope).unwrap(), expected, "{source}");
    }
}

#[test]
fn a_failure_tells_its_places_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("inner.j2", "{% for c in a.comments %}\n  {{ c.at | split('T') | int }}\n{% endfor %}");
    write("outer.j2", "# All\n{{ render('inner.j2') }}\n");
    let scope = scope_of(
        "a",
        &json!({ "comments": [{ "at": "2024T" }], "title": "Ünder\nstand", "n": null, "list": [1, "x"] }),
    );
    let mut env = Env::new();
    let mut fails = |source: &str| {
        let template = env.compile(source, span(source.len()), dir.path()).unwrap();
        env.eval(&template, &scope).unwrap_err()
    };
    for (source, message, values) in [
        (
            "{{ a.title + a.n }}",
            "tried to use + operator",
            &["`a.title` is a string: \"Ünder\\nstand\"", "`a.n` is null"][..],
        ),
        (
            "{{ a.title.x.y }}",
            "`a.title.x` is undefined",
            &["`a.title` is a string: \"Ünder\\nstand\""],
        ),
        ("{{ a.list | int }}", "cannot convert", &["`a.list` is a list of 2: [1,\"x\"]"]),
        ("{{ a.nope.x }}", "`a.nope` is undefined", &[]),
    ] {
        let error = fails(source);
        assert!(error.message.contains(message), "{source}: {}", error.message);
        assert_eq!(error.values, values, "{source}");
        assert_eq!(error.texts, [], "{source}");
    }
    let error = fails("x {{ render('outer.j2') }}");
    let places: Vec<_> = error
        .texts
        .iter()
        .map(|t| (t.file.file_name().unwrap().to_str().unwrap(), t.line, t.column))
        .collect();
    assert_eq!(places, [("outer.j2", 2, 4), ("inner.j2", 2, 26)], "{}", error.message);
    assert_eq!(error.values, ["`c.at` is a string: \"2024T\""]);
}
