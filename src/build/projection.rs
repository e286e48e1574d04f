//! Reads only the parts of a JSON text that paths point at, and leaves them as
//! the text they are.
//!
//! A record of a tracker has some hundred fields, of which a map uses twenty. All
//! plain paths of a map are laid into one [`Shape`]; one pass over the text then
//! gives a [`Tree`] of those parts alone. What is kept is kept as source text, so
//! that each field makes of it what its type asks for and `1.10` stays `1.10`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, IgnoredAny};

use crate::plan::{Names, ScanError, Scanner, Step, is_json};

/// Which parts of a JSON value are wanted.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    keep: bool,
    names: Names<Shape>,
    indices: Vec<(usize, Shape)>,
    all: Option<Box<Shape>>,
}

impl Shape {
    /// The part at the end of a path, which may be refined further.
    pub fn at(&mut self, steps: &[Step]) -> &mut Shape {
        let Some((step, rest)) = steps.split_first() else { return self };
        let next = match step {
            Step::Name(name) => self.names.entry(name),
            Step::Index(index) => item(&mut self.indices, *index),
            Step::All => self.all.get_or_insert_default(),
        };
        next.at(rest)
    }

    /// The text of this part is wanted as a whole.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// To be called once all paths are in it: what is wanted of all items is
    /// wanted of those that are also wanted by name or index.
    pub fn close(&mut self) {
        if let Some(all) = &self.all {
            self.names.values_mut().for_each(|shape| shape.merge(all));
            for (_, shape) in &mut self.indices {
                shape.merge(all);
            }
        }
        self.names.values_mut().for_each(Shape::close);
        self.indices.iter_mut().for_each(|(_, s)| s.close());
        if let Some(all) = &mut self.all {
            all.close();
        }
    }

    fn merge(&mut self, other: &Shape) {
        self.keep |= other.keep;
        for (name, shape) in other.names.iter() {
            self.names.entry(name).merge(shape);
        }
        for (index, shape) in &other.indices {
            item(&mut self.indices, *index).merge(shape);
        }
        if let Some(all) = &other.all {
            self.all.get_or_insert_default().merge(all);
        }
    }

    fn has_parts(&self) -> bool {
        self.all.is_some() || !self.names.is_empty() || !self.indices.is_empty()
    }

    /// Reads a JSON text.
    ///
    /// # Errors
    /// When it is no JSON. Depth is no error where nothing is wanted of it.
    pub fn project<'t>(&self, text: &'t str) -> serde_json::Result<Tree<'t>> {
        let mut scanner = Scanner::strict(text.as_bytes());
        self.project_with(text, &mut scanner)
    }

    /// As [`Shape::project`], of a text that is known to be JSON: what is not wanted is
    /// skipped by its brackets and quotes. And whether there is space between its tokens.
    ///
    /// # Errors
    /// Where what is wanted turns out to be no JSON, or cannot be found.
    pub fn project_known<'t>(&self, text: &'t str) -> serde_json::Result<(Tree<'t>, bool)> {
        let mut scanner = Scanner::new(text.as_bytes());
        let tree = self.project_with(text, &mut scanner)?;
        Ok((tree, scanner.spaced()))
    }

    fn project_with<'t>(
        &self,
        text: &'t str,
        scanner: &mut Scanner<'t>,
    ) -> serde_json::Result<Tree<'t>> {
        let read = self.read(text, scanner).and_then(|tree| {
            scanner.end()?;
            Ok(tree)
        });
        // The words for what is wrong are the parser's.
        read.map_err(|_| match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => error,
            Ok(_) => serde_json::Error::custom("it cannot be followed"),
        })
    }

    fn read<'t>(&self, text: &'t str, scanner: &mut Scanner<'t>) -> Result<Tree<'t>, ScanError> {
        let open = scanner.peek()?;
        let start = scanner.at();
        let parts = match open {
            b'{' if self.has_parts() => self.object(text, scanner)?,
            b'[' if self.has_parts() => self.list(text, scanner)?,
            _ => {
                let place = scanner.value()?;
                let is_followed = scanner.is_strict() || matches!(open, b'"' | b'{' | b'[');
                if !is_followed && !is_json(text[place].as_bytes()) {
                    return Err(ScanError::NotJson(start));
                }
                if open == b'n' { Parts::Null } else { Parts::Whole }
            }
        };
        Ok(Tree { text: self.keep.then(|| &text[start..scanner.at()]), parts })
    }

    fn object<'t>(&self, text: &'t str, scanner: &mut Scanner<'t>) -> Result<Parts<'t>, ScanError> {
        let mut entries: Vec<(Cow<'t, str>, Tree<'t>)> = Vec::with_capacity(self.names.len());
        scanner.members(|scanner, key| {
            let named = self.names.find(&key);
            let Some(shape) = named.map(|(_, shape)| shape).or(self.all.as_deref()) else {
                return scanner.skip();
            };
            let (name, tree) = (key.name(), shape.read(text, scanner)?);
            // Of a key that comes twice the last value counts, in the place of
            // the first, as in a full tree.
            match entries.iter_mut().find(|(key, _)| *key == name) {
                Some((_, former)) => *former = tree,
                None => entries.push((name, tree)),
            }
            Ok(())
        })?;
        Ok(Parts::Object(entries))
    }

    fn list<'t>(&self, text: &'t str, scanner: &mut Scanner<'t>) -> Result<Parts<'t>, ScanError> {
        let (mut items, mut length) = (Vec::new(), 0);
        scanner.items(|scanner, index| {
            length = index + 1;
            let numbered = self.indices.iter().find(|(i, _)| *i == index).map(|(_, shape)| shape);
            match numbered.or(self.all.as_deref()) {
                Some(shape) => items.push((index, shape.read(text, scanner)?)),
                None => scanner.skip()?,
            }
            Ok(())
        })?;
        Ok(if length == 0 { Parts::EmptyList } else { Parts::List(items) })
    }
}

