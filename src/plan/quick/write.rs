//! Writes texts.

use std::fmt::Write as _;

use minijinja::Value;

use super::eval::Run;
use super::got::Got;
use super::lists::{SLOT, STEP, items_of};
use super::tree::{Expr, Part};

impl<'r> Run<'r> {
    /// Writes the parts of a text.
    pub(super) fn parts(&mut self, parts: &'r [Part], out: &mut String) -> Option<()> {
        parts.iter().try_for_each(|part| self.part(part, out))
    }

    fn part(&mut self, part: &'r Part, out: &mut String) -> Option<()> {
        self.charge(STEP)?;
        match part {
            Part::Raw(text) => self.push(text, out)?,
            Part::Emit(Expr::Choice { test, then, otherwise: None }) => {
                // Where it is not chosen, nothing is written.
                self.charge(STEP)?;
                if self.expr(test)?.is_true() {
                    self.emit(&self.expr(then)?, out)?;
                }
            }
            Part::Emit(expr) => self.emit(&self.expr(expr)?, out)?,
            Part::Set(name, expr) => {
                let value = self.expr(expr)?.into_value();
                self.locals.push((name, value));
            }
            Part::If { test, then, otherwise } => {
                self.charge(STEP)?;
                let chosen = if self.expr(test)?.is_true() { then } else { otherwise };
                self.parts(chosen, out)?;
            }
            Part::For { var, list, when, body, otherwise } => {
                let list = self.expr(list)?.into_value();
                let all = items_of(&list)?;
                self.charge(8 * STEP * all.len())?;
                let before = self.locals.len();
                let chosen: Vec<Value>;
                let items = match when {
                    None => all,
                    Some(when) => {
                        let mut left = Vec::new();
                        for item in all {
                            self.locals.push((var, item.clone()));
                            if self.expr(when)?.is_true() {
                                left.push(item.clone());
                            }
                            self.locals.truncate(before);
                        }
                        chosen = left;
                        &chosen
                    }
                };
                self.charge((5 * STEP + SLOT) * items.len())?;
                for (at, item) in items.iter().enumerate() {
                    self.locals.push((var, item.clone()));
                    self.loops.push((at, items.len()));
                    self.parts(body, out)?;
                    self.loops.pop();
                    self.locals.truncate(before);
                }
                if items.is_empty() {
                    self.parts(otherwise, out)?;
                }
            }
            Part::Trim(body) => {
                let start = out.len();
                self.parts(body, out)?;
                self.charge(2 * STEP + 3 * (out.len() - start))?;
                let text = &out[start..];
                let end = start + text.trim_end().len();
                let lead = text.len() - text.trim_start().len();
                out.truncate(end);
                out.drain(start..end.min(start + lead));
            }
        }
        Some(())
    }

    fn emit(&self, got: &Got, out: &mut String) -> Option<()> {
        match got.text() {
            Some(text) => self.push(text, out),
            None if got.is_plain() => {
                self.charge(STEP)?;
                write!(out, "{}", got.value()).ok()
            }
            None => None,
        }
    }

    fn push(&self, text: &str, out: &mut String) -> Option<()> {
        self.charge(text.len())?;
        out.push_str(text);
        Some(())
    }
}
