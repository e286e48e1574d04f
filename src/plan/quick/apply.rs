//! What filters mean.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::eval::Run;
use super::got::Got;
use super::lists::{self, ITEM, Made, SLOT, STEP, Test};
use super::tree::{Expr, Filter, Op};
use crate::plan::filters;

/// What arguments cost that are part of a filter here.
const ARGUMENTS: usize = 5 * STEP;

impl Run<'_> {
    /// The value of a filter.
    pub(super) fn filter<'v>(&'v self, of: Got<'v>, filter: &'v Filter) -> Option<Got<'v>> {
        if filter.has_arguments() {
            self.charge(ARGUMENTS)?;
        }
        let made = match filter {
            Filter::Trim => {
                let trimmed = of.cut(str::trim)?;
                self.charge(trimmed.text()?.len())?;
                return Some(trimmed);
            }
            Filter::Words => return Some(Got::Own(Value::from(filters::words(of.text()?)))),
            Filter::Length => {
                let length = match of.text() {
                    Some(text) => text.chars().count(),
                    None => of.value().len()?,
                };
                return Some(Got::Own(Value::from(length)));
            }
            Filter::Lines => lists::texts(of.text()?.lines()),
            Filter::Split(None) => lists::texts(of.text()?.split_whitespace()),
            Filter::Split(Some(separator)) => {
                let separator = self.expr(separator)?;
                lists::texts(of.text()?.split(separator.text()?))
            }
            Filter::First => {
                let first = of.items()?.first()?;
                let made = match first.as_str() {
                    Some(text) => text.len(),
                    None => 2 * SLOT * first.len().unwrap_or_default(),
                };
                self.charge(made)?;
                return (!first.is_undefined()).then(|| Got::Own(first.clone()));
            }
            Filter::List => {
                let items = of.items()?;
                self.charge((ITEM + SLOT) * items.len())?;
                return Some(match &of {
                    Got::Own(value) if value.kind() == ValueKind::Seq => of,
                    _ => Got::Own(items.to_vec().into()),
                });
            }
            Filter::Join(separator) => {
                let separator = match separator {
                    Some(separator) => Some(self.expr(separator)?),
                    None => None,
                };
                let separator = separator.as_ref().map_or(Some(""), Got::text)?;
                let items = of.items()?;
                let length = lists::joined_length(items, separator)?;
                self.charge(ITEM * items.len() + length)?;
                return Some(Got::Text(lists::joined(items, separator, length)));
            }
            Filter::Chain(others) => {
                let mut items = of.list()?.to_vec();
                for other in others {
                    items.extend_from_slice(self.expr(other)?.list()?);
                }
                let units = STEP * items.len();
                Made { value: items.into(), units }
            }
            Filter::Unique { case_sensitive } => lists::unique(of.items()?, *case_sensitive)?,
            Filter::Attribute(name) => lists::attributes(of.items()?, name)?,
            Filter::Select { attribute, test, wanted } => {
                let operand = match test {
                    Some((_, operand)) => Some(self.expr(operand)?),
                    None => None,
                };
                let value = operand.as_ref().map(Got::value);
                let test = match (test, &value) {
                    (Some((Op::Eq, _)), Some(value)) => Test::Eq(value),
                    (Some((Op::Ne, _)), Some(value)) => Test::Ne(value),
                    (Some(_), Some(value)) => Test::In(value),
                    _ => Test::True,
                };
                lists::selected(of.items()?, attribute.as_deref(), &test, *wanted)?
            }
            Filter::Consecutive(name) => lists::consecutive(of.items()?, name)?,
            Filter::Matches(pattern) => {
                let found = self.searched(&of, pattern, |text, pattern| {
                    filters::regex(pattern).ok().map(|regex| regex.is_match(text))
                })?;
                return Some(Got::Own(Value::from(found)));
            }
            Filter::FindAll(pattern) => self.searched(&of, pattern, |text, pattern| {
                let found = filters::all_matches(text, pattern, || Ok(())).ok()?;
                Some(lists::texts(found.into_iter()))
            })?,
        };
        self.charge(made.units + SLOT * made.value.len().unwrap_or_default())?;
        Some(Got::Own(made.value))
    }

    /// Searches a text for a pattern.
    fn searched<T>(
        &self,
        text: &Got,
        pattern: &Expr,
        search: impl FnOnce(&str, &str) -> Option<T>,
    ) -> Option<T> {
        let pattern = self.expr(pattern)?;
        let (text, pattern) = (text.text()?, pattern.text()?);
        let fuel = filters::search_cost(text, pattern);
        self.charge(usize::try_from(fuel).ok()?.saturating_mul(64))?;
        search(text, pattern)
    }
}
