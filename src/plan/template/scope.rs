//! The names that a template sees.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object};
use xxhash_rust::xxh3::xxh3_64;

use super::memo;

/// The name under which a scope finds itself, for `render`.
pub(super) const SCOPE: &str = "__scope";

/// A name, with what tells most others apart from it.
#[derive(Debug, Clone, Eq)]
pub struct Name {
    hash: u64,
    text: Arc<str>,
}

impl<T: Into<Arc<str>>> From<T> for Name {
    fn from(text: T) -> Self {
        let text = text.into();
        Self { hash: xxh3_64(text.as_bytes()), text }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The names that a template sees. Cheap to extend and to clone: the values are
/// shared.
#[derive(Debug, Clone, Default)]
pub struct Scope(Arc<Layer>);

/// One name, above those of another scope.
#[derive(Debug)]
struct Layer {
    name: Name,
    value: minijinja::Value,
    below: Option<Scope>,
}

impl Default for Layer {
    /// No name at all: none is empty.
    fn default() -> Self {
        Self { name: "".into(), value: minijinja::Value::UNDEFINED, below: None }
    }
}

impl Scope {
    /// A scope of its own.
    pub fn new(names: impl IntoIterator<Item = (String, minijinja::Value)>) -> Self {
        Self::default().with_all(names)
    }

    /// This scope with one more name, which hides one of the same name.
    #[must_use]
    pub fn with(&self, name: impl Into<Name>, value: minijinja::Value) -> Self {
        Self(Arc::new(Layer { name: name.into(), value, below: Some(self.clone()) }))
    }

    /// This scope with more names.
    #[must_use]
    pub fn with_all(&self, names: impl IntoIterator<Item = (String, minijinja::Value)>) -> Self {
        names.into_iter().fold(self.clone(), |scope, (name, value)| scope.with(name, value))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<minijinja::Value> {
        self.layer(|own| **own == *name).map(|scope| scope.0.value.clone())
    }

    /// The value of a name.
    pub(in crate::plan) fn find(&self, name: &Name) -> Option<&minijinja::Value> {
        self.layer(|own| own == name).map(|scope| &scope.0.value)
    }

    /// The uppermost of the scopes, this one and those below, whose own name is the one.
    fn layer(&self, is_it: impl Fn(&Name) -> bool) -> Option<&Self> {
        let mut at = Some(self);
        while let Some(scope) = at.filter(|scope| !is_it(&scope.0.name)) {
            at = scope.0.below.as_ref();
        }
        at
    }

    /// The scope, itself or one below, that a name comes from.
    pub(in crate::plan) fn origin(&self, name: &str) -> Option<Self> {
        self.layer(|own| **own == *name).cloned()
    }

    pub(super) fn is_origin(&self, name: &str, origin: Option<&Self>) -> bool {
        Self::are_one(self.layer(|own| **own == *name), origin)
    }

    /// Whether a name comes from this scope, itself or one below, or from none.
    pub(in crate::plan) fn comes_from(&self, name: &Name, origin: Option<&Self>) -> bool {
        Self::are_one(self.layer(|own| own == name), origin)
    }

    fn are_one(one: Option<&Self>, other: Option<&Self>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.0, &other.0),
            (None, None) => true,
            _ => false,
        }
    }

    /// As minijinja takes it.
    pub(super) fn value(&self) -> minijinja::Value {
        minijinja::Value::from_dyn_object(self.0.clone())
    }
}

impl Scope {
    /// The scope that [`Scope::value`] was made of.
    pub(super) fn from_value(value: &minijinja::Value) -> Option<Self> {
        value.downcast_object::<Layer>().map(Self)
    }
}

impl Object for Layer {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        let scope = Scope(self.clone());
        if key == SCOPE {
            return Some(scope.value());
        }
        memo::note(&scope, key);
        scope.get(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        memo::note_all();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut layer = Some(self);
        while let Some(at) = layer {
            names.extend((!at.name.is_empty()).then_some(&*at.name));
            layer = at.below.as_ref().map(|s| &s.0);
        }
        Enumerator::Values(names.into_iter().map(minijinja::Value::from).collect())
    }
}
