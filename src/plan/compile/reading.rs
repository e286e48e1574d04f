//! A fingerprint of what decides which records there are, and what is made of them
//! before tasks and sinks' templates see them.

use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use super::texts::leads_to_texts;
use crate::spec::{Data, Loaded, Sources, Yaml};

/// The fingerprint of a spec without its tasks and the templates of its sinks: what is
/// written, and where the maps and transforms stand, as messages tell of their places.
/// `None` where something in it renders texts of other files.
pub(super) fn fingerprint(loaded: &Loaded, params: &Map<String, Value>) -> Option<u64> {
    let sources = &loaded.sources;
    let mut print = Fingerprint { hash: Xxh3::new(), sources, places: false, texts: false };
    print.word(&Value::Object(params.clone()).to_string());
    for (key, section) in loaded.root.entries() {
        match key.text.as_str() {
            "tasks" => {}
            "sinks" => {
                print.places = false;
                for (name, sink) in section.entries() {
                    print.word(&name.text);
                    print.entries(sink, "template");
                }
            }
            name => {
                print.word(name);
                print.places = matches!(name, "streams" | "transforms");
                print.node(section);
            }
        }
    }
    (!print.texts).then(|| print.hash.digest())
}

struct Fingerprint<'s> {
    hash: Xxh3,
    sources: &'s Sources,
    /// Whether the places of what is read now count.
    places: bool,
    /// Whether anything renders texts.
    texts: bool,
}

impl Fingerprint<'_> {
    fn number(&mut self, number: usize) {
        self.hash.update(&(number as u64).to_le_bytes());
    }

    fn word(&mut self, text: &str) {
        self.number(text.len());
        self.hash.update(text.as_bytes());
    }

    /// The entries of a map but for one key.
    fn entries(&mut self, node: &Yaml, without: &str) {
        self.place(node);
        for (key, value) in node.entries().iter().filter(|(key, _)| key.text != without) {
            self.word(&key.text);
            self.node(value);
        }
    }

    fn node(&mut self, node: &Yaml) {
        self.place(node);
        match &node.data {
            Data::Map(entries) => {
                self.number(entries.len());
                self.entries(node, "");
            }
            Data::List(items) => {
                self.number(items.len());
                items.iter().for_each(|item| self.node(item));
            }
            Data::Scalar(scalar) => {
                self.word(&format!("{:?}", scalar.style));
                self.word(&scalar.text);
                self.texts |= leads_to_texts(&scalar.text);
            }
            Data::Broken => {}
        }
    }

    fn place(&mut self, node: &Yaml) {
        if !self.places {
            return;
        }
        for part in [node.span.file, node.span.start, node.span.end, node.name.start] {
            self.hash.update(&part.to_le_bytes());
        }
        if let Some((path, line, column)) = self.sources.locate(node.span) {
            self.word(&path.to_string_lossy());
            self.number(line);
            self.number(column);
        }
    }
}
