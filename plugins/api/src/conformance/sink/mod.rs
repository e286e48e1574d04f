//! The suite for sinks.

mod bench;
mod call;
mod common;
mod kill;
mod replace;
mod samples;
mod stream;
mod upsert;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde_json::{Value, json};

use self::bench::Bench;
pub use self::call::{Call, End};
use super::report::panic_text;
use super::scratch::Scratch;
use super::{Report, plugin};
use crate::{Constructor, Delivery, Kind, Row, Sink};

type Make = Box<dyn Fn(&Path) -> Box<dyn Sink>>;
type ReadBack = Box<dyn Fn(&Path) -> Vec<Value>>;
type Keeps = Box<dyn Fn(&Row) -> Value>;
type Shape = Box<dyn Fn(&str, &str) -> Value>;

/// Checks that a sink does what its [`Delivery`] promises.
///
/// For a sink that replaces files this is all that is needed:
///
/// ```no_run
/// use scrape_api::conformance::SinkSuite;
/// use scrape_api::serde_json::json;
///
/// SinkSuite::registered("lines", json!({ "path": "rows.txt" })).check();
/// ```
///
/// With [`SinkSuite::read_back`] it also checks that what went in can be read
/// again. For [`Delivery::Upsert`] and [`Delivery::Stream`] that is the only way to
/// see anything, so it has to be given.
///
/// Each check works in an empty folder of its own below the system's folder for
/// temporary files. Nothing outside of it is touched but by the sink.
///
/// To kill a sink between two calls, the suite calls the test's own program again, for
/// the same test: what the test does before the suite is done there once more.
pub struct SinkSuite {
    subject: String,
    make: Make,
    read_back: Option<ReadBack>,
    keeps: Keeps,
    shape: Shape,
}

