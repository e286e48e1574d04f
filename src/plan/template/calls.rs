//! What templates can call, asked before anything is rendered.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};

use super::Env;

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee {
    /// `x | name`
    Filter,
    /// `x is name`
    Test,
    /// `name(x)`
    Function,
}

impl Callee {
    /// For messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Function => "function",
        }
    }
}

/// Arguments that do not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong, to be read after the name: `needs more arguments`.
    pub message: String,
    /// How it is called, where it takes arguments that are worth telling.
    pub signature: Option<&'static str>,
}

/// How filters, tests and functions with arguments are called.
const SIGNATURES: [&str; 33] = [
    "attr(\"name\")",
    "batch(3)",
    "consecutive(\"role\")",
    "default(\"none\")",
    "divisibleby(3)",
    "endingwith(\"a\")",
    "eq(1)",
    "findall(\"[A-Z]+\")",
    "ge(1)",
    "groupby(\"name\")",
    "gt(1)",
    "in([1, 2])",
    "indent(4)",
    "join(\", \", attribute=\"name\")",
    "jql",
    "le(1)",
    "length",
    "lt(1)",
    "map(attribute=\"name\")",
    "matches(\"^[A-Z]\")",
    "mentioning(\"a phrase\")",
    "mentions(\"a phrase\")",
    "ne(1)",
    "range(3)",
    "rejectattr(\"name\", \"eq\", 1)",
    "render(\"issue.md.j2\")",
    "replace(\"a\", \"b\")",
    "selectattr(\"name\", \"eq\", 1)",
    "slice(3)",
    "sort(attribute=\"name\", reverse=true)",
    "split(\",\")",
    "startingwith(\"a\")",
    "truncate_words(100, end=\" …\")",
];

impl Env {
    /// Whether there is something of a name.
    pub fn has(&self, callee: Callee, name: &str) -> bool {
        let error = match callee {
            Callee::Filter => self.inner.empty_state().apply_filter(name, &[]).err(),
            Callee::Test => self.inner.empty_state().perform_test(name, &[]).err(),
            Callee::Function => return self.inner.globals().any(|(global, _)| global == name),
        };
        let unknown =
            |e: &Error| matches!(e.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest);
        !error.as_ref().is_some_and(unknown)
    }

    /// What is wrong with the number of arguments, or with their names. They are
    /// tried on an empty text and on an empty list; what only the values could
    /// tell is let pass.
    pub fn misfit(
        &self,
        callee: Callee,
        name: &str,
        positional: &[Value],
        named: &[&str],
    ) -> Option<Misfit> {
        let piped: &[Value] = match callee {
            Callee::Function => &[Value::UNDEFINED],
            Callee::Filter | Callee::Test => &[Value::from(""), Value::from(Vec::<Value>::new())],
        };
        let error = piped.iter().find_map(|first| {
            let mut args: Vec<Value> = match callee {
                Callee::Function => Vec::new(),
                Callee::Filter | Callee::Test => vec![first.clone()],
            };
            args.extend_from_slice(positional);
            if !named.is_empty() {
                let named = named.iter().map(|name| ((*name).to_owned(), Value::from("")));
                args.push(named.collect::<Kwargs>().into());
            }
            let error = self.call(callee, name, &args)?;
            matches!(error.kind(), ErrorKind::MissingArgument | ErrorKind::TooManyArguments)
                .then_some(error)
        })?;
        let unknown =
            error.detail().and_then(|d| d.split('\'').nth(1)).filter(|n| named.contains(n));
        let message = match (error.kind(), unknown) {
            (_, Some(name)) => format!("has no argument `{name}`"),
            (ErrorKind::MissingArgument, _) => String::from("needs more arguments"),
            _ => String::from("takes fewer arguments"),
        };
        let called = |signature: &&&str| signature.split('(').next() == Some(name);
        Some(Misfit { message, signature: SIGNATURES.iter().find(called).copied() })
    }

    fn call(&self, callee: Callee, name: &str, args: &[Value]) -> Option<Error> {
        let mut state = self.inner.empty_state();
        match callee {
            Callee::Filter => state.apply_filter(name, args).err(),
            Callee::Test => state.perform_test(name, args).err(),
            Callee::Function => {
                let (_, function) = self.inner.globals().find(|(global, _)| *global == name)?;
                function.call(&mut state, args).err()
            }
        }
    }

    /// The tests that are worth naming in a hint.
    pub const TESTS: &[&str] = &[
        "boolean",
        "defined",
        "divisibleby",
        "endingwith",
        "eq",
        "even",
        "false",
        "float",
        "ge",
        "gt",
        "in",
        "integer",
        "iterable",
        "le",
        "lower",
        "lt",
        "mapping",
        "mentioning",
        "ne",
        "none",
        "number",
        "odd",
        "sameas",
        "sequence",
        "startingwith",
        "string",
        "true",
        "undefined",
        "upper",
    ];

    /// The filters that are worth naming in a hint: minijinja's, then our own.
    pub const FILTERS: &[&str] = &[
        "abs",
        "attr",
        "batch",
        "bool",
        "capitalize",
        "chain",
        "count",
        "default",
        "dictsort",
        "escape",
        "first",
        "float",
        "format",
        "groupby",
        "indent",
        "int",
        "items",
        "join",
        "last",
        "length",
        "lines",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "pprint",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "safe",
        "select",
        "selectattr",
        "slice",
        "sort",
        "split",
        "string",
        "sum",
        "title",
        "tojson",
        "trim",
        "unique",
        "upper",
        "urlencode",
        "zip",
        "consecutive",
        "findall",
        "jql",
        "matches",
        "mentions",
        "truncate_words",
        "words",
    ];
}
