//! What templates are parsed into.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use minijinja::Value;

use super::text::File;
use crate::plan::template::Name;

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Const(Value),
    /// A name of the template's own, or of the scope.
    Name(Name),
    /// `of.name`; `place` is where it was found in an object the last time.
    Attr {
        of: Box<Expr>,
        name: Box<str>,
        place: AtomicUsize,
    },
    /// `of[key]`
    Item {
        of: Box<Expr>,
        key: Box<Expr>,
    },
    /// `of[start:stop]`
    Slice {
        of: Box<Expr>,
        start: Option<Box<Expr>>,
        stop: Option<Box<Expr>>,
    },
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare {
        first: Box<Expr>,
        op: Op,
        second: Box<Expr>,
    },
    /// `left ~ right`
    Concat(Box<Expr>, Box<Expr>),
    /// `then if test else otherwise`
    Choice {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    List(Vec<Expr>),
    /// `of | filter`
    Filter {
        of: Box<Expr>,
        filter: Box<Filter>,
    },
    /// `loop.index` and its like, in a loop of the template
    Loop(LoopField),
    /// `render("name")`
    Render(Arc<File>),
    /// What takes no name itself, with the texts in it, and what it was the first time with what that
    /// cost; nothing of these where a text in it does take one.
    Steady {
        of: Box<Expr>,
        files: Vec<Arc<File>>,
        kept: OnceLock<Option<(Value, u64)>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    NotIn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopField {
    First,
    Last,
    Index,
    Index0,
    Length,
}

#[derive(Debug)]
pub(super) enum Filter {
    Trim,
    Words,
    Length,
    Lines,
    First,
    List,
    /// `split`, with its separator
    Split(Option<Expr>),
    Join(Option<Expr>),
    Chain(Vec<Expr>),
    Unique {
        case_sensitive: bool,
    },
    /// `map(attribute="name")`
    Attribute(Box<str>),
    /// `select`, `reject`, and with an attribute `selectattr`, `rejectattr`
    Select {
        attribute: Option<Box<str>>,
        test: Option<(Op, Expr)>,
        wanted: bool,
    },
    Consecutive(Box<str>),
    Matches(Expr),
    FindAll(Expr),
}

impl Filter {
    /// Whether it was written with some.
    pub(super) fn has_arguments(&self) -> bool {
        !matches!(
            self,
            Self::Trim | Self::Words | Self::Length | Self::Lines | Self::First | Self::List
        )
    }
}

/// A part of a text.
#[derive(Debug)]
pub(super) enum Part {
    Raw(Box<str>),
    Emit(Expr),
    Set(Name, Expr),
    If {
        test: Expr,
        then: Vec<Part>,
        otherwise: Vec<Part>,
    },
    For {
        var: Name,
        list: Expr,
        when: Option<Expr>,
        body: Vec<Part>,
        otherwise: Vec<Part>,
    },
    /// `{% filter trim %}`
    Trim(Vec<Part>),
}

impl Expr {
    /// Calls `each` with all expressions that it is directly made of.
    pub(super) fn parts(&mut self, each: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Const(_) | Self::Name(_) | Self::Loop(_) | Self::Render(_) => {}
            Self::Attr { of, .. } | Self::Not(of) | Self::Steady { of, .. } => each(of),
            Self::Item { of: one, key: other }
            | Self::And(one, other)
            | Self::Or(one, other)
            | Self::Compare { first: one, second: other, .. }
            | Self::Concat(one, other) => {
                each(one);
                each(other);
            }
            Self::Slice { of, start, stop } => {
                each(of);
                start.iter_mut().chain(stop).for_each(|bound| each(bound));
            }
            Self::Choice { test, then, otherwise } => {
                each(test);
                each(then);
                otherwise.iter_mut().for_each(|otherwise| each(otherwise));
            }
            Self::List(items) => items.iter_mut().for_each(each),
            Self::Filter { of, filter } => {
                each(of);
                match &mut **filter {
                    Filter::Split(arg) | Filter::Join(arg) => arg.iter_mut().for_each(each),
                    Filter::Select { test, .. } => {
                        test.iter_mut().for_each(|(_, operand)| each(operand));
                    }
                    Filter::Matches(pattern) | Filter::FindAll(pattern) => each(pattern),
                    Filter::Chain(others) => others.iter_mut().for_each(each),
                    _ => {}
                }
            }
        }
    }

    /// Whether it is no more than names with points between them.
    pub(super) fn is_path(&self) -> bool {
        match self {
            Self::Name(_) => true,
            Self::Attr { of, .. } => of.is_path(),
            _ => false,
        }
    }
}
