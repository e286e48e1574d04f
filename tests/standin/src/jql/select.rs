//! Answers a query: how many issues match, and those of one page.

use std::cmp::Ordering;

use crate::data::{Catalog, Entry};
use crate::time::{now_ms, parse_jql_date};

use super::ast::{Clause, Expr, Field, Op, Query};

/// How a server treats values that it does not know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Unknown projects and keys are errors (`validateQuery`).
    pub(crate) validate: bool,
    /// An unknown key is compared by its number instead of being an error.
    pub(crate) compare_missing_keys: bool,
}

/// A clause with its values looked up.
enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Projects(Vec<usize>),
    /// Issues of one project by number.
    Key(usize, Op, u32),
    Indexes(Vec<u32>),
    Id(Op, u64),
    Created(Op, i64),
    Updated(Op, i64),
    Nothing,
}

/// The number of matches and the indexes of those from `start` on, `max` at
/// most; or Jira's messages about what is wrong.
pub(crate) fn select(
    catalog: &Catalog,
    query: &Query,
    rules: Rules,
    start: usize,
    max: usize,
) -> Result<(usize, Vec<u32>), Vec<String>> {
    let mut errors = Vec::new();
    let test = query.filter.as_ref().map(|expr| resolve(catalog, expr, rules, &mut errors));
    let order = order(query, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut rest = Vec::new();
    let parts = match test {
        Some(Test::And(parts)) => parts,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    // Most queries are a project and a range of its keys: a slice of the index.
    let projects = parts
        .iter()
        .find_map(|p| if let Test::Projects(list) = p { Some(list.clone()) } else { None });
    let mut slices: Vec<&[u32]> = match &projects {
        Some(list) => list.iter().map(|p| &catalog.projects[*p].order[..]).collect(),
        None => catalog.projects.iter().map(|p| &p.order[..]).collect(),
    };
    let mut narrowed_projects = false;
    for part in parts {
        match part {
            Test::Projects(_) if !narrowed_projects => narrowed_projects = true,
            Test::Key(project, op, number) if op != Op::NotEq => {
                slices.retain(|s| {
                    s.first().is_some_and(|i| catalog.entries[*i as usize].project == project)
                });
                if let [slice] = &mut slices[..] {
                    let position =
                        |n: u32| slice.partition_point(|i| catalog.entries[*i as usize].number < n);
                    let (from, to) = (position(number), position(number.saturating_add(1)));
                    *slice = match op {
                        Op::Greater => &slice[to..],
                        Op::GreaterEq => &slice[from..],
                        Op::Less => &slice[..from],
                        Op::LessEq => &slice[..to],
                        _ => &slice[from..to],
                    };
                }
            }
            other => rest.push(other),
        }
    }
    let by_key = slices.len() <= 1 && matches!(order.first(), Some((Field::Key, _)));
    if by_key && rest.is_empty() {
        let slice = slices.first().copied().unwrap_or(&[]);
        let page = |i: &mut dyn Iterator<Item = u32>| i.skip(start).take(max).collect();
        let descending = order[0].1;
        let mut forwards = slice.iter().copied();
        let page = if descending { page(&mut forwards.rev()) } else { page(&mut forwards) };
        return Ok((slice.len(), page));
    }
    let mut found: Vec<u32> = slices
        .into_iter()
        .flatten()
        .copied()
        .filter(|i| rest.iter().all(|t| holds(t, *i, &catalog.entries[*i as usize])))
        .collect();
    if !by_key || order[0].1 {
        found.sort_by(|a, b| compare(catalog, &order, *a, *b));
    }
    Ok((found.len(), found.into_iter().skip(start).take(max).collect()))
}

fn resolve(catalog: &Catalog, expr: &Expr, rules: Rules, errors: &mut Vec<String>) -> Test {
    let mut all =
        |parts: &[Expr]| parts.iter().map(|p| resolve(catalog, p, rules, errors)).collect();
    match expr {
        Expr::And(parts) => Test::And(all(parts)),
        Expr::Or(parts) => Test::Or(all(parts)),
        Expr::Not(inner) => Test::Not(Box::new(resolve(catalog, inner, rules, errors))),
        Expr::Clause(clause) => match resolve_clause(catalog, clause, rules) {
            Ok(test) => test,
            Err(mut messages) => {
                errors.append(&mut messages);
                Test::Nothing
            }
        },
    }
}

fn resolve_clause(catalog: &Catalog, clause: &Clause, rules: Rules) -> Result<Test, Vec<String>> {
    let Clause { field: name, op, values } = clause;
    let field = Field::of(name).ok_or_else(|| vec![unknown_field(name)])?;
    let unsupported =
        || vec![format!("The operator '{}' is not supported by the '{name}' field.", op.text())];
    let negated = matches!(op, Op::NotEq | Op::NotIn);
    let wrap = |test: Test| {
        if negated { Test::Not(Box::new(test)) } else { test }
    };
    match (field, op) {
        (Field::Project, Op::Eq | Op::NotEq | Op::In | Op::NotIn) => {
            let look_up = |v: &String| {
                catalog.project(v).ok_or_else(|| {
                    format!("The value '{v}' does not exist for the field 'project'.")
                })
            };
            let mut projects = known(values, look_up, rules.validate)?;
            projects.sort_unstable();
            projects.dedup();
            Ok(wrap(Test::Projects(projects)))
        }
        (Field::Key | Field::Id, Op::Eq | Op::NotEq | Op::In | Op::NotIn) => {
            let look_up = |v: &String| {
                let found = catalog.by_id_or_key(v).filter(|_| !catalog.refuses(v));
                found.ok_or_else(|| missing_key(v))
            };
            let validate = rules.validate && !rules.compare_missing_keys;
            known(values, look_up, validate).map(|indexes| wrap(Test::Indexes(indexes)))
        }
        (Field::Key | Field::Id, Op::Less | Op::Greater | Op::LessEq | Op::GreaterEq) => {
            let value = &values[0];
            if let (Field::Id, Ok(id)) = (field, value.parse()) {
                let ok =
                    catalog.by_id(id).is_some() || rules.compare_missing_keys || !rules.validate;
                return if ok { Ok(Test::Id(*op, id)) } else { Err(vec![missing_key(value)]) };
            }
            let there = catalog.by_id_or_key(value).filter(|_| !catalog.refuses(value));
            if there.is_none() && rules.validate && !rules.compare_missing_keys {
                return Err(vec![missing_key(value)]);
            }
            // A moved issue's former key stands for where the issue is now.
            let place = there
                .map(|i| &catalog.entries[i as usize])
                .map(|e| (e.project, e.number))
                .or_else(|| {
                    let (project, number) = value.rsplit_once('-')?;
                    Some((catalog.project(project)?, number.parse().ok()?))
                });
            Ok(place.map_or(Test::Nothing, |(project, number)| Test::Key(project, *op, number)))
        }
        (
            Field::Created | Field::Updated,
            Op::Eq | Op::NotEq | Op::Less | Op::Greater | Op::LessEq | Op::GreaterEq,
        ) => {
            let ms = parse_jql_date(&values[0], now_ms()).ok_or_else(|| {
                vec![format!(
                    "Date value '{}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.",
                    values[0]
                )]
            })?;
            Ok(if field == Field::Created {
                Test::Created(*op, ms)
            } else {
                Test::Updated(*op, ms)
            })
        }
        _ => Err(unsupported()),
    }
}

/// The values that are known; the messages about the others if they are errors.
fn known<T>(
    values: &[String],
    look_up: impl Fn(&String) -> Result<T, String>,
    validate: bool,
) -> Result<Vec<T>, Vec<String>> {
    let (found, wrong): (Vec<_>, Vec<_>) = values.iter().map(look_up).partition(Result::is_ok);
    if validate && !wrong.is_empty() {
        return Err(wrong.into_iter().filter_map(Result::err).collect());
    }
    Ok(found.into_iter().flatten().collect())
}

fn missing_key(key: &str) -> String {
    format!("An issue with key '{key}' does not exist for field 'issueKey'.")
}

fn unknown_field(name: &str) -> String {
    format!("Field '{name}' does not exist or this field cannot be viewed by anonymous users.")
}

/// The fields to sort by, the greatest first, with true for descending.
fn order(query: &Query, errors: &mut Vec<String>) -> Vec<(Field, bool)> {
    if query.order.is_empty() {
        return vec![(Field::Key, true)];
    }
    let mut out = Vec::new();
    for order in &query.order {
        match Field::of(&order.field) {
            // Unless said otherwise, dates come newest first, everything else rises.
            Some(field) => {
                out.push((
                    field,
                    order.descending.unwrap_or(matches!(field, Field::Created | Field::Updated)),
                ));
            }
            None => errors.push(format!("Not able to sort using field '{}'.", order.field)),
        }
    }
    out
}

fn compare(catalog: &Catalog, order: &[(Field, bool)], a: u32, b: u32) -> Ordering {
    let (x, y) = (&catalog.entries[a as usize], &catalog.entries[b as usize]);
    let project = |e: &Entry| &catalog.projects[e.project].key;
    for (field, descending) in order {
        let ordering = match field {
            Field::Key => project(x).cmp(project(y)).then(x.number.cmp(&y.number)),
            Field::Project => project(x).cmp(project(y)),
            Field::Id => x.id.cmp(&y.id),
            Field::Created => x.created.cmp(&y.created),
            Field::Updated => x.updated.cmp(&y.updated),
        };
        if ordering != Ordering::Equal {
            return if *descending { ordering.reverse() } else { ordering };
        }
    }
    Ordering::Equal
}

fn holds(test: &Test, index: u32, entry: &Entry) -> bool {
    match test {
        Test::And(parts) => parts.iter().all(|t| holds(t, index, entry)),
        Test::Or(parts) => parts.iter().any(|t| holds(t, index, entry)),
        Test::Not(inner) => !holds(inner, index, entry),
        Test::Projects(list) => list.contains(&entry.project),
        Test::Key(project, op, number) => {
            entry.project == *project && op.holds(&entry.number, number) == Some(true)
        }
        Test::Indexes(list) => list.contains(&index),
        Test::Id(op, id) => op.holds(&entry.id, id) == Some(true),
        Test::Created(op, ms) => op.holds(&entry.created, ms) == Some(true),
        Test::Updated(op, ms) => op.holds(&entry.updated, ms) == Some(true),
        Test::Nothing => false,
    }
}
