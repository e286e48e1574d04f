//! What is evaluated without minijinja's machine is what that makes of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan::node::Node;

/// What is told apart: the kind of a value, its text, its JSON, and what it costs.
type Shown = (String, u64);

fn names() -> Scope {
    let value = json!({
        "s": "One two  three.\nFour\tfive é ", "e": "", "n": 7, "m": -2, "f": 2.5, "z": null,
        "t": true, "long": "word ".repeat(60), "nest": { "deep": { "x": "y" } },
        "list": ["a", "B", "b", "a", "é", "a b"], "mixed": [1, "1", null, 2.5, true, "x", []],
        "none": [], "many": (0..40).map(|n| format!("w{}", n % 30)).collect::<Vec<_>>(),
        "people": [
            { "name": "Ann", "role": "user", "body": "  hi there \n", "k": 1 },
            { "name": "Bob", "role": "user", "body": "", "k": null },
            { "name": "ann", "role": "helper", "body": "x-1 and y-22", "k": 1.0 },
            { "name": "Ann", "role": "user", "body": "[PR](u)", "k": "1" }
        ]
    });
    let value = native::of_json(&value);
    let inner = value.get_attr("people").unwrap();
    let odd =
        minijinja::Value::from(minijinja::value::Serde(json!([{ "key": "a", "items": [1] }, "b"])));
    Scope::new([("r".to_owned(), value), ("people".to_owned(), inner), ("odd".to_owned(), odd)])
        .with("safe", minijinja::Value::from_safe_string("<b> x".into()))
        .with("x", "outer".into())
}

fn shown(value: &minijinja::Value) -> String {
    format!("{} {value} {:?}", value.kind(), serde_json::to_string(value).ok())
}

/// What a template gives without minijinja's machine, if it does, and with it.
fn both(env: &mut Env, source: &str, scope: &Scope) -> (Option<Shown>, Option<Shown>) {
    let span = Span { file: 0, start: 0, end: 0 };
    let Ok(template) = env.compile(source, span, Path::new("templates")) else {
        return (None, None);
    };
    let cost = |run: &dyn Fn() -> Option<minijinja::Value>| {
        let _budget = Budget::begin();
        let before = budget::left().unwrap();
        let value = run()?;
        Some((shown(&value), before - budget::left().unwrap()))
    };
    let quickly = || env.quickly(&template, scope, |got| Some(got.into_value())).ok().flatten();
    // It panics where it compares what it calls an invalid value.
    let whole = || catch_unwind(AssertUnwindSafe(|| env.run(&template, scope).ok())).ok().flatten();
    (cost(&quickly), cost(&whole))
}

/// Whether both agree; false where only minijinja has a value.
fn agree(env: &mut Env, source: &str, scope: &Scope) -> bool {
    let (quick, whole) = both(env, source, scope);
    let Some((value, fuel)) = quick else { return false };
    let (expected, least) = whole.unwrap_or_else(|| panic!("{source} has no value"));
    assert_eq!(value, expected, "{source}");
    // Names alone cost nothing.
    assert!(fuel == 0 || fuel >= least, "{source}: {fuel} of {least}");
    true
}

