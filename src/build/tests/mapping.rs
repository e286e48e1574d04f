//! From raw records to rows: values, rejects, warnings.

use scrape_api::{JsonSchema, OptionsError, Scope, Transform, Verdict, register_transform};
use serde_json::{Value, json};

use super::harness::{Shop, plan};

const RECORDS: &str = "sinks: { out: { type: jsonl, from: records, path: out.jsonl } }\n";

/// Builds one record through a map and gives its line.
fn mapped(map: &str, record: &str) -> Value {
    let plan = plan(&format!("{RECORDS}map: {map}"));
    let mut shop = Shop::new();
    shop.put("A", &[record.to_owned()], &[]);
    shop.build(&plan);
    shop.lines("out.jsonl").pop().unwrap_or_else(|| panic!("{}", shop.text("rejected.jsonl")))
}

#[test]
fn every_line_has_every_key_in_the_order_of_the_map() {
    let map = "{ z: $.z, title: { path: $.fields.summary, type: string }, \
               labels: '$.fields.labels[*]', tags: { path: $.tags, type: list }, \
               links: { each: '$.links[*]', map: { b: $.b, a: $.a } }, \
               kind: { const: issue }, body: { path: $.fields.body, default: '' } }";
    let full = json!({
        "id": "1", "key": "A-1", "z": 1.5, "tags": "one",
        "fields": { "summary": "t", "labels": ["x", "y"], "body": "text" },
        "links": [{ "a": 1 }, null, { "b": 2, "a": null }]
    });
    assert_eq!(
        mapped(map, &full.to_string()).to_string(),
        r#"{"z":1.5,"title":"t","labels":["x","y"],"tags":["one"],"links":[{"b":null,"a":1},{"b":2,"a":null}],"kind":"issue","body":"text"}"#
    );
    for empty in [
        json!({ "id": "1", "key": "A-1" }),
        json!({ "id": "1", "key": "A-1", "fields": null, "links": null, "z": null }),
        json!({ "id": "1", "key": "A-1", "fields": { "labels": [] }, "links": [], "tags": [] }),
    ] {
        assert_eq!(
            mapped(map, &empty.to_string()).to_string(),
            r#"{"z":null,"title":null,"labels":[],"tags":[],"links":[],"kind":"issue","body":""}"#,
            "{empty}"
        );
    }
}

#[test]
fn values_come_from_the_first_path_that_has_one_and_from_templates() {
    let map = "{ who: { coalesce: [$.assignee.name, $.reporter.name, $.nobody] }, \
               all: { coalesce: ['$.none[*]', '$.empty[*]', '$.full[*]'] }, \
               url: { value: 'https://x/{{ project }}/{{ record.key }}' }, \
               sum: { value: '{{ record.full | length }}', type: string }, \
               named: { path: '$.full[?@ != \"a\"]' }, \
               items: { each: '$.list[?@.on]', map: { n: $.n, up: { value: '{{ item.n }}/{{ record.key }}' } } } }";
    let record = json!({
        "id": "1", "key": "A-1", "assignee": null, "reporter": { "name": "R" },
        "empty": [], "full": ["a", "b"], "list": [{ "n": 1 }, { "n": 2, "on": true }]
    });
    assert_eq!(
        mapped(map, &record.to_string()),
        json!({
            "who": "R", "all": ["a", "b"], "url": "https://x/A/A-1", "sum": "2",
            "named": ["b"], "items": [{ "n": 2, "up": "2/A-1" }]
        })
    );
}

#[test]
fn numbers_keep_their_text_where_text_is_asked_for() {
    let map = "{ version: { path: $.v, type: string }, raw: $.v, \
               versions: { path: '$.vs[*].name', type: string }, at: { path: $.at, type: datetime } }";
    let record = r#"{"id":"1","key":"A-1","v":1.10,"vs":[{"name":3.0},{"name":"3.10"}],"at":"2023-11-07T06:52:16.650+0100"}"#;
    assert_eq!(
        mapped(map, record),
        json!({ "version": "1.10", "raw": 1.1, "versions": ["3.0", "3.10"], "at": "2023-11-07T05:52:16.650Z" })
    );
}

