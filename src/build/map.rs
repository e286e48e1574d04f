//! From a raw record to named fields.

use std::cell::OnceCell;

use scrape_api::Bytes;
use serde_json::Value;

use super::convert::{Mismatch, convert, convert_value, unescaped};
use super::failures::Blame;
use super::mapper::{Field, FieldSet, Items, Mapper, Selector, Source};
use super::projection::{Shape, Tree};
use super::transform::transform_texts;
use crate::plan::{EachSource, FieldSource, FieldType, Plan, Scope, Step, native, template_value};
use crate::store::{Stage, StoredChild};

/// Why a record does not go on.
#[derive(Debug)]
pub enum Left {
    /// It cannot be used.
    Rejected(Rejected),
    /// A transform leaves it out.
    Dropped {
        /// The transform.
        transform: String,
        /// Its fixed word.
        reason: &'static str,
    },
}

/// What cannot be used of a record, and why.
#[derive(Debug)]
pub struct Rejected {
    /// Where it happened.
    pub stage: Stage,
    /// A fixed word that is counted by.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
    /// JSON pointer into the record, or into the child list.
    pub pointer: Option<String>,
    /// The child list, where it was fetched apart.
    pub child: Option<String>,
    /// The place of the spec that is behind it.
    pub blame: Option<Box<Blame>>,
}

impl Rejected {
    /// Something wrong while mapping.
    pub fn map(reason: &'static str, message: String, pointer: Option<String>) -> Self {
        Self { stage: Stage::Map, reason, message, pointer, child: None, blame: None }
    }
}

impl From<Rejected> for Left {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

/// How often a field was looked for, and found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// How often.
    pub looked: u32,
    /// How often its path led somewhere.
    pub found: u32,
}

/// A record, or an item of one, with its full tree where somebody asks for it.
struct Place<'a, 't> {
    tree: &'a Tree<'t>,
    whole: OnceCell<Value>,
    native: OnceCell<minijinja::Value>,
}

impl<'a, 't> Place<'a, 't> {
    fn new(tree: &'a Tree<'t>) -> Self {
        Self { tree, whole: OnceCell::new(), native: OnceCell::new() }
    }

    fn whole(&self) -> Result<&Value, Rejected> {
        if let Some(value) = self.whole.get() {
            return Ok(value);
        }
        let value = convert(self.tree.text().unwrap_or("null"), FieldType::Any)
            .map_err(|e| Rejected::map(e.reason, e.message, Some(String::new())))?;
        Ok(self.whole.get_or_init(|| value.unwrap_or_default()))
    }

    fn native(&self) -> Result<minijinja::Value, Rejected> {
        if let Some(value) = self.native.get() {
            return Ok(value.clone());
        }
        let value = template_value(self.whole()?);
        Ok(self.native.get_or_init(|| value).clone())
    }
}

/// The value of a field.
enum Made {
    /// As it was read.
    Json(Value),
    /// As templates see it: a list of what was mapped, or a text as it was read.
    Native(minijinja::Value),
}

impl Made {
    /// As templates see it, after what is done to it.
    fn after(self, field: &Field, tree: &Tree) -> Result<minijinja::Value, Left> {
        let mut value = match self {
            Self::Native(value) if field.plan.transforms.is_empty() => return Ok(value),
            Self::Native(value) => native::json_of(&value),
            Self::Json(value) => value,
        };
        transform(&mut value, field, tree)?;
        Ok(template_value(&value))
    }
}

/// Maps one record.
pub struct Mapping<'m> {
    /// The plan, for its templates.
    pub plan: &'m Plan,
    /// The map.
    pub mapper: &'m Mapper<'m>,
    /// The variables of the record's partition.
    pub vars: &'m Scope,
    /// Lists that were fetched apart.
    pub children: &'m [StoredChild],
    /// Where to note which paths lead somewhere, for the first records.
    pub seen: Option<&'m mut [Seen]>,
}

