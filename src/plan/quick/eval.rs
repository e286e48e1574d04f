//! Evaluates what was parsed. Whatever is undefined, of another type than is expected,
//! or too much, has no value here: then minijinja is to say what is wrong.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use minijinja::Value;

use super::got::Got;
use super::lists::{self, ITEM, SLOT, STEP};
use super::text::{File, Loader, Scratch, keep, recall};
use super::tree::{Expr, LoopField, Op};
use crate::plan::native;
use crate::plan::template::{Level, Name, Scope};

/// One evaluation, of an expression or of a text.
pub struct Run<'r> {
    pub(super) loader: &'r dyn Loader,
    env: u64,
    scope: &'r Scope,
    /// Names that the text itself gives, the last ones first to be found.
    pub(super) locals: Vec<(&'r Name, Value)>,
    /// The item at which a loop is, and how many there are, innermost last.
    pub(super) loops: Vec<(usize, usize)>,
    units: &'r Cell<u64>,
    most: u64,
}

impl<'r> Run<'r> {
    /// An evaluation in a scope, that counts what it costs in `units`, and ends at `most`
    /// of these. 64 are a unit of fuel of minijinja, and each thing costs at least what
    /// it does there.
    pub fn new(
        loader: &'r dyn Loader,
        env: u64,
        scope: &'r Scope,
        units: &'r Cell<u64>,
        most: u64,
    ) -> Self {
        Self { loader, env, scope, locals: Vec::new(), loops: Vec::new(), units, most }
    }

    pub(super) fn charge(&self, units: usize) -> Option<()> {
        let units = self.units.get().saturating_add(units as u64);
        self.units.set(units);
        (units < self.most).then_some(())
    }

    fn name(&self, name: &Name) -> Option<&Value> {
        let mut locals = self.locals.iter().rev();
        let own = locals.find(|(own, _)| **own == *name).map(|(_, value)| value);
        own.or_else(|| self.scope.find(name)).filter(|value| !value.is_undefined())
    }