#[test]
fn the_usual_forms_have_the_value_that_minijinja_gives() {
    let (mut env, scope) = (Env::new(), names());
    for source in [
        "{{ r.s }}",
        "{{ r.nest.deep.x }}",
        "{{ r['s'] }}",
        "{{ r.list[0] ~ r.list[-1] }}",
        "{{ r.list[:-1] }}",
        "{{ r.list[1:] | list }}",
        "{{ r.list[-2:5] | list if r.z else r.list[-20:20] }}",
        "{{ r.list[4:1] }}",
        "{{ r.none[:-1] if r.none else r.people[:-1] }}",
        "{{ [r.s, 'x', 1, none, r.z] }}",
        "{{ not r.e }}",
        "{{ r.e or r.z or 'x' }}",
        "{{ r.e and r.n }}",
        "{{ r.n >= 7 and r.m < 0 and r.f != 2 and r.n == 7.0 }}",
        "{{ r.s < 'Z' }}",
        "{{ r.n < 'a' }}",
        "{{ r.list == ['a'] }}",
        "{{ r.n in [1, 7] }}",
        "{{ 'B' in r.list }}",
        "{{ 'c' not in r.list and 'two' in r.s }}",
        "{{ 'w3' in r.many and 'v' not in r.many }}",
        "{{ 'a' ~ r.s ~ r.e }}",
        "{{ 'yes' if r.t else 'no' }}",
        "{{ r.s | trim }}",
        "{{ r.e | trim }}",
        "{{ (r.s ~ ' ') | trim }}",
        "{{ r.s | words }}",
        "{{ r.long | words <= 40 }}",
        "{{ r.s | length }}",
        "{{ r | length ~ '' if r.e else r.list | length }}",
        "{{ r.s | lines }}",
        "{{ r.s | split }}",
        "{{ r.s | split('o') | join('0') }}",
        "{{ r.s | split | join(' ') }}",
        "{{ r.list | join }}",
        "{{ r.list | first }}",
        "{{ r.list | list }}",
        "{{ r.list | reject('eq', 'é') | unique }}",
        "{{ r.list | unique(case_sensitive=true) | list }}",
        "{{ r.many | unique | list }}",
        "{{ r.many | unique(case_sensitive=true) | length }}",
        "{{ [r.z, 'a'] | chain(r.list) | unique(case_sensitive=true) | list }}",
        "{{ r.list | select('in', r.many | chain(['a'])) | list }}",
        "{{ r.list | select('in', 'a b' | split) | list }}",
        "{{ r.many | reject('in', r.long | split) | list }}",
        "{{ r.mixed | select }}",
        "{{ r.mixed | select('ne', 1) | list }}",
        "{{ people | map(attribute='name') | list }}",
        "{{ people | selectattr('body') | rejectattr('name', 'in', ['Bob']) }}",
        "{{ people | selectattr('role', 'eq', 'user') | map(attribute='body') | join(' ') }}",
        "{{ people | consecutive('role') }}",
        "{{ (people | consecutive('role'))[0].key }}",
        "{{ (people | consecutive('role'))[1]['items'] | length }}",
        "{{ people[0].body | trim | matches('^hi') }}",
        "{{ not people[2].body | trim | matches('^(' ~ 'a' ~ ')$') }}",
        "{{ r.s | findall('[a-z]+') }}",
        "{{ r.long | findall('w(or)d') }}",
        "{{ 'a b' | split | join(',') }}",
        "{{ odd[0].key }}",
        "text {{ r.n }} {{ r.f }} {{ r.t }} {{ r.z }} {{ r.s }}",
        "{% if r.e %}a{% elif r.n > 1 %}b{% else %}c{% endif %} {{ 'x' if r.e }}.",
        "{% set y = r.list | length %}{{ y }} {% set y = 1 %}{{ y }}",
        "{% for p in people if p.body %}{{ loop.index }}/{{ loop.length }}: {{ p.name }}\n{% endfor %}",
        "{% for p in people %}{% set x = p.name %}{{ x }}{{ loop.first }}{{ loop.last }}{{ loop.index0 }}{% endfor %}{{ x }}",
        "{% for p in r.none %}{{ p }}{% else %}none{% endfor %}",
        "{% for p in people %}{% for q in r.list %}{{ loop.index }}{% if q == p.name %}!{% endif %}{% endfor %}{{ loop.index }}{% endfor %}",
        "{% filter trim %}  {{ r.s }}\n {% endfilter %}|{% filter trim %} \n {% endfilter %}",
        "{#- a comment -#}\n{{ r.s -}}\n\n x",
    ] {
        assert!(agree(&mut env, source, &scope), "{source} is left to minijinja");
        let (Some((_, fuel)), Some((_, least))) = both(&mut env, source, &scope) else { continue };
        assert!(fuel <= 3 * least + 20, "{source}: {fuel} of {least}");
    }
}

#[test]
fn what_minijinja_cannot_compare_is_left_to_it() {
    let (mut env, scope) = (Env::new(), names());
    let source = "{{ (r.n | chain(r)) < (r.e | chain(r.n)) }}";
    assert_eq!(both(&mut env, source, &scope), (None, None));
}

#[test]
fn what_is_wrong_or_not_known_is_left_to_minijinja() {
    let (mut env, scope) = (Env::new(), names());
    for source in [
        "{{ nope }}",
        "{{ r.nope }}",
        "{{ r.s.x }}",
        "{{ r.list[99] }}",
        "{{ r.none | first }}",
        "{{ r.n | trim }}",
        "{{ r.z | words }}",
        "{{ people | map(attribute='nope') | list }}",
        "{{ r.mixed | map(attribute='x') | list }}",
        "{{ r.n in 5 }}",
        "{{ r.s | matches('(') }}",
        "{{ 'x' if r.e }}",
        "{{ 'a' ~ r.n }}",
        "{{ safe | trim }}",
        "{{ r.list | sort }}",
        "{{ r.list | unique }}",
        "{{ r.s | upper }}",
        "{{ range(3) }}",
        "{{ loop.index }}",
        "{{ people | consecutive('nope') }}",
        "{{ r.long | join(r.long) }}",
        "{{ render('nothing.j2') }}",
        "{% for a, b in people %}{% endfor %}",
        "{% for x in r.s %}{{ x }}{% endfor %}",
        "{% macro m() %}{% endmacro %}{{ m() }}",
        "{{ r.list }}, as a text",
    ] {
        assert_eq!(both(&mut env, source, &scope).0, None, "{source}");
    }
}