#[test]
fn what_does_not_fit_costs_only_its_record() {
    let deep =
        format!(r#"{{"id":"4","key":"A-4","t":"d","x":{}1{}}}"#, "[".repeat(300), "]".repeat(300));
    let records = [
        r#"{"id":"1","key":"A-1","t":"fine"}"#.to_owned(),
        r#"{"id":"2","key":"A-2","t":null}"#.to_owned(),
        r#"{"id":"3","key":"A-3","t":"c","list":[{"n":1},{"n":"many"}]}"#.to_owned(),
        deep.clone(),
        r#"{"id":"5","key":"A-5","t":"e","when":["x"]}"#.to_owned(),
    ];
    let map = "{ t: { path: $.t, required: true }, x: $.x, \
               list: { each: '$.list[*]', map: { n: { path: $.n, type: int } } }, \
               when: { path: '$.when[*]', type: date } }";
    let plan = plan(&format!("{RECORDS}map: {map}"));
    let mut shop = Shop::new();
    shop.put("A", &records, &[]);
    let report = shop.build(&plan);
    assert_eq!(shop.lines("out.jsonl").len(), 1);
    let rejected: Vec<_> = shop
        .lines("rejected.jsonl")
        .iter()
        .map(|r| ["key", "stage", "reason", "pointer", "raw"].map(|k| r[k].clone()))
        .collect();
    assert_eq!(
        json!(rejected),
        json!([
            ["2", "map", "missing_required", "/t", records[1]],
            ["3", "map", "wrong_type", "/list/1/n", records[2]],
            ["4", "map", "too_deep", "/x", deep],
            ["5", "map", "wrong_type", "/when/0", records[4]],
        ])
    );
    let message = shop.lines("rejected.jsonl")[1]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "the field `n` is not a whole number: \"many\"");
    assert_eq!(
        json!(report.counts.rejects),
        json!({ "map": { "missing_required": 1, "too_deep": 1, "wrong_type": 2 } })
    );
}

