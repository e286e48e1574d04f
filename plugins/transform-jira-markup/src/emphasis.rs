//! Decides which delimiters belong together, and which signs need an escape.
//!
//! Jira's rule: an opening delimiter does not stand directly after a letter or
//! digit, and no space follows it; a closing one has no space before it and no
//! letter or digit after it; a pair does not span lines or cells. The first
//! delimiter that may close an open one does.

use crate::chars::Class;
use crate::token::{Delimiter, Form, KINDS, Role, Token};

/// Gives every delimiter its role, in one pass over the tokens with a stack that
/// holds each kind at most once, and two passes for the escapes.
pub(crate) fn resolve(tokens: &mut [Token<'_>]) {
    if !tokens.iter().any(|t| matches!(t, Token::Delimiter(_))) {
        return;
    }
    pair(tokens);
    escape_openers(tokens);
    escape_closers(tokens);
}

fn delimiter<'t>(tokens: &'t mut [Token<'_>], at: usize) -> Option<&'t mut Delimiter> {
    match tokens.get_mut(at) {
        Some(Token::Delimiter(d)) => Some(d),
        _ => None,
    }
}

fn pair(tokens: &mut [Token<'_>]) {
    // Positions of the open delimiters, outermost first.
    let mut stack: Vec<usize> = Vec::with_capacity(KINDS);
    for at in 0..tokens.len() {
        let closer = match &tokens[at] {
            Token::Newline | Token::Break | Token::Cell { .. } => {
                stack.clear();
                continue;
            }
            Token::Delimiter(d) if (d.kind as usize) < KINDS => d,
            _ => continue,
        };
        let open = stack
            .iter()
            .rposition(|&o| matches!(&tokens[o], Token::Delimiter(d) if d.kind == closer.kind));
        let Some(level) = open else {
            if closer.opens {
                stack.push(at);
            }
            continue;
        };
        let Token::Delimiter(opener) = &tokens[stack[level]] else { continue };
        let same = opener.forced == closer.forced && opener.run == closer.run;
        if !closer.closes || !same || stack[level] + 1 == at {
            continue;
        }
        let form = form(opener, closer);
        if let Some(d) = delimiter(tokens, stack[level]) {
            d.role = Role::Open(form);
        }
        if let Some(d) = delimiter(tokens, at) {
            d.role = Role::Close(form);
        }
        stack.truncate(level);
    }
}

fn form(opener: &Delimiter, closer: &Delimiter) -> Form {
    if opener.after == Class::Space || closer.before == Class::Space {
        Form::Hidden
    } else if opener.left_flanking() && closer.right_flanking() {
        Form::Markdown
    } else {
        Form::Html
    }
}

/// The signs that literal delimiters can be, by which escapes are counted.
fn family(sign: u8) -> Option<usize> {
    [b'*', b'_', b'~'].iter().position(|&s| s == sign)
}

/// The sign that a delimiter is written with in Markdown, by family.
fn written(d: &Delimiter) -> Option<usize> {
    match (d.role, d.sign) {
        (Role::Open(Form::Markdown) | Role::Close(Form::Markdown), b'*' | b'_') => Some(0),
        (Role::Open(Form::Markdown) | Role::Close(Form::Markdown), b'-') => Some(2),
        (Role::Open(Form::Markdown) | Role::Close(Form::Markdown), b'~') if d.run == 2 => Some(2),
        _ => None,
    }
}

/// Escapes literal signs that open emphasis in Markdown, where something after
/// them in the same paragraph could close it. What is outside a pair cannot
/// close what is inside: the end of the pair comes first.
fn escape_openers(tokens: &mut [Token<'_>]) {
    let mut closes = [false; 3];
    let mut outer = Vec::new();
    for token in tokens.iter_mut().rev() {
        match token {
            Token::Cell { .. } => closes = [false; 3],
            Token::Delimiter(d) => {
                if let Some(family) = written(d) {
                    if matches!(d.role, Role::Close(_)) {
                        outer.push(std::mem::take(&mut closes));
                        closes[family] = true;
                    } else {
                        closes = outer.pop().unwrap_or_default();
                        closes[family] |= d.right_flanking();
                    }
                } else if let (Role::Literal, Some(family)) = (d.role, family(d.sign)) {
                    if d.markdown_opens() && closes[family] {
                        d.role = Role::Escaped;
                    }
                    closes[family] |= d.markdown_closes();
                }
            }
            _ => {}
        }
    }
}

/// Escapes literal signs that would close the emphasis around them.
fn escape_closers(tokens: &mut [Token<'_>]) {
    let mut open = [0_usize; 3];
    for token in tokens {
        let Token::Delimiter(d) = token else { continue };
        match (d.role, written(d), family(d.sign)) {
            (Role::Open(_), Some(family), _) => open[family] += 1,
            (Role::Close(_), Some(family), _) => open[family] -= 1,
            (Role::Literal, _, Some(family)) if open[family] > 0 && d.markdown_closes() => {
                d.role = Role::Escaped;
            }
            _ => {}
        }
    }
}
