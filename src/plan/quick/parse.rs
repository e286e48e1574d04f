//! From minijinja's own syntax tree to the one that is evaluated here. What has no
//! meaning here has none as a whole: then minijinja does it all.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::machinery::ast;
use minijinja::machinery::parse as parse_source;
use minijinja::syntax::SyntaxConfig;

use super::text::{File, Files};
use super::tree::{Expr, Filter, LoopField, Op, Part};
use crate::plan::template::Name;

/// What a parsed text is, with what it may ask for.
pub(super) struct Parsed {
    pub(super) parts: Vec<Part>,
    /// Names that it may look up in the scope.
    pub(super) names: BTreeSet<String>,
    /// Files that it may render.
    pub(super) files: Vec<Arc<File>>,
}

/// Parses a template; `name` is its own, beside which its files lie.
pub(super) fn parse(
    source: &str,
    name: &str,
    syntax: SyntaxConfig,
    files: &Files,
) -> Option<Parsed> {
    let ast::Stmt::Template(template) = parse_source(source, name, syntax).ok()? else {
        return None;
    };
    let mut parser = Parser { name, files, loops: 0, names: BTreeSet::new(), used: Vec::new() };
    let parts = parser.parts(&template.children)?;
    Some(Parsed { parts, names: parser.names, files: parser.used })
}

struct Parser<'p> {
    name: &'p str,
    files: &'p Files,
    /// How many loops are around.
    loops: usize,
    names: BTreeSet<String>,
    used: Vec<Arc<File>>,
}

