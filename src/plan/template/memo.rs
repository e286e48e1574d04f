//! Texts that were rendered before. A template's text depends on nothing but the
//! names that it looked up, and a scope's names never change: as long as they come
//! from where they came from, the text is what it was.
//!
//! Several tasks render the same text of one record, and some texts (a list of
//! bots) depend on nothing at all.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use minijinja::Value;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::Scope;
use crate::plan::quick;

/// A text above this size is not kept for the next record, which has one of its own, in
/// bytes.
const MOST_KEPT: usize = 64 << 10;

/// Names that were looked up, each with the scope that has it; `None` where none
/// had.
type Lookups = Vec<(Box<str>, Option<Scope>)>;

struct Rendered {
    lookups: Rc<Lookups>,
    value: Value,
}

#[derive(Default)]
struct Memo {
    /// The environment whose values these are.
    env: u64,
    /// The last value of each template, by its name, which is long.
    last: HashMap<Box<str>, Rendered, Xxh3DefaultBuilder>,
    /// Whether some of these are long.
    has_long: bool,
    /// The lookups of the renderings that are under way, innermost last; `None`
    /// where all names were asked for at once.
    under_way: Vec<Option<Lookups>>,
}

impl Memo {
    /// What was looked up for an inner rendering was so for the one around it.
    fn pass_on(&mut self, lookups: &Lookups) {
        if let Some(Some(outer)) = self.under_way.last_mut() {
            for lookup in lookups {
                if !outer.iter().any(|(name, _)| *name == lookup.0) {
                    outer.push(lookup.clone());
                }
            }
        }
    }
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// Notes that a template looked up a name, in a scope or those below it.
pub(super) fn note(scope: &Scope, name: &str) {
    MEMO.with_borrow_mut(|memo| {
        if let Some(Some(lookups)) = memo.under_way.last_mut()
            && !lookups.iter().any(|(n, _)| **n == *name)
        {
            lookups.push((name.into(), scope.origin(name)));
        }
    });
}

/// Notes that a template has asked for all names that there are.
pub(super) fn note_all() {
    MEMO.with_borrow_mut(|memo| memo.under_way.iter_mut().for_each(|lookups| *lookups = None));
}

/// The value of a template of an environment in a scope: the last one if nothing
/// that it depends on has changed, else a new one.
///
/// # Errors
/// What `render` returns; an error is not kept.
pub(super) fn recall<E>(
    env: u64,
    template: &str,
    scope: &Scope,
    render: impl FnOnce() -> Result<Value, E>,
) -> Result<Value, E> {
    let known = MEMO.with_borrow_mut(|memo| {
        if memo.env != env {
            memo.last.clear();
            memo.env = env;
        }
        let known = memo.last.get(template)?;
        if !known.lookups.iter().all(|(name, from)| scope.is_origin(name, from.as_ref())) {
            return None;
        }
        let (lookups, value) = (known.lookups.clone(), known.value.clone());
        memo.pass_on(&lookups);
        Some(value)
    });
    if let Some(value) = known {
        return Ok(value);
    }
    let under_way = UnderWay::begin();
    let value = render()?;
    let Some(lookups) = under_way.end().map(Rc::new) else { return Ok(value) };
    MEMO.with_borrow_mut(|memo| {
        memo.pass_on(&lookups);
        if memo.env == env {
            memo.has_long |= is_long(&value);
            memo.last.insert(template.into(), Rendered { lookups, value: value.clone() });
        }
    });
    Ok(value)
}

/// Forgets the long texts of a record, and the scopes that others were looked up in, which
/// hold its values: to be called when all is made of it. Where there was none, there is
/// nothing to gain.
pub fn forget_long() {
    quick::forget_long();
    MEMO.with_borrow_mut(|memo| {
        if std::mem::take(&mut memo.has_long) {
            memo.last.retain(|_, last| last.lookups.iter().all(|(_, from)| from.is_none()));
        }
    });
}

fn is_long(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() > MOST_KEPT)
}

/// A rendering whose lookups are noted, until it ends in whatever way.
struct UnderWay(bool);

impl UnderWay {
    fn begin() -> Self {
        MEMO.with_borrow_mut(|memo| memo.under_way.push(Some(Vec::new())));
        Self(true)
    }

    fn end(mut self) -> Option<Lookups> {
        self.0 = false;
        MEMO.with_borrow_mut(|memo| memo.under_way.pop()).flatten()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0 {
            MEMO.with_borrow_mut(|memo| memo.under_way.pop());
        }
    }
}
