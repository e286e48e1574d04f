//! Texts: what they are made of, where they come from, and what they were before.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minijinja::Value;
use minijinja::syntax::SyntaxConfig;

use super::parse::parse;
use super::tree::Part;
use crate::plan::template::{Name, Scope};

/// How deep texts may lie within one another to be known.
const DEEPEST: u32 = 10;

/// A text above this size is not kept for the next record, which has one of its own, in
/// bytes.
const MOST_KEPT: usize = 64 << 10;

/// Gives the source of a file, by the whole name of it.
pub trait Loader {
    /// None where there is none, or where it is no template.
    fn source(&self, name: &str) -> Option<(String, SyntaxConfig)>;

    /// Where all files are known.
    fn files(&self) -> &Files;
}

/// All files that the templates of an environment may render.
#[derive(Debug, Default)]
pub struct Files(Mutex<BTreeMap<Box<str>, Arc<File>>>);

impl Files {
    /// The file of a name, read when it is needed first.
    pub(super) fn of(&self, name: &str) -> Arc<File> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(name) {
            return file.clone();
        }
        let file = Arc::new(File { name: name.into(), number: files.len(), text: OnceLock::new() });
        files.insert(name.into(), file.clone());
        file
    }
}

/// A file with a text template.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: Box<str>,
    number: usize,
    text: OnceLock<Option<Text>>,
}

impl File {
    /// What is in it; none where that is not known here.
    pub(super) fn text(&self, loader: &dyn Loader) -> Option<&Text> {
        self.text
            .get_or_init(|| {
                let (source, syntax) = loader.source(&self.name)?;
                Text::parse(&source, &self.name, syntax, loader.files())
            })
            .as_ref()
    }
}

/// A text template.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) parts: Vec<Part>,
    own_names: BTreeSet<String>,
    files: Vec<Arc<File>>,
    names: OnceLock<Option<Vec<Name>>>,
}

impl Text {
    pub(super) fn parse(
        source: &str,
        name: &str,
        syntax: SyntaxConfig,
        files: &Files,
    ) -> Option<Self> {
        let parsed = parse(source, name, syntax, files)?;
        let (own_names, files) = (parsed.names, parsed.files);
        Some(Self { parts: parsed.parts, own_names, files, names: OnceLock::new() })
    }

    /// All names that it and the texts in it may look up; none where that is not known.
    pub(super) fn names(&self, loader: &dyn Loader) -> Option<&[Name]> {
        let names = self.names.get_or_init(|| {
            let mut names = BTreeSet::new();
            self.add_names(loader, DEEPEST, &mut names)?;
            Some(names.into_iter().map(|name| Name::from(name.as_str())).collect())
        });
        names.as_deref()
    }

    fn add_names(
        &self,
        loader: &dyn Loader,
        levels: u32,
        names: &mut BTreeSet<String>,
    ) -> Option<()> {
        let levels = levels.checked_sub(1)?;
        names.extend(self.own_names.iter().cloned());
        for file in &self.files {
            file.text(loader)?.add_names(loader, levels, names)?;
        }
        Some(())
    }
}

/// What a file's text was, with the scopes that its names came from.
struct Kept {
    origins: Vec<Option<Scope>>,
    value: Value,
}

#[derive(Default)]
struct Memo {
    /// The environment whose texts these are.
    env: u64,
    /// By the number of the file.
    texts: Vec<Option<Kept>>,
    has_long: bool,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// The text of a file in a scope if nothing that it depends on has changed since.
pub(super) fn recall(env: u64, file: &File, names: &[Name], scope: &Scope) -> Option<Value> {
    MEMO.with_borrow(|memo| {
        let kept = memo.texts.get(file.number)?.as_ref().filter(|_| memo.env == env)?;
        let mut origins = names.iter().zip(&kept.origins);
        let same = origins.all(|(name, origin)| scope.comes_from(name, origin.as_ref()));
        same.then(|| kept.value.clone())
    })
}

/// Keeps the text of a file in a scope.
pub(super) fn keep(env: u64, file: &File, names: &[Name], scope: &Scope, value: &Value) {
    let origins = names.iter().map(|name| scope.origin(name)).collect();
    MEMO.with_borrow_mut(|memo| {
        if memo.env != env {
            memo.texts.clear();
            memo.env = env;
        }
        if memo.texts.len() <= file.number {
            memo.texts.resize_with(file.number + 1, || None);
        }
        memo.has_long |= value.as_str().is_some_and(|text| text.len() > MOST_KEPT);
        memo.texts[file.number] = Some(Kept { origins, value: value.clone() });
    });
}

/// Forgets the long texts of a record, and the scopes that others came from, which hold
/// its values. Where there was none, there is nothing to gain.
pub fn forget_long() {
    MEMO.with_borrow_mut(|memo| {
        if std::mem::take(&mut memo.has_long) {
            for text in &mut memo.texts {
                text.take_if(|kept| kept.origins.iter().any(Option::is_some));
            }
        }
    });
}

thread_local! {
    /// Memory to write texts to.
    static SPARE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Memory for a text that is written; it goes back when it is dropped, unless it is large.
pub(super) struct Scratch(pub(super) String);

impl Scratch {
    pub(super) fn take() -> Self {
        Self(SPARE.with_borrow_mut(Vec::pop).unwrap_or_default())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.capacity() <= MOST_KEPT {
            self.0.clear();
            let text = std::mem::take(&mut self.0);
            SPARE.with_borrow_mut(|spare| spare.push(text));
        }
    }
}
