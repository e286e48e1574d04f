//! The names that a template sees.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object};

use super::memo;

/// The name under which a scope finds itself, for `render`.
pub(super) const SCOPE: &str = "__scope";

/// The names that a template sees. Cheap to extend and to clone: the values are
/// shared.
#[derive(Debug, Clone, Default)]
pub struct Scope(Arc<Layer>);

/// One name, above those of another scope.
#[derive(Debug)]
struct Layer {
    name: Arc<str>,
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
    pub fn with(&self, name: impl Into<Arc<str>>, value: minijinja::Value) -> Self {
        Self(Arc::new(Layer { name: name.into(), value, below: Some(self.clone()) }))
    }

    /// This scope with more names.
    #[must_use]
    pub fn with_all(&self, names: impl IntoIterator<Item = (String, minijinja::Value)>) -> Self {
        names.into_iter().fold(self.clone(), |scope, (name, value)| scope.with(name, value))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<minijinja::Value> {
        self.layer(name).map(|scope| scope.0.value.clone())
    }

    fn layer(&self, name: &str) -> Option<&Self> {
        let mut at = Some(self);
        while let Some(scope) = at.filter(|scope| *scope.0.name != *name) {
            at = scope.0.below.as_ref();
        }
        at
    }

    /// The value under `names[0]`, its attribute `names[1]` and so on; `None`
    /// where something is not there, or there are no names.
    pub(super) fn walk(&self, names: &[String]) -> Option<minijinja::Value> {
        let (first, rest) = names.split_first()?;
        let value = rest.iter().try_fold(self.get(first)?, |at, name| at.get_attr(name).ok())?;
        (!value.is_undefined()).then_some(value)
    }

    /// The scope, itself or one below, that a name comes from.
    pub(super) fn origin(&self, name: &str) -> Option<Self> {
        self.layer(name).cloned()
    }

    pub(super) fn is_origin(&self, name: &str, origin: Option<&Self>) -> bool {
        match (self.layer(name), origin) {
            (Some(own), Some(other)) => Arc::ptr_eq(&own.0, &other.0),
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