/// The shape of an item, made where there is none.
fn item(entries: &mut Vec<(usize, Shape)>, index: usize) -> &mut Shape {
    let at = entries.iter().position(|(i, _)| *i == index).unwrap_or_else(|| {
        entries.push((index, Shape::default()));
        entries.len() - 1
    });
    &mut entries[at].1
}

/// The wanted parts of a JSON text.
#[derive(Debug, Default)]
pub struct Tree<'t> {
    text: Option<&'t str>,
    parts: Parts<'t>,
}

#[derive(Debug, Default)]
enum Parts<'t> {
    /// `null`
    #[default]
    Null,
    /// A value without parts, or one of which no parts are wanted.
    Whole,
    Object(Vec<(Cow<'t, str>, Tree<'t>)>),
    /// Items by index; those that are not wanted are left out.
    List(Vec<(usize, Tree<'t>)>),
    EmptyList,
}

impl<'t> Tree<'t> {
    /// The source text, where the shape keeps it.
    pub fn text(&self) -> Option<&'t str> {
        self.text
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.parts, Parts::Null)
    }

    /// The parts that a path selects, in order. False when the path leads
    /// nowhere; a null on the way and a list without items lead somewhere.
    pub fn select<'a>(&'a self, steps: &[Step], found: &mut Vec<&'a Tree<'t>>) -> bool {
        self.walk(steps, &mut None, &mut |_, tree| found.push(tree))
    }

    /// The JSON pointer of the part that [`Tree::select`] gives at `position`;
    /// where there is none, of the place that a path without wildcards means.
    pub fn pointer(&self, steps: &[Step], position: usize) -> String {
        let mut pointers = Vec::new();
        let mut trail = Some(String::new());
        self.walk(steps, &mut trail, &mut |trail, _| pointers.extend(trail.clone()));
        pointers.into_iter().nth(position).unwrap_or_else(|| {
            let mut pointer = String::new();
            for step in steps {
                match step {
                    Step::Name(name) => push_name(&mut pointer, name),
                    Step::Index(index) => push_name(&mut pointer, &index.to_string()),
                    Step::All => break,
                }
            }
            pointer
        })
    }

    fn walk<'a>(
        &'a self,
        steps: &[Step],
        trail: &mut Option<String>,
        each: &mut dyn FnMut(&Option<String>, &'a Self),
    ) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            each(trail, self);
            return true;
        };
        match (step, &self.parts) {
            (_, Parts::Null) | (Step::All, Parts::EmptyList) => true,
            (Step::Name(name), Parts::Object(entries)) => entries
                .iter()
                .find(|(key, _)| key == name)
                .is_some_and(|(key, tree)| tree.step(key, rest, trail, each)),
            (Step::All, Parts::Object(entries)) => {
                entries.iter().fold(entries.is_empty(), |any, (key, tree)| {
                    tree.step(key, rest, trail, each) | any
                })
            }
            (Step::Index(index), Parts::List(items)) => items
                .iter()
                .find(|(i, _)| i == index)
                .is_some_and(|(i, tree)| tree.step(i, rest, trail, each)),
            (Step::All, Parts::List(items)) => {
                items.iter().fold(false, |any, (i, tree)| tree.step(i, rest, trail, each) | any)
            }
            _ => false,
        }
    }

    fn step<'a>(
        &'a self,
        name: &dyn fmt::Display,
        rest: &[Step],
        trail: &mut Option<String>,
        each: &mut dyn FnMut(&Option<String>, &'a Self),
    ) -> bool {
        let length = trail.as_mut().map(|trail| {
            let length = trail.len();
            push_name(trail, &name.to_string());
            length
        });
        let found = self.walk(rest, trail, each);
        if let (Some(trail), Some(length)) = (trail, length) {
            trail.truncate(length);
        }
        found
    }
}

/// Adds one reference token to a JSON pointer (RFC 6901).
fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}
