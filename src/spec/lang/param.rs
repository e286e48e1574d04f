//! `params:` and `secrets:`.

use crate::spec::Yaml;
use crate::spec::section::{choice, section};

section! {
    /// A value that can be given on the command line.
    "a param" pub struct ParamSpec {
        /// What its values are.
        kind as "type": ParamType,
        /// Its value where none is given.
        default: Option<Yaml>,
        /// Whether a value must be given.
        required: bool = "false",
        /// A regular expression that the whole value, or each item of a list, must match.
        pattern: Option<String>,
        /// The only values, or items of a list, that are allowed.
        choices: Vec<String>,
        /// A short flag: one letter.
        short: Option<String>,
        /// What `--help` says about it.
        help: Option<String>,
    }
}

choice! {
    /// What the values of a param are.
    pub enum ParamType {
        /// Text.
        String = "string",
        /// A whole number.
        Int = "int",
        /// A number.
        Float = "float",
        /// `true` or `false`.
        Bool = "bool",
        /// A list of texts.
        List = "list",
        /// A duration such as `30s`.
        Duration = "duration",
        /// An address of HTTP.
        Url = "url",
        /// A file or a folder.
        Path = "path",
    }
}

section! {
    /// Where a secret comes from; it is read when a run starts, and never written anywhere.
    "a secret" pub struct SecretSpec {
        /// The environment variable that holds it.
        env: Option<String>,
        /// The file that holds it, without the line end.
        file: Option<String>,
        /// What it is, for the message when it is missing.
        help: Option<String>,
    }
}
