//! Tokens to a query.

use super::ast::{Clause, Expr, Op, Order, Query};
use super::lexer::{Kind, Token, tokens};

/// Words that must be quoted when they are meant as a value (Atlassian's list of reserved words).
const RESERVED: &str = " abort access add after alias all alter and any as asc audit avg before begin between boolean break by byte catch cf char character check checkpoint collate collation column commit connect continue count create current date decimal declare decrement default defaults define delete delimiter desc difference distinct divide do double drop else empty encoding end equals escape exclusive exec execute exists explain false fetch file field first float for from function go goto grant greater group having identified if immediate in increment index initial inner inout input insert int integer intersect intersection into is isempty isnull join last left less like limit lock long max min minus mode modify modulo more multiply next noaudit not notin nowait null number object of on option or order outer output power previous prior privileges public raise raw remainder rename resource return returns revoke right row rowid rownum rows select session set share size sqrt start strict string subtract sum synonym table then to trans transaction trigger true uid union unique update user validate values view when whenever where while with ";

/// The query that `jql` says, or Jira's message about why it is none.
pub(crate) fn parse(jql: &str) -> Result<Query, String> {
    let mut parser = Parser { tokens: tokens(jql).map_err(prefixed)?, pos: 0 };
    parser.query().map_err(prefixed)
}

fn prefixed(message: String) -> String {
    format!("Error in the JQL Query: {message}")
}

fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&format!(" {} ", word.to_ascii_lowercase()))
}

struct Parser {
    tokens: Vec<Token>,
    pos: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.pos.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.pos += 1;
        token
    }

    /// Takes the next token if it is this word, in any case.
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().kind, Kind::Word(w) if w.eq_ignore_ascii_case(word));
        self.pos += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(&self.peek().kind, Kind::Sign(s) if *s == sign);
        self.pos += usize::from(found);
        found
    }

    fn query(&mut self) -> Result<Query, String> {
        let starts_with_order =
            matches!(&self.peek().kind, Kind::Word(w) if w.eq_ignore_ascii_case("order"));
        let filter = if starts_with_order || self.peek().kind == Kind::End {
            None
        } else {
            Some(self.or()?)
        };
        let mut order = Vec::new();
        if self.word("order") {
            if !self.word("by") {
                return Err(expecting("'by'", self.peek()));
            }
            loop {
                let token = self.next();
                let (Kind::Word(field) | Kind::Quoted(field)) = token.kind.clone() else {
                    return Err(expecting("a field name", &token));
                };
                let descending =
                    if self.word("desc") { Some(true) } else { self.word("asc").then_some(false) };
                order.push(Order { field, descending });
                if !self.sign(",") {
                    break;
                }
            }
        }
        match self.peek() {
            Token { kind: Kind::End, .. } => Ok(Query { filter, order }),
            token if order.is_empty() => Err(expecting("either 'OR' or 'AND'", token)),
            token => Err(expecting("either 'ASC' or 'DESC' or ','", token)),
        }
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.and()?];
        while self.word("or") || self.sign("||") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.not()?];
        while self.word("and") || self.sign("&&") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, String> {
        if self.word("not") || self.sign("!") {
            return Ok(Expr::Not(Box::new(self.not()?)));
        }
        if self.sign("(") {
            let inner = self.or()?;
            return if self.sign(")") { Ok(inner) } else { Err(expecting("')'", self.peek())) };
        }
        self.clause().map(Expr::Clause)
    }

    fn clause(&mut self) -> Result<Clause, String> {
        let token = self.next();
        let field = match &token.kind {
            Kind::Word(word) if is_reserved(word) => return Err(reserved(word, &token)),
            Kind::Word(word) | Kind::Quoted(word) => word.clone(),
            _ => return Err(expecting("a field name", &token)),
        };
        let token = self.next();
        let op = match &token.kind {
            Kind::Sign("=") => Op::Eq,
            Kind::Sign("!=") => Op::NotEq,
            Kind::Sign("<") => Op::Less,
            Kind::Sign(">") => Op::Greater,
            Kind::Sign("<=") => Op::LessEq,
            Kind::Sign(">=") => Op::GreaterEq,
            Kind::Sign("~") => Op::Like,
            Kind::Sign("!~") => Op::NotLike,
            Kind::Word(w) if w.eq_ignore_ascii_case("in") => Op::In,
            Kind::Word(w) if w.eq_ignore_ascii_case("not") && self.word("in") => Op::NotIn,
            Kind::Word(w) if w.eq_ignore_ascii_case("is") => {
                if self.word("not") {
                    Op::IsNot
                } else {
                    Op::Is
                }
            }
            _ => {
                return Err(format!(
                    "Expecting operator but got {}. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'. {}",
                    shown(&token),
                    place(&token)
                ));
            }
        };
        let values = match op {
            Op::In | Op::NotIn => self.list()?,
            Op::Is | Op::IsNot => {
                if self.word("empty") || self.word("null") {
                    Vec::new()
                } else {
                    return Err(expecting("'EMPTY' or 'NULL'", self.peek()));
                }
            }
            _ => vec![self.value()?],
        };
        Ok(Clause { field, op, values })
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        if !self.sign("(") {
            return Err(expecting("'('", self.peek()));
        }
        let mut values = vec![self.value()?];
        while self.sign(",") {
            values.push(self.value()?);
        }
        if self.sign(")") { Ok(values) } else { Err(expecting("either ')' or ','", self.peek())) }
    }

    fn value(&mut self) -> Result<String, String> {
        let token = self.next();
        match &token.kind {
            Kind::Word(word) if is_reserved(word) => Err(reserved(word, &token)),
            Kind::Word(word) | Kind::Quoted(word) => Ok(word.clone()),
            _ => Err(expecting("either a value, list or function", &token)),
        }
    }
}

