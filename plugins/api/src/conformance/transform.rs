//! The suite for transforms.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use serde_json::{Map, Value, json};

use super::report::{panic_text, shown};
use super::{Report, plugin};
use crate::{Constructor, Kind, Scope, Transform, Verdict};

/// Checks that a transform is a pure function that no value brings down.
///
/// ```no_run
/// use scrape_api::conformance::TransformSuite;
/// use scrape_api::serde_json::json;
///
/// TransformSuite::registered("shorten", json!({ "length": 100 }))
///     .with([json!("a text of the kind that it is made for")])
///     .check();
/// ```
pub struct TransformSuite {
    subject: String,
    make: Box<dyn Fn() -> Box<dyn Transform>>,
    samples: Vec<Value>,
}

/// What a transform made of a value.
type Outcome = (Value, Result<Verdict, String>);

impl TransformSuite {
    /// A suite over transforms that `make` gives.
    pub fn of<T: Transform + 'static>(make: impl Fn() -> T + 'static) -> Self {
        Self::boxed("the transform".to_owned(), Box::new(move || Box::new(make())))
    }

    /// A suite over a transform as a spec makes it: by its name, with these
    /// options.
    ///
    /// # Panics
    /// When no transform of that name is linked into the test, or it refuses the
    /// options.
    pub fn registered(name: &str, options: Value) -> Self {
        let found = plugin::find(Kind::Transform, name);
        let Constructor::Transform(make) = found.constructor else {
            plugin::wrong_kind(found.constructor)
        };
        plugin::made(make(options.clone()), name, &options);
        let name = name.to_owned();
        Self::boxed(
            format!("the transform `{name}`"),
            Box::new(move || plugin::made(make(options.clone()), &name, &options)),
        )
    }

    fn boxed(subject: String, make: Box<dyn Fn() -> Box<dyn Transform>>) -> Self {
        Self { subject, make, samples: Vec::new() }
    }

    /// More values to try it on, besides the suite's own.
    #[must_use]
    pub fn with(mut self, samples: impl IntoIterator<Item = Value>) -> Self {
        self.samples.extend(samples);
        self
    }

    /// Makes all checks.
    ///
    /// # Panics
    /// When one fails, with all that failed.
    #[track_caller]
    pub fn check(&self) {
        self.report().expect_sound();
    }

    /// Makes all checks.
    pub fn report(&self) -> Report {
        let mut report = Report::new(self.subject.clone());
        let transform = (self.make)();
        let mut samples = match transform.scope() {
            Scope::Value => nasty_values(),
            Scope::Record => nasty_records(),
        };
        samples.extend(self.samples.iter().cloned());
        report.add(
            "no_value_makes_it_panic",
            "`Transform::apply`: it does not panic, whatever comes",
            never_panics(&*transform, &samples),
        );
        // What panics says nothing about the rest.
        if !report.failures.is_empty() {
            return report;
        }
        report.add(
            "same_input_same_output",
            "`Transform`: the same input gives the same output, on any thread, in any order",
            is_pure(&*transform, &*(self.make)(), &samples),
        );
        report.add(
            "other_values_are_left_alone",
            "`Transform::apply`: values of a type that it does not handle are left as they are",
            leaves_others(&*transform),
        );
        report.add(
            "reasons_are_words",
            "`Verdict::Drop`: the reason is a fixed word such as `too_short`",
            reasons_are_words(&*transform, &samples),
        );
        report
    }
}

fn apply(transform: &dyn Transform, sample: &Value) -> Outcome {
    let mut item = sample.clone();
    let verdict = transform.apply(&mut item).map_err(|e| e.to_string());
    (item, verdict)
}

fn never_panics(transform: &dyn Transform, samples: &[Value]) -> Result<(), String> {
    samples.iter().try_for_each(|sample| {
        catch_unwind(AssertUnwindSafe(|| apply(transform, sample))).map(|_| ()).map_err(|payload| {
            format!("{} made it panic: {}", shown(&sample.to_string()), panic_text(&*payload))
        })
    })
}

