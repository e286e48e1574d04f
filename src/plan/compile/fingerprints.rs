//! Fingerprints of the parts of a spec, by which a build knows what an earlier one has
//! made already.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use super::texts::all_named_files;
use crate::plan::Fingerprints;
use crate::spec::{Data, Loaded, Sources, Yaml, simplify};

/// The fingerprints of a compiled spec: of what is written and, where messages tell of
/// it, of its places.
pub(super) fn of(loaded: &Loaded, params: &Map<String, Value>) -> Fingerprints {
    let mut reading = Fingerprint::new(&loaded.sources);
    reading.word(&Value::Object(params.clone()).to_string());
    for (key, section) in loaded.root.entries() {
        match key.text.as_str() {
            "tasks" => {}
            "sinks" => {
                reading.places = false;
                for (name, sink) in section.entries() {
                    reading.word(&name.text);
                    reading.entries(sink, "template");
                }
            }
            name => {
                reading.word(name);
                reading.places = matches!(name, "streams" | "transforms");
                reading.node(section);
            }
        }
    }
    let tasks = loaded.root.get("tasks").map_or(&[][..], Yaml::entries).iter();
    let tasks = tasks.filter_map(|(name, task)| {
        let mut print = Fingerprint::new(&loaded.sources);
        print.node(task);
        Some((name.text.clone(), print.done()?))
    });
    Fingerprints { tasks: tasks.collect(), reading: reading.done() }
}

struct Fingerprint<'s> {
    hash: Xxh3,
    sources: &'s Sources,
    /// Whether the places of what is read now count.
    places: bool,
    /// Text templates that count already.
    texts: BTreeSet<PathBuf>,
    /// Whether some text template is known only when it is rendered.
    open: bool,
}

impl<'s> Fingerprint<'s> {
    fn new(sources: &'s Sources) -> Self {
        Self { hash: Xxh3::new(), sources, places: true, texts: BTreeSet::new(), open: false }
    }

    fn done(self) -> Option<u64> {
        (!self.open).then(|| self.hash.digest())
    }

    /// What a template leads to counts as well.
    fn template(&mut self, folder: &Path, text: &str) {
        let Some(names) = all_named_files(text) else {
            self.open = true;
            return;
        };
        for name in names {
            let path = folder.join(name);
            if !self.texts.insert(path.clone()) {
                continue;
            }
            let shown = simplify(&path);
            let source = self.sources.find(&shown).and_then(|file| self.sources.get(file));
            let Some(source) = source else {
                self.open = true;
                return;
            };
            self.word(&shown.to_string_lossy());
            self.word(&source.text);
            self.template(path.parent().unwrap_or(Path::new("")), &source.text);
        }
    }

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
                let folder = self.sources.folder(node.span.file);
                self.template(folder, &scalar.text);
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