    /// The value of an expression.
    pub(super) fn expr<'v>(&'v self, expr: &'v Expr) -> Option<Got<'v>> {
        self.charge(STEP)?;
        Some(match expr {
            Expr::Const(value) => Got::Ref(value),
            Expr::Name(name) => Got::Ref(self.name(name)?),
            Expr::Attr { of, name, place } => match self.expr(of)? {
                Got::Ref(value) => {
                    let known = place.load(Relaxed);
                    if let Some((found, value)) = native::field(value, name, known) {
                        if found != known {
                            place.store(found, Relaxed);
                        }
                        Got::Ref(value)
                    } else {
                        attribute(value, name)?
                    }
                }
                other => attribute(&other.value(), name)?,
            },
            Expr::Item { of, key } => {
                let (of, key) = (self.expr(of)?, self.expr(key)?);
                let found = match (of.items(), key.text()) {
                    (Some(items), None) => {
                        let at = key.value().as_i64()?;
                        let at = if at < 0 { at + i64::try_from(items.len()).ok()? } else { at };
                        items.get(usize::try_from(at).ok()?)?.clone()
                    }
                    (None, Some(name)) => attribute(&of.value(), name)?.into_value(),
                    _ => return None,
                };
                Got::Own(found)
            }
            Expr::Slice { of, start, stop } => {
                let bound = |bound: Option<&'v Expr>| match bound {
                    Some(bound) => self.expr(bound)?.value().as_i64().map(Some),
                    None => Some(None),
                };
                let (start, stop) = (bound(start.as_deref())?, bound(stop.as_deref())?);
                let of = self.expr(of)?;
                let items = of.items()?;
                self.charge(3 * STEP + ITEM * items.len())?;
                Got::Own(lists::slice(items, start, stop)?)
            }
            Expr::Not(of) => Got::Own(Value::from(!self.expr(of)?.is_true())),
            Expr::And(left, right) => {
                let left = self.expr(left)?;
                if left.is_true() { self.expr(right)? } else { left }
            }
            Expr::Or(left, right) => {
                let left = self.expr(left)?;
                if left.is_true() { left } else { self.expr(right)? }
            }
            Expr::Compare { first, op, second } => {
                let (first, second) = (self.expr(first)?, self.expr(second)?);
                Got::Own(Value::from(self.compare(&first, *op, &second)?))
            }
            Expr::Concat(left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                let (left, right) = (left.text()?, right.text()?);
                self.charge(left.len() + right.len())?;
                let mut text = String::with_capacity(left.len() + right.len());
                text.push_str(left);
                text.push_str(right);
                Got::Text(text)
            }
            Expr::Choice { test, then, otherwise } => {
                self.charge(STEP)?;
                if self.expr(test)?.is_true() {
                    self.expr(then)?
                } else {
                    self.expr(otherwise.as_deref()?)?
                }
            }
            Expr::List(items) => {
                let items = items.iter().map(|item| self.expr(item).map(Got::into_value));
                let items: Vec<Value> = items.collect::<Option<_>>()?;
                self.charge(SLOT * items.len())?;
                Got::Own(items.into())
            }
            Expr::Filter { of, filter } => {
                let of = self.expr(of)?;
                self.charge(ITEM + of.text().map_or(0, str::len))?;
                self.filter(of, filter)?
            }
            Expr::Loop(field) => {
                let (at, length) = *self.loops.last()?;
                Got::Own(match field {
                    LoopField::First => Value::from(at == 0),
                    LoopField::Last => Value::from(at + 1 == length),
                    LoopField::Index => Value::from(at + 1),
                    LoopField::Index0 => Value::from(at),
                    LoopField::Length => Value::from(length),
                })
            }
            Expr::Render(file) => Got::Own(self.rendered(file)?),
            Expr::Steady { of, files, kept } => match kept.get() {
                Some(Some((value, units))) => {
                    self.charge(usize::try_from(*units).ok()?)?;
                    Got::Ref(value)
                }
                Some(None) => self.expr(of)?,
                None => {
                    let before = self.units.get();
                    let value = self.expr(of)?.into_value();
                    let steady = self.are_steady(files)?;
                    let cost = self.units.get() - before;
                    let _ = kept.set(steady.then(|| (value.clone(), cost)));
                    Got::Own(value)
                }
            },
        })
    }

    /// Whether no text of these takes a name.
    fn are_steady(&self, files: &[Arc<File>]) -> Option<bool> {
        let mut steady = true;
        for file in files {
            steady &= file.text(self.loader)?.names(self.loader)?.is_empty();
        }
        Some(steady)
    }

    pub(super) fn compare(&self, first: &Got, op: Op, second: &Got) -> Option<bool> {
        if let Op::In | Op::NotIn = op {
            let found = match (second.items(), second.text()) {
                (Some(items), _) => {
                    self.charge(ITEM * items.len())?;
                    lists::stands_in(&first.value(), &second.value(), items)
                }
                (None, Some(text)) => {
                    self.charge(text.len())?;
                    text.contains(first.text()?)
                }
                _ => return None,
            };
            return Some(found == (op == Op::In));
        }
        if let (Some(first), Some(second)) = (first.text(), second.text()) {
            return Some(holds(op, &first, &second));
        }
        let (first, second) = (first.value(), second.value());
        if let (Some(first), Some(second)) = (first.len(), second.len()) {
            self.charge(ITEM * first.min(second))?;
        }
        Some(holds(op, &*first, &*second))
    }

    /// The text of a file.
    fn rendered(&self, file: &File) -> Option<Value> {
        let text = file.text(self.loader)?;
        let names = text.names(self.loader)?;
        if let Some(value) = recall(self.env, file, names, self.scope) {
            self.charge(value.as_str().map_or(0, str::len))?;
            return Some(value);
        }
        let _level = Level::enter(&file.name).ok()?;
        let mut out = Scratch::take();
        self.again().parts(&text.parts, &mut out.0)?;
        self.charge(out.0.len())?;
        let value = Value::from(out.0.as_str());
        keep(self.env, file, names, self.scope, &value);
        Some(value)
    }

    /// As this one, without what it has of its own.
    fn again(&self) -> Run<'_> {
        Run::new(self.loader, self.env, self.scope, self.units, self.most)
    }
}

/// An attribute of what is no list.
fn attribute<'v>(of: &Value, name: &str) -> Option<Got<'v>> {
    lists::attribute_of(of, name).map(Got::Own)
}

fn holds<T: PartialOrd>(op: Op, first: &T, second: &T) -> bool {
    match op {
        Op::Eq => first == second,
        Op::Ne => first != second,
        Op::Lt => first < second,
        Op::Lte => first <= second,
        Op::Gt => first > second,
        Op::Gte => first >= second,
        Op::In | Op::NotIn => false,
    }
}
