//! A parsed query.

/// The filter (none: everything) and the order.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    pub(crate) filter: Option<Expr>,
    pub(crate) order: Vec<Order>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Clause(Clause),
}

/// `field operator value(s)`.
#[derive(Debug, PartialEq)]
pub(crate) struct Clause {
    /// As written; compare through [`Field::of`].
    pub(crate) field: String,
    pub(crate) op: Op,
    /// One value, or those of a list.
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    NotEq,
    Less,
    Greater,
    LessEq,
    GreaterEq,
    Like,
    NotLike,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Op {
    /// As Jira writes it in messages.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::NotEq => "!=",
            Op::Less => "<",
            Op::Greater => ">",
            Op::LessEq => "<=",
            Op::GreaterEq => ">=",
            Op::Like => "~",
            Op::NotLike => "!~",
            Op::In => "in",
            Op::NotIn => "not in",
            Op::Is => "is",
            Op::IsNot => "is not",
        }
    }

    /// The comparison of two ordered values; `None` for an operator that compares nothing.
    pub(crate) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> Option<bool> {
        Some(match self {
            Op::Eq => left == right,
            Op::NotEq => left != right,
            Op::Less => left < right,
            Op::Greater => left > right,
            Op::LessEq => left <= right,
            Op::GreaterEq => left >= right,
            _ => return None,
        })
    }
}

/// The fields that the stand-in can search and sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Project,
    Key,
    Id,
    Created,
    Updated,
}

impl Field {
    /// The field of a clause name, in any case.
    pub(crate) fn of(name: &str) -> Option<Field> {
        Some(match name.to_ascii_lowercase().as_str() {
            "project" => Field::Project,
            "key" | "issuekey" | "issue" => Field::Key,
            "id" => Field::Id,
            "created" | "createddate" => Field::Created,
            "updated" | "updateddate" => Field::Updated,
            _ => return None,
        })
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Order {
    /// As written.
    pub(crate) field: String,
    /// `None` when neither ASC nor DESC was written.
    pub(crate) descending: Option<bool>,
}

impl Query {
    /// What the pages of one crawl have in common: the projects and the order, not the place.
    pub(crate) fn crawl(&self) -> String {
        fn projects(expr: &Expr, out: &mut Vec<String>) {
            match expr {
                Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|p| projects(p, out)),
                Expr::Not(_) => {}
                Expr::Clause(c) if Field::of(&c.field) == Some(Field::Project) => {
                    out.extend(c.values.iter().cloned())
                }
                Expr::Clause(_) => {}
            }
        }
        let mut found = Vec::new();
        if let Some(filter) = &self.filter {
            projects(filter, &mut found);
        }
        format!("{found:?} {:?}", self.order)
    }
}