#[test]
fn depth_that_nobody_asks_for_is_no_error() {
    let record =
        format!(r#"{{"id":"1","key":"A-1","x":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(mapped("{ key: $.key }", &record), json!({ "key": "A-1" }));
}

#[test]
fn bytes_that_are_no_json_are_kept_as_they_are() {
    let plan = plan(
        "sinks: { out: { type: jsonl, from: records, path: out.jsonl }, raw: { type: jsonl, from: raw, path: raw.jsonl } }\n\
         map: { key: $.key }",
    );
    let mut shop = Shop::new();
    shop.put("A", &[r#"{"id":"1","key":"A-1"} x"#.to_owned()], &[]);
    let report = shop.build(&plan);
    let line = &shop.lines("rejected.jsonl")[0];
    assert_eq!(
        (&line["reason"], &line["raw"]),
        (&json!("bad_json"), &json!(r#"{"id":"1","key":"A-1"} x"#))
    );
    assert_eq!(shop.text("raw.jsonl"), "", "no line that cannot be read");
    assert_eq!(report.counts.streams["issues"].rejected, 1);
}

struct Shout;

impl Transform for Shout {
    fn scope(&self) -> Scope {
        Scope::Value
    }
    fn apply(&self, item: &mut Value) -> scrape_api::Result<Verdict> {
        let text = item.as_str().unwrap_or_default();
        match text {
            "spam" => Ok(Verdict::Drop("spam")),
            "bad" => Err(scrape_api::Error::msg("it is bad")),
            "panic" => panic!("on purpose"),
            _ => {
                *item = text.to_uppercase().into();
                Ok(Verdict::Keep)
            }
        }
    }
}

struct Short;

impl Transform for Short {
    fn scope(&self) -> Scope {
        Scope::Record
    }
    fn apply(&self, item: &mut Value) -> scrape_api::Result<Verdict> {
        item["seen"] = true.into();
        Ok(if item["t"] == "" { Verdict::Drop("too_short") } else { Verdict::Keep })
    }
}

#[derive(serde::Deserialize, JsonSchema)]
#[schemars(crate = "scrape_api::schemars")]
struct NoOptions {}

register_transform! {
    name: "test_shout",
    summary: "for tests",
    config: NoOptions,
    example: "",
    new: |_: NoOptions| Ok::<_, OptionsError>(Shout),
}

register_transform! {
    name: "test_short",
    summary: "for tests",
    config: NoOptions,
    example: "",
    new: |_: NoOptions| Ok::<_, OptionsError>(Short),
}

#[test]
fn transforms_change_drop_and_reject() {
    let plan = plan(
        "map: { t: { path: $.t, transform: test_shout }, list: { path: $.list, transform: [test_shout] }, \
                later: { path: '$.later[*]' }, keep: $.keep }\n\
         transforms: [{ type: test_shout, fields: ['$.later[*].x'] }, { type: test_short }]\n\
         sinks: { out: { type: jsonl, from: records, path: out.jsonl } }",
    );
    let record = |n: u32, t: &str| json!({ "id": n.to_string(), "key": format!("A-{n}"), "t": t });
    let mut full = record(1, "one");
    full["list"] = json!(["a", { "b": ["c"] }, 7]);
    full["later"] = json!([{ "x": "y", "z": "z" }]);
    full["keep"] = json!("k");
    let records = [
        full,
        record(2, "spam"),
        record(3, "bad"),
        record(4, "panic"),
        record(5, ""),
        record(6, "z"),
    ];
    let mut shop = Shop::with(&records);
    let report = shop.build(&plan);
    let lines = shop.lines("out.jsonl");
    assert_eq!(
        lines[0],
        json!({
            "t": "ONE", "list": ["A", { "b": ["C"] }, 7], "later": [{ "x": "Y", "z": "z" }],
            "keep": "k", "seen": true
        })
    );
    assert_eq!(lines.len(), 2);
    let counts = &report.counts;
    assert_eq!(
        json!(counts.transforms),
        json!({ "test_shout": { "dropped": { "spam": 1 } }, "test_short": { "dropped": { "too_short": 1 } } })
    );
    assert_eq!(
        json!(counts.rejects),
        json!({ "transform": { "panicked": 1, "transform_failed": 1 } })
    );
    let stream = counts.streams["issues"];
    assert_eq!((stream.read, stream.mapped, stream.dropped, stream.rejected), (6, 2, 2, 2));
    let failed = &shop.lines("rejected.jsonl")[0];
    assert_eq!(failed["pointer"], "/t");
    assert_eq!(failed["message"], "the field `t`: the transform test_shout failed: it is bad");
}

#[test]
fn a_path_that_finds_nothing_is_told_with_the_nearest() {
    let plan = plan(&format!(
        "{RECORDS}map: {{ title: $.fields.sumary, gone: $.fields.zzz, ok: $.fields.summary, \
         parent: $.fields.assignee.name, empty: '$.fields.labels[*]', \
         links: {{ each: '$.fields.links[*]', map: {{ t: $.typ }} }} }}"
    ));
    let record = |n: usize| {
        json!({
            "id": n.to_string(), "key": format!("A-{n}"),
            "fields": { "summary": "s", "assignee": null, "labels": [], "links": [{ "type": 1 }] }
        })
    };
    let told = |records: &[Value]| -> Vec<(String, Option<String>)> {
        let warnings = Shop::with(records).build(&plan).warnings;
        warnings.into_iter().map(|w| (w.message, w.hint)).collect()
    };
    let few: Vec<Value> = (1..=10).map(record).collect();
    let hint = |path: &str| Some(path.to_owned());
    assert_eq!(
        told(&few),
        [(
            "the field `title` finds nothing in the first 10 records".into(),
            hint("$.fields.summary")
        )],
        "of few records only slips are told"
    );
    let mut many: Vec<Value> = (1..=150).map(record).collect();
    many[120]["fields"]["zzz"] = json!("too late");
    assert_eq!(
        told(&many),
        [
            (
                "the field `title` finds nothing in the first 100 records".into(),
                hint("$.fields.summary")
            ),
            ("the field `gone` finds nothing in the first 100 records".into(), None),
            ("the field `links.t` finds nothing in the first 100 items".into(), hint("$.type")),
        ]
    );
}