impl Mapping<'_> {
    /// The mapped record, an object as templates see it: all fields of the map in its
    /// order.
    ///
    /// # Errors
    /// With the place of what cannot be used, or the transform that leaves the
    /// record out.
    pub fn record(mut self, tree: &Tree) -> Result<minijinja::Value, Left> {
        let root = Place::new(tree);
        let mapper = self.mapper;
        self.fields(&mapper.map, &root, &root)
    }

    fn fields(
        &mut self,
        set: &FieldSet,
        at: &Place,
        root: &Place,
    ) -> Result<minijinja::Value, Left> {
        let mut made = Vec::with_capacity(set.fields.len());
        let mut found = Vec::new();
        for field in &set.fields {
            let value = match self.field(field, at, root, &mut found)? {
                Some(value) => value.after(field, at.tree)?,
                None if field.plan.required => {
                    let message = format!(
                        "the field `{}` is required, but there is no value",
                        field.plan.name
                    );
                    let hint = "with a `default` in place of `required` the record stays";
                    let told = String::from("there is no value, and it is required");
                    let pointer = pointer(field, at.tree, 0);
                    let rejected = Rejected::map("missing_required", message, pointer);
                    return Err(Rejected { blame: blame(field, told, hint), ..rejected }.into());
                }
                // A default is as the author wants it: nothing is done to it.
                None => field.empty.clone(),
            };
            made.push((field.key.clone(), value));
        }
        Ok(native::object_of(made))
    }

    /// `found` is memory for what paths select.
    fn field<'a, 't>(
        &mut self,
        field: &Field,
        at: &Place<'a, 't>,
        root: &Place,
        found: &mut Vec<&'a Tree<'t>>,
    ) -> Result<Option<Made>, Left> {
        let value = match &field.source {
            Source::Paths(selectors) => return self.paths(field, selectors, at, found),
            Source::Const(value) => {
                convert_value((*value).clone(), field.plan.ty).map_err(|e| wrong(field, e, None))?
            }
            Source::Template(template) => {
                let names =
                    [("record".to_owned(), root.native()?), ("item".to_owned(), at.native()?)];
                let value =
                    self.plan.env.eval(template, &self.vars.with_all(names)).map_err(|e| {
                        let what = format!("the field `{}`", field.plan.name);
                        let message = format!("{what}, {}", e.told(&self.plan.sources));
                        Rejected {
                            blame: Some(Box::new(Blame::template(what, e))),
                            ..Rejected::map("template_failed", message, None)
                        }
                    })?;
                convert_value(value, field.plan.ty).map_err(|e| wrong(field, e, None))?
            }
            Source::Each(items, map) => {
                return Ok(self.each(field, items, map, at, root)?.map(Made::Native));
            }
        };
        Ok(value.map(Made::Json))
    }

    fn paths<'a, 't>(
        &mut self,
        field: &Field,
        selectors: &[Selector],
        at: &Place<'a, 't>,
        found: &mut Vec<&'a Tree<'t>>,
    ) -> Result<Option<Made>, Left> {
        let is_text = matches!(field.plan.ty, FieldType::Any | FieldType::String);
        let mut somewhere = false;
        let mut empty = None;
        let mut value = None;
        for selector in selectors {
            let made = match selector {
                Selector::Plain(steps) => {
                    found.clear();
                    let exists = at.tree.select(steps, found);
                    somewhere |= exists;
                    if selector.is_plural() {
                        exists.then(|| plain_list(field, steps, at.tree, found)).transpose()?
                    } else {
                        let text = found.first().and_then(|t| t.text()).unwrap_or("null");
                        if is_text
                            && field.plan.transforms.is_empty()
                            && let Some(text) = unescaped(text)
                        {
                            self.note(field, true);
                            return Ok(Some(Made::Native(text.into())));
                        }
                        convert(text, field.plan.ty)
                            .map_err(|e| wrong(field, e, Some(at.tree.pointer(steps, 0))))?
                    }
                }
                Selector::Query(path) => {
                    let found = path.all(at.whole()?);
                    somewhere |= !found.is_empty();
                    let items: Result<Vec<_>, _> = found
                        .into_iter()
                        .map(|v| convert_value(v.clone(), item_type(field.plan.ty)))
                        .map(|v| v.map(Option::unwrap_or_default))
                        .collect();
                    Some(Value::Array(items.map_err(|e| wrong(field, e, None))?))
                }
            };
            match made {
                // The next path may have more; if none has, an empty list it is.
                Some(Value::Array(items)) if items.is_empty() => empty = Some(Value::Array(items)),
                Some(made) => {
                    value = Some(made);
                    break;
                }
                None => {}
            }
        }
        self.note(field, somewhere);
        Ok(value.or(empty.filter(|_| somewhere)).map(Made::Json))
    }

    fn each(
        &mut self,
        field: &Field,
        items: &Items,
        map: &FieldSet,
        at: &Place,
        root: &Place,
    ) -> Result<Option<minijinja::Value>, Left> {
        let children = self.children;
        let fetched = items.child.and_then(|name| children.iter().find(|c| c.name == name));
        let mut made = Vec::new();
        if let Some(child) = fetched {
            self.note(field, true);
            for (index, item) in child.items.iter().enumerate() {
                let bytes = item.body.unpack();
                let text = text_of(&bytes).map_err(|e| in_child(e, &child.name, index))?;
                made.extend(self.apart(text, &items.shape, map, root).map_err(
                    |left| match left {
                        Left::Rejected(rejected) => in_child(rejected, &child.name, index).into(),
                        dropped @ Left::Dropped { .. } => dropped,
                    },
                )?);
            }
            return Ok(Some(native::list(made)));
        }
        match items.inline {
            None => {}
            Some(Selector::Plain(steps)) => {
                let mut found = Vec::new();
                let exists = at.tree.select(steps, &mut found);
                self.note(field, exists);
                if !exists {
                    return Ok(None);
                }
                for (position, tree) in found.into_iter().enumerate().filter(|(_, t)| !t.is_null())
                {
                    let item = self
                        .fields(map, &Place::new(tree), root)
                        .map_err(|left| below(left, || at.tree.pointer(steps, position)))?;
                    made.push(item);
                }
            }
            Some(Selector::Query(path)) => {
                let found = path.all(at.whole()?);
                self.note(field, !found.is_empty());
                if found.is_empty() {
                    return Ok(None);
                }
                for value in found {
                    made.extend(self.apart(&value.to_string(), &items.shape, map, root)?);
                }
            }
        }
        Ok(Some(native::list(made)))
    }

    /// An item that is read apart from its record; none for null.
    fn apart(
        &mut self,
        text: &str,
        shape: &Shape,
        map: &FieldSet,
        root: &Place,
    ) -> Result<Option<minijinja::Value>, Left> {
        let tree = shape.project(text).map_err(|e| unreadable(&e))?;
        if tree.is_null() {
            return Ok(None);
        }
        self.fields(map, &Place::new(&tree), root).map(Some)
    }

    fn note(&mut self, field: &Field, found: bool) {
        if let Some(seen) = self.seen.as_mut().and_then(|s| s.get_mut(field.number)) {
            seen.looked += 1;
            seen.found += u32::from(found);
        }
    }
}