impl Parser<'_> {
    fn parts(&mut self, statements: &[ast::Stmt]) -> Option<Vec<Part>> {
        statements.iter().map(|statement| self.part(statement)).collect()
    }

    fn part(&mut self, statement: &ast::Stmt) -> Option<Part> {
        Some(match statement {
            ast::Stmt::EmitRaw(raw) => Part::Raw(raw.raw.into()),
            ast::Stmt::EmitExpr(emit) => Part::Emit(self.whole(&emit.expr)?),
            ast::Stmt::Set(set) => Part::Set(own_name(&set.target)?, self.whole(&set.expr)?),
            ast::Stmt::IfCond(cond) => Part::If {
                test: self.whole(&cond.expr)?,
                then: self.parts(&cond.true_body)?,
                otherwise: self.parts(&cond.false_body)?,
            },
            ast::Stmt::ForLoop(each) if !each.recursive => {
                let list = self.whole(&each.iter)?;
                let var = own_name(&each.target)?;
                // There is no loop yet while its items are chosen.
                let outer = std::mem::take(&mut self.loops);
                let when = match &each.filter_expr {
                    Some(when) => Some(self.whole(when)?),
                    None => None,
                };
                self.loops = outer + 1;
                let body = self.parts(&each.body)?;
                self.loops = outer;
                let otherwise = self.parts(&each.else_body)?;
                Part::For { var, list, when, body, otherwise }
            }
            ast::Stmt::FilterBlock(block) => match &block.filter {
                ast::Expr::Filter(filter)
                    if filter.name == "trim" && filter.expr.is_none() && filter.args.is_empty() =>
                {
                    Part::Trim(self.parts(&block.body)?)
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    /// An expression, with what is steady in it marked so.
    fn whole(&mut self, expr: &ast::Expr) -> Option<Expr> {
        let mut expr = self.expr(expr)?;
        mark_steady(&mut expr);
        Some(expr)
    }

    fn boxed(&mut self, expr: &ast::Expr) -> Option<Box<Expr>> {
        self.expr(expr).map(Box::new)
    }

    fn optional(&mut self, expr: Option<&ast::Expr>) -> Option<Option<Box<Expr>>> {
        match expr {
            Some(expr) => self.boxed(expr).map(Some),
            None => Some(None),
        }
    }

    fn expr(&mut self, expr: &ast::Expr) -> Option<Expr> {
        if let Some(value) = expr.as_const() {
            return (!value.is_undefined()).then_some(Expr::Const(value));
        }
        Some(match expr {
            ast::Expr::Var(var) => {
                // Some are no names of values, and the loop is none outside of an attribute.
                let reserved = matches!(var.id, "self" | "super" | "caller" | "loop");
                if reserved || var.id.starts_with("__") {
                    return None;
                }
                self.names.insert(var.id.to_owned());
                Expr::Name(var.id.into())
            }
            ast::Expr::GetAttr(attr) => {
                if let ast::Expr::Var(var) = &attr.expr
                    && var.id == "loop"
                {
                    return self.loop_field(attr.name);
                }
                let of = self.boxed(&attr.expr)?;
                Expr::Attr { of, name: attr.name.into(), place: AtomicUsize::new(0) }
            }
            ast::Expr::GetItem(item) => {
                Expr::Item { of: self.boxed(&item.expr)?, key: self.boxed(&item.subscript_expr)? }
            }
            ast::Expr::Slice(slice) if slice.step.is_none() => Expr::Slice {
                of: self.boxed(&slice.expr)?,
                start: self.optional(slice.start.as_ref())?,
                stop: self.optional(slice.stop.as_ref())?,
            },
            ast::Expr::UnaryOp(unary) if matches!(unary.op, ast::UnaryOpKind::Not) => {
                Expr::Not(self.boxed(&unary.expr)?)
            }
            ast::Expr::BinOp(binary) => {
                let (left, right) = (self.boxed(&binary.left)?, self.boxed(&binary.right)?);
                let op = match binary.op {
                    ast::BinOpKind::ScAnd => return Some(Expr::And(left, right)),
                    ast::BinOpKind::ScOr => return Some(Expr::Or(left, right)),
                    ast::BinOpKind::Concat => return Some(Expr::Concat(left, right)),
                    ast::BinOpKind::Eq => Op::Eq,
                    ast::BinOpKind::Ne => Op::Ne,
                    ast::BinOpKind::Lt => Op::Lt,
                    ast::BinOpKind::Lte => Op::Lte,
                    ast::BinOpKind::Gt => Op::Gt,
                    ast::BinOpKind::Gte => Op::Gte,
                    ast::BinOpKind::In => Op::In,
                    _ => return None,
                };
                Expr::Compare { first: left, op, second: right }
            }
            ast::Expr::Compare(compare) => {
                let [other] = compare.ops.as_slice() else { return None };
                let op = match other.op {
                    ast::CompareOpKind::Eq => Op::Eq,
                    ast::CompareOpKind::Ne => Op::Ne,
                    ast::CompareOpKind::Lt => Op::Lt,
                    ast::CompareOpKind::Lte => Op::Lte,
                    ast::CompareOpKind::Gt => Op::Gt,
                    ast::CompareOpKind::Gte => Op::Gte,
                    ast::CompareOpKind::In => Op::In,
                    ast::CompareOpKind::NotIn => Op::NotIn,
                };
                let (first, second) = (self.boxed(&compare.expr)?, self.boxed(&other.expr)?);
                Expr::Compare { first, op, second }
            }
            ast::Expr::IfExpr(choice) => Expr::Choice {
                test: self.boxed(&choice.test_expr)?,
                then: self.boxed(&choice.true_expr)?,
                otherwise: self.optional(choice.false_expr.as_ref())?,
            },
            ast::Expr::List(list) => {
                Expr::List(list.items.iter().map(|item| self.expr(item)).collect::<Option<_>>()?)
            }
            ast::Expr::Filter(filter) => {
                let of = self.boxed(filter.expr.as_ref()?)?;
                let filter = Box::new(self.filter(filter.name, &filter.args)?);
                Expr::Filter { of, filter }
            }
            ast::Expr::Call(call) => match (&call.expr, call.args.as_slice()) {
                (ast::Expr::Var(var), [ast::CallArg::Pos(ast::Expr::Const(name))])
                    if var.id == "render" =>
                {
                    let file = self
                        .files
                        .of(&crate::plan::template::beside(name.value.as_str()?, self.name));
                    self.used.push(file.clone());
                    Expr::Render(file)
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    fn loop_field(&self, name: &str) -> Option<Expr> {
        let field = match name {
            "first" => LoopField::First,
            "last" => LoopField::Last,
            "index" => LoopField::Index,
            "index0" => LoopField::Index0,
            "length" => LoopField::Length,
            _ => return None,
        };
        (self.loops > 0).then_some(Expr::Loop(field))
    }

    fn filter(&mut self, name: &str, args: &[ast::CallArg]) -> Option<Filter> {
        use ast::CallArg::{Kwarg, Pos};
        Some(match (name, args) {
            ("trim", []) => Filter::Trim,
            ("words", []) => Filter::Words,
            ("length" | "count", []) => Filter::Length,
            ("lines", []) => Filter::Lines,
            ("first", []) => Filter::First,
            ("list", []) => Filter::List,
            ("split", []) => Filter::Split(None),
            ("split", [Pos(separator)]) => Filter::Split(Some(self.expr(separator)?)),
            ("join", []) => Filter::Join(None),
            ("join", [Pos(separator)]) => Filter::Join(Some(self.expr(separator)?)),
            ("chain", [Pos(other)]) => Filter::Chain(vec![self.expr(other)?]),
            ("unique", []) => Filter::Unique { case_sensitive: false },
            ("unique", [Kwarg("case_sensitive", value)]) => {
                let value = value.as_const()?;
                (value == Value::from(true)).then_some(Filter::Unique { case_sensitive: true })?
            }
            ("map", [Kwarg("attribute", attribute)]) => Filter::Attribute(plain_name(attribute)?),
            ("select" | "reject", test) => {
                let test = self.test(test)?;
                Filter::Select { attribute: None, test, wanted: name == "select" }
            }
            ("selectattr" | "rejectattr", [Pos(attribute), test @ ..]) => Filter::Select {
                attribute: Some(plain_name(attribute)?),
                test: self.test(test)?,
                wanted: name == "selectattr",
            },
            ("consecutive", [Pos(attribute)]) => Filter::Consecutive(plain_name(attribute)?),
            ("matches", [Pos(pattern)]) => Filter::Matches(self.expr(pattern)?),
            ("findall", [Pos(pattern)]) => Filter::FindAll(self.expr(pattern)?),
            _ => return None,
        })
    }

    /// `"in", list`, or nothing.
    #[allow(clippy::option_option)]
    fn test(&mut self, args: &[ast::CallArg]) -> Option<Option<(Op, Expr)>> {
        let [ast::CallArg::Pos(test), ast::CallArg::Pos(operand)] = args else {
            return args.is_empty().then_some(None);
        };
        let op = match test.as_const()?.as_str()? {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "in" => Op::In,
            _ => return None,
        };
        Some(Some((op, self.expr(operand)?)))
    }
}

/// The name that is set; the loop and what begins as the engine's own do is not.
fn own_name(target: &ast::Expr) -> Option<Name> {
    match target {
        ast::Expr::Var(var) if var.id != "loop" && !var.id.starts_with("__") => Some(var.id.into()),
        _ => None,
    }
}

/// An attribute that is a name and no path.
fn plain_name(attribute: &ast::Expr) -> Option<Box<str>> {
    let attribute = attribute.as_const()?;
    let name = attribute.as_str()?;
    super::lists::is_name(name).then(|| name.into())
}

fn mark_steady(expr: &mut Expr) {
    if !is_work(expr) {
        return;
    }
    if !takes_names(expr) {
        let mut files = Vec::new();
        add_files(expr, &mut files);
        let of = Box::new(std::mem::replace(expr, Expr::List(Vec::new())));
        *expr = Expr::Steady { of, files, kept: OnceLock::new() };
        return;
    }
    expr.parts(&mut mark_steady);
}

fn takes_names(expr: &mut Expr) -> bool {
    let mut found = matches!(expr, Expr::Name(_) | Expr::Loop(_));
    expr.parts(&mut |part| found |= takes_names(part));
    found
}

fn add_files(expr: &mut Expr, files: &mut Vec<Arc<File>>) {
    if let Expr::Render(file) = expr {
        files.push(file.clone());
    }
    expr.parts(&mut |part| add_files(part, files));
}

/// Whether there is something in it that is worth to be kept.
fn is_work(expr: &mut Expr) -> bool {
    let mut found = matches!(expr, Expr::Filter { .. });
    expr.parts(&mut |part| found |= is_work(part));
    found
}