#[test]
fn too_much_work_is_not_done_here_either() {
    let (mut env, scope) = (Env::new(), names());
    let all = "{% for a in r.many %}".repeat(5) + "x" + &"{% endfor %}".repeat(5);
    assert_eq!(both(&mut env, &all, &scope), (None, None));
}

fn one_of(words: &'static str) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words.split_whitespace().collect::<Vec<_>>())
}

fn expressions() -> impl Strategy<Value = String> {
    let names = one_of(
        "r people odd x safe nope r.s r.e r.n r.m r.f r.z r.t r.long r.list r.mixed r.none r.many \
         r.nest people[0].name people[1].body people[2].k people[3].k 0 1 7 -2 'a' '' 'wo' 'Ann' \
         none true",
    );
    names.prop_map(String::from).prop_recursive(4, 24, 3, |inner| {
        let filters = one_of(
            "trim words length lines split first list join join('-') split('a') unique \
             unique(case_sensitive=true) map(attribute='name') map(attribute='k') select reject \
             selectattr('body') selectattr('k') rejectattr('k','eq',1) consecutive('role') \
             consecutive('k') matches('[a-c]+') findall('[a-z](.)?') upper sort",
        );
        let (from, to) = (one_of("0 1 2 -1 -3"), one_of("0 1 3 -1 -2"));
        let (from, to) = (prop::option::of(from), prop::option::of(to));
        let operators = one_of("and or ~ == != < <= > >= in");
        let (chosen, tests) = (one_of("select reject"), one_of("in eq ne"));
        prop_oneof![
            3 => (inner.clone(), filters).prop_map(|(of, filter)| format!("({of} | {filter})")),
            2 => (inner.clone(), operators, inner.clone())
                .prop_map(|(one, op, other)| format!("({one} {op} {other})")),
            1 => (inner.clone(), chosen, tests, inner.clone())
                .prop_map(|(of, name, test, by)| format!("({of} | {name}('{test}', {by}))")),
            1 => (inner.clone(), inner.clone())
                .prop_map(|(one, other)| format!("({one} | chain({other}))")),
            1 => (inner.clone(), from, to).prop_map(|(of, from, to)| {
                format!("{of}[{}:{}]", from.unwrap_or_default(), to.unwrap_or_default())
            }),
            1 => (inner.clone(), inner.clone())
                .prop_map(|(one, other)| format!("(not {one} or {one} not in {other})")),
            1 => prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(one, test, other)| format!("({one} if {test} else {other})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_has_a_value_here_has_the_same_from_minijinja(expression in expressions()) {
        let (mut env, scope) = (Env::new(), names());
        agree(&mut env, &format!("{{{{ {expression} }}}}"), &scope);
        agree(&mut env, &format!("{{% for y in {expression} %}}<{{{{ y }}}}>{{% endfor %}}."), &scope);
    }
}

#[test]
fn the_shipped_templates_need_no_machine() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/apache-jira.yaml");
    let mut loaded = crate::spec::load(&spec, &[]).unwrap();
    let mut found = crate::spec::Diagnostics::default();
    let params = crate::spec::ParamValues::stand_ins();
    let plan = crate::plan::compile(&mut loaded, &params, &mut found).unwrap();
    let tasks = plan.tasks.iter().flat_map(|task| {
        let nodes = task.bindings.iter().map(|(_, node)| node).chain([&task.example]);
        let nodes = nodes.flat_map(Node::templates).map(|(template, _)| template);
        nodes.chain(&task.when)
    });
    let sinks = plan.sinks.iter().filter_map(|sink| sink.template.as_ref());
    let all = tasks.chain(sinks.flat_map(Node::templates).map(|(template, _)| template));
    let slow: Vec<&str> = all
        .filter(|template| template.as_constant().is_none() && template.quick.is_none())
        .map(Template::source)
        .collect();
    assert_eq!(slow, [""; 0]);
    let folder = spec.with_file_name("../templates");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "j2" || e == "txt") {
            let source = std::fs::read_to_string(&file).unwrap();
            let syntax = plan.env.inner.syntax().clone();
            let quick = Quick::parse(&source, "x", syntax, &quick::Files::default());
            assert!(quick.is_some(), "{}", file.display());
        }
    }
}