fn one_or(mut parts: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.swap_remove(0) } else { join(parts) }
}

fn shown(token: &Token) -> String {
    match &token.kind {
        Kind::Word(text) | Kind::Quoted(text) => format!("'{text}'"),
        Kind::Sign(sign) => format!("'{sign}'"),
        Kind::End => "the end of the query".to_owned(),
    }
}

fn place(token: &Token) -> String {
    format!("(line {}, character {})", token.line, token.column)
}

fn expecting(what: &str, token: &Token) -> String {
    format!("Expecting {what} but got {}. {}", shown(token), place(token))
}

fn reserved(word: &str, token: &Token) -> String {
    format!(
        "'{word}' is a reserved JQL word. You must surround it in quotation marks to use it in a query. {}",
        place(token)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(field: &str, op: Op, values: &[&str]) -> Expr {
        Expr::Clause(Clause {
            field: field.into(),
            op,
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        })
    }

    #[test]
    fn reads_a_crawlers_query() {
        let query = parse(
            r#"project = "A B" AND issuekey > AB-12 and (key in (X-1,'Y-2') or NOT updated >= 1420070400000) ORDER BY key, updated DESC"#,
        );
        let want = Query {
            filter: Some(Expr::And(vec![
                clause("project", Op::Eq, &["A B"]),
                clause("issuekey", Op::Greater, &["AB-12"]),
                Expr::Or(vec![
                    clause("key", Op::In, &["X-1", "Y-2"]),
                    Expr::Not(Box::new(clause("updated", Op::GreaterEq, &["1420070400000"]))),
                ]),
            ])),
            order: vec![
                Order { field: "key".into(), descending: None },
                Order { field: "updated".into(), descending: Some(true) },
            ],
        };
        assert_eq!(query, Ok(want));
        assert_eq!(parse(""), Ok(Query { filter: None, order: vec![] }));
        assert_eq!(
            parse(r#"project = "a\"\\\u0041\t""#).map(|q| q.filter),
            Ok(Some(clause("project", Op::Eq, &["a\"\\A\t"])))
        );
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (jql, message) in [
            (
                "project = INT",
                "'INT' is a reserved JQL word. You must surround it in quotation marks to use it in a query. (line 1, character 11)",
            ),
            (
                "invalid query",
                "Expecting operator but got 'query'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'. (line 1, character 9)",
            ),
            (
                "project = \"A",
                "The quoted string 'A' has not been completed. (line 1, character 11)",
            ),
            (
                "project =",
                "Expecting either a value, list or function but got the end of the query. (line 1, character 10)",
            ),
            (
                "project = A\n  B",
                "Expecting either 'OR' or 'AND' but got 'B'. (line 2, character 3)",
            ),
        ] {
            assert_eq!(parse(jql), Err(format!("Error in the JQL Query: {message}")), "{jql}");
        }
        assert!(parse("project = %A").expect_err("reserved").contains("reserved JQL character"));
    }
}
