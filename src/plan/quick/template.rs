//! A template as a whole.

use std::cell::Cell;

use minijinja::syntax::SyntaxConfig;

use super::eval::Run;
use super::got::Got;
use super::text::{Files, Loader, Scratch, Text};
use super::tree::{Expr, Part};
use crate::plan::template::Scope;

/// A template that can be evaluated here.
#[derive(Debug)]
pub struct Quick(Text);

/// What was made, and what it cost.
pub struct Done<T> {
    /// What was made of the value.
    pub made: T,
    /// What it cost, in fuel of minijinja; nothing where it only looks up names.
    pub fuel: u64,
}

impl Quick {
    /// A template; none where it is not known here. `name` is its own, beside which the
    /// files that it renders lie.
    pub fn parse(source: &str, name: &str, syntax: SyntaxConfig, files: &Files) -> Option<Self> {
        Text::parse(source, name, syntax, files).map(Self)
    }

    /// The expression, where it is no more than one.
    fn expression(&self) -> Option<&Expr> {
        match self.0.parts.as_slice() {
            [Part::Emit(expr)] => Some(expr),
            _ => None,
        }
    }

    /// The value of the one expression that it is, for `take` to make something of.
    pub fn value<T>(
        &self,
        loader: &dyn Loader,
        env: u64,
        scope: &Scope,
        most: u64,
        take: impl FnOnce(Got) -> Option<T>,
    ) -> Option<Done<T>> {
        let expr = self.expression()?;
        let units = Cell::new(0);
        let run = Run::new(loader, env, scope, &units, most.saturating_mul(64));
        let got = run.expr(expr).filter(|got| !got.is_undefined())?;
        let made = take(got)?;
        let fuel = if expr.is_path() { 0 } else { 2 + units.get() / 64 };
        Some(Done { made, fuel })
    }

    /// The text, for `take` to make something of.
    pub fn text<T>(
        &self,
        loader: &dyn Loader,
        env: u64,
        scope: &Scope,
        most: u64,
        take: impl FnOnce(Got) -> Option<T>,
    ) -> Option<Done<T>> {
        let units = Cell::new(0);
        let mut out = Scratch::take();
        let mut run = Run::new(loader, env, scope, &units, most.saturating_mul(64));
        run.parts(&self.0.parts, &mut out.0)?;
        let made = take(Got::Str(&out.0))?;
        Some(Done { made, fuel: 2 + units.get() / 64 })
    }
}