fn is_pure(one: &dyn Transform, other: &dyn Transform, samples: &[Value]) -> Result<(), String> {
    let expected: Vec<Outcome> = samples.iter().map(|sample| apply(one, sample)).collect();
    let compare = |found: &Outcome, n: usize, how: &str| {
        if *found == expected[n] {
            return Ok(());
        }
        let (sample, found, first) =
            (shown(&samples[n].to_string()), shown(found), shown(&expected[n]));
        Err(format!("of {sample} it made {first} at first and {found} {how}"))
    };
    for n in (0..samples.len()).rev() {
        compare(&apply(one, &samples[n]), n, "in another order")?;
        compare(&apply(other, &samples[n]), n, "in another instance")?;
    }
    thread::scope(|scope| {
        let work = || {
            (0..samples.len())
                .try_for_each(|n| compare(&apply(one, &samples[n]), n, "beside other threads"))
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|p| Err(panic_text(&*p))))
    })
}

/// A transform of values is given texts; what else may come is not its business.
fn leaves_others(transform: &dyn Transform) -> Result<(), String> {
    if transform.scope() != Scope::Value {
        return Ok(());
    }
    for sample in [json!(null), json!(true), json!(3), json!(-0.5), json!([]), json!({})] {
        let (found, _) = apply(transform, &sample);
        if found != sample {
            return Err(format!("it made {found} of {sample}"));
        }
    }
    Ok(())
}

fn reasons_are_words(transform: &dyn Transform, samples: &[Value]) -> Result<(), String> {
    for sample in samples {
        if let (_, Ok(Verdict::Drop(reason))) = apply(transform, sample)
            && !(reason.starts_with(|c: char| c.is_ascii_lowercase())
                && reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        {
            return Err(format!("the reason is {reason:?}"));
        }
    }
    Ok(())
}

fn nasty_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\n",
        "\r\n\r",
        "\t",
        "a",
        "{",
        "}",
        "{}",
        "[",
        "]]",
        "((",
        "*",
        "_",
        "~",
        "`",
        "```",
        "|",
        "||",
        "<",
        "<a",
        "&amp;",
        "&#",
        "\\",
        "\"",
        "'",
        "%",
        "$&",
        "=1",
        "---",
        "#",
        "@",
        "a@b",
        "@@@",
        "http://",
        "\u{0}",
        "\u{1b}[0m",
        "\u{feff}",
        "\u{200b}",
        "\u{202e}",
        "\u{2028}",
        "\u{301}",
        "e\u{301}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{1f468}\u{200d}\u{1f469}",
        "ß",
        "İ",
        "ǅ",
        "規模",
        "حجم",
        "{code}",
        "{{x}}",
        "{% x %}",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in ["a", " ", "\n", "(", "[", "{", "*", "a@", "é", "\u{1f40b}", "<b>", "\\"] {
        texts.push(part.repeat(20_000));
    }
    texts.push("a long text. ".repeat(100_000));
    texts
}

fn nasty_values() -> Vec<Value> {
    let texts = nasty_texts();
    let mut values: Vec<Value> = texts.iter().map(|text| Value::from(text.as_str())).collect();
    values.extend([
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!([]),
        json!({}),
        json!(["a", 1, null]),
        json!({ "": "", "a\nb": { "c": [] } }),
    ]);
    values.push((0..100).fold(json!("deep"), |inner, _| json!([inner])));
    values
}

/// Records whose fields are of any type, or missing.
fn nasty_records() -> Vec<Value> {
    let mut records = vec![json!({})];
    for value in nasty_values() {
        let names = ["id", "key", "title", "body", "created", "labels", "comments", ""];
        let fields = names.iter().map(|name| ((*name).to_owned(), value.clone()));
        records.push(Value::Object(fields.collect::<Map<_, _>>()));
    }
    records
}
