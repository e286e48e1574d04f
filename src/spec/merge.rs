//! `extends:`: one file laid over another.

use super::yaml::{Data, Key, Yaml};

/// Lays `over` upon `base`: maps are merged deeply, lists and everything else
/// replaced; `+key` puts the items of a list before those of the base, `key+`
/// after them; null deletes. Every node keeps the place it came from.
pub fn merge(base: Yaml, over: Yaml) -> Yaml {
    let (Data::Map(mut entries), Data::Map(changes)) = (base.data.clone(), over.data.clone())
    else {
        return over;
    };
    for (key, value) in changes {
        let (name, side) = side_of(&key, &value);
        let at = entries.iter().position(|(k, _)| k.text == name);
        match at {
            Some(at) if value.is_null() => {
                entries.remove(at);
            }
            Some(at) => {
                let (old_key, old) = entries[at].clone();
                let value = match side {
                    Some(side) => join(old, value, side),
                    None if included(&key, &value) || included(&old_key, &old) => value,
                    None => merge(old, value),
                };
                entries[at] = (Key { text: name.to_owned(), span: key.span }, value);
            }
            None => entries.push((Key { text: name.to_owned(), span: key.span }, value)),
        }
    }
    Yaml { data: Data::Map(entries), ..over }
}

/// Where the items of a list go.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

fn side_of<'k>(key: &'k Key, value: &Yaml) -> (&'k str, Option<Side>) {
    if matches!(value.data, Data::List(_)) {
        if let Some(name) = key.text.strip_prefix('+') {
            return (name, Some(Side::Before));
        }
        if let Some(name) = key.text.strip_suffix('+') {
            return (name, Some(Side::After));
        }
    }
    (&key.text, None)
}

fn join(old: Yaml, new: Yaml, side: Side) -> Yaml {
    let (Data::List(old_items), Data::List(new_items)) = (&old.data, &new.data) else {
        return new;
    };
    let (first, second) = match side {
        Side::Before => (new_items, old_items),
        Side::After => (old_items, new_items),
    };
    let items = first.iter().chain(second).cloned().collect();
    Yaml { data: Data::List(items), ..new }
}

/// Whether a value came in by `{ file: … }`: it is one thing, not merged with
/// what it replaces.
fn included(key: &Key, value: &Yaml) -> bool {
    key.span.file != value.span.file
}