/// The text of a stored body.
///
/// # Errors
/// When the store is damaged, or the bytes are no UTF-8.
pub fn text_of(bytes: &std::io::Result<Bytes>) -> Result<&str, Rejected> {
    let bytes = bytes.as_ref().map_err(|e| {
        Rejected::map("damaged", format!("its bytes in the store are damaged: {e}"), None)
    })?;
    simdutf8::compat::from_utf8(bytes)
        .map_err(|e| Rejected::map("bad_utf8", format!("it is not UTF-8: {e}"), None))
}

/// A text that is no JSON.
pub fn unreadable(error: &serde_json::Error) -> Rejected {
    Rejected::map("bad_json", format!("it is not JSON: {error}"), None)
}

/// All values that a plain path selects, each made into the field's type.
fn plain_list(field: &Field, steps: &[Step], tree: &Tree, found: &[&Tree]) -> Result<Value, Left> {
    let mut items = Vec::with_capacity(found.len());
    for (position, part) in found.iter().enumerate() {
        let item = convert(part.text().unwrap_or("null"), item_type(field.plan.ty))
            .map_err(|e| wrong(field, e, Some(tree.pointer(steps, position))))?;
        items.push(item.unwrap_or_default());
    }
    Ok(Value::Array(items))
}

/// What the items of a list field are made into.
fn item_type(ty: FieldType) -> FieldType {
    if ty == FieldType::List { FieldType::Any } else { ty }
}

fn wrong(field: &Field, mismatch: Mismatch, pointer: Option<String>) -> Rejected {
    let message = format!("the field `{}` is {}", field.plan.name, mismatch.message);
    let hint = "`type: any` takes it as it comes";
    let blame = blame(field, format!("its value is {}", mismatch.message), hint);
    Rejected { blame, ..Rejected::map(mismatch.reason, message, pointer) }
}

/// The place of a field's source.
fn blame(field: &Field, message: String, hint: &'static str) -> Option<Box<Blame>> {
    let span = match &field.plan.source {
        FieldSource::Path(path) | FieldSource::Each { each: EachSource::Path(path), .. } => {
            path.span()
        }
        FieldSource::Coalesce(paths) => paths.first()?.span(),
        FieldSource::Template(template) => template.span(),
        FieldSource::Each { .. } | FieldSource::Const(_) => return None,
    };
    Some(Box::new(Blame::data(&field.plan.name, message, span, hint)))
}

/// Where a field's value stands, as far as that can be said.
fn pointer(field: &Field, tree: &Tree, position: usize) -> Option<String> {
    match &field.source {
        Source::Paths(selectors) => selectors.iter().find_map(|s| match s {
            Selector::Plain(steps) => Some(tree.pointer(steps, position)),
            Selector::Query(_) => None,
        }),
        Source::Each(Items { inline: Some(Selector::Plain(steps)), .. }, _) => {
            Some(tree.pointer(steps, position))
        }
        _ => None,
    }
}

fn below(left: Left, above: impl FnOnce() -> String) -> Left {
    match left {
        Left::Rejected(mut rejected) => {
            rejected.pointer = rejected.pointer.map(|p| format!("{}{p}", above()));
            rejected.into()
        }
        dropped @ Left::Dropped { .. } => dropped,
    }
}

fn in_child(mut rejected: Rejected, child: &str, index: usize) -> Rejected {
    rejected.pointer = Some(format!("/{index}{}", rejected.pointer.unwrap_or_default()));
    rejected.child = Some(child.to_owned());
    rejected
}

fn transform(value: &mut Value, field: &Field, tree: &Tree) -> Result<(), Left> {
    for step in &field.plan.transforms {
        transform_texts(value, step).map_err(|left| match left {
            Left::Rejected(mut rejected) => {
                let hint = "leave the transform out, or use another";
                rejected.blame = blame(field, rejected.message.clone(), hint);
                rejected.message = format!("the field `{}`: {}", field.plan.name, rejected.message);
                rejected.pointer = pointer(field, tree, 0);
                rejected.into()
            }
            dropped @ Left::Dropped { .. } => dropped,
        })?;
    }
    Ok(())
}