impl SinkSuite {
    /// A suite over sinks that `make` gives, anew for each life. The path is the
    /// output directory of the check; most have no use for it before `open`.
    pub fn of<S: Sink + 'static>(make: impl Fn(&Path) -> S + 'static) -> Self {
        Self::boxed("the sink".to_owned(), Box::new(move |dir| Box::new(make(dir))))
    }

    /// A suite over a sink as a spec makes it: by its name, with these options.
    ///
    /// # Panics
    /// When no sink of that name is linked into the test, or it refuses the
    /// options.
    pub fn registered(name: &str, options: Value) -> Self {
        let found = plugin::find(Kind::Sink, name);
        let Constructor::Sink(make) = found.constructor else {
            plugin::wrong_kind(found.constructor)
        };
        plugin::made(make(options.clone()), name, &options);
        let name = name.to_owned();
        Self::boxed(
            format!("the sink `{name}`"),
            Box::new(move |_| plugin::made(make(options.clone()), &name, &options)),
        )
    }

    fn boxed(subject: String, make: Make) -> Self {
        Self {
            subject,
            make,
            read_back: None,
            keeps: Box::new(|row| row.value().unwrap_or(Value::Null)),
            shape: Box::new(|id, text| json!({ "id": id, "text": text })),
        }
    }

    /// How to read what a sink has put into an output directory, row by row: one
    /// value for each, in order where the sink keeps an order. A sink that sends
    /// its rows elsewhere gives all that ever arrived.
    #[must_use]
    pub fn read_back(mut self, read: impl Fn(&Path) -> Vec<Value> + 'static) -> Self {
        self.read_back = Some(Box::new(read));
        self
    }

    /// What of a row can be read back, where that is not the whole row: the columns
    /// of a table, the text of a document.
    #[must_use]
    pub fn keeping(mut self, keeps: impl Fn(&Row) -> Value + 'static) -> Self {
        self.keeps = Box::new(keeps);
        self
    }

    /// The shape of the rows that the suite writes, for a sink that needs certain
    /// fields; made of an id and a text. Without it: `{ "id": …, "text": … }`.
    #[must_use]
    pub fn rows(mut self, shape: impl Fn(&str, &str) -> Value + 'static) -> Self {
        self.shape = Box::new(shape);
        self
    }

    /// The checks that are made of a sink that declares this, in order: their names
    /// and what the contract says.
    ///
    /// ```
    /// use scrape_api::{Delivery, conformance::SinkSuite};
    ///
    /// for (name, contract) in SinkSuite::checks(Delivery::Replace) {
    ///     println!("{name}: {contract}");
    /// }
    /// ```
    pub fn checks(delivery: Delivery) -> Vec<(&'static str, &'static str)> {
        checks(delivery).map(|check| (check.name, check.says)).collect()
    }

    /// Makes all checks, for what the sink declares.
    ///
    /// # Panics
    /// When one fails, with all that failed; when rows can only be seen with
    /// [`SinkSuite::read_back`] and that was not given.
    #[track_caller]
    pub fn check(&self) {
        self.report().expect_sound();
    }

    /// Makes all checks.
    ///
    /// # Panics
    /// When rows can only be seen with [`SinkSuite::read_back`] and that was not
    /// given.
    pub fn report(&self) -> Report {
        let number = kill::count_suite();
        if kill::is_played() {
            kill::play_script(number, &*self.make);
            return Report::new(self.subject.clone());
        }
        let bench = Bench { suite: self, number };
        let sink = (self.make)(Path::new(""));
        let delivery = sink.delivery();
        let blind = delivery != Delivery::Replace || sink.files().is_empty();
        assert!(
            self.read_back.is_some() || !blind,
            "{}: nothing can be seen of what it does; give `read_back`",
            self.subject
        );
        let mut report = Report::new(self.subject.clone());
        for check in checks(delivery) {
            let found = catch_unwind(AssertUnwindSafe(|| (check.run)(&bench)))
                .unwrap_or_else(|payload| Err(format!("panicked: {}", panic_text(&*payload))));
            report.add(check.name, check.says, found);
        }
        report
    }

    /// Plays one life of a sink in an output directory: makes it, makes the calls,
    /// ends it. For checks beyond those of the suite; a script is data, so that it
    /// can be cut after any call.
    ///
    /// ```no_run
    /// use scrape_api::conformance::{Call, End, SinkSuite};
    /// # fn dir() -> std::path::PathBuf { unimplemented!() }
    ///
    /// let suite = SinkSuite::registered("lines", scrape_api::serde_json::json!({}));
    /// let script = [Call::Open, Call::Write(vec![suite.row(1, "a text")]), Call::Finish];
    /// for length in 0..=script.len() {
    ///     suite.play(&dir(), &script[..length], End::Drop).unwrap();
    /// }
    /// ```
    ///
    /// # Errors
    /// When a call fails or panics: which, after which others, and why.
    pub fn play(&self, dir: &Path, calls: &[Call], end: End) -> Result<(), String> {
        call::play((self.make)(dir), dir, calls, end)
    }

    /// One of the suite's rows: its number makes its key, `ROW-1`, and with the
    /// text its value.
    pub fn row(&self, number: u32, text: &str) -> Row {
        let id = format!("ROW-{number}");
        self.row_of(crate::RowKey::new("conformance", id.as_str()), &id, text)
    }

    fn row_of(&self, key: crate::RowKey, id: &str, text: &str) -> Row {
        Row::new(key, (self.shape)(id, text).to_string().into_bytes())
    }
}

/// One check.
struct Check {
    name: &'static str,
    /// What the trait says, and where.
    says: &'static str,
    run: fn(&Bench) -> Result<(), String>,
}

fn checks(delivery: Delivery) -> impl Iterator<Item = &'static Check> {
    let more = match delivery {
        Delivery::Replace => replace::CHECKS,
        Delivery::Upsert => upsert::CHECKS,
        Delivery::Stream => stream::CHECKS,
    };
    common::CHECKS.iter().chain(more)
}
