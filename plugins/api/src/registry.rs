//! What plugins are linked into this binary, and how each is made.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Fetch, FetchOptions, Sink, Transform};

/// The three kinds of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// [`Fetch`]
    Fetch,
    /// [`Transform`]
    Transform,
    /// [`Sink`]
    Sink,
}

impl Kind {
    /// The name on the command line and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Transform => "transform",
            Self::Sink => "sink",
        }
    }
}

/// Options that do not fit, with the place inside the options: `scrape validate`
/// shows the message with a caret under that place of the spec.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct OptionsError {
    /// Keys and list indices from the top of the options to what is wrong.
    pub path: Vec<String>,
    /// What is wrong, one sentence.
    pub message: String,
}

impl OptionsError {
    /// An error at the option of this name.
    pub fn at(option: &str, message: impl Into<String>) -> Self {
        Self { path: vec![option.to_owned()], message: message.into() }
    }
}

/// What a constructor returns.
pub type Made<T> = Result<Box<T>, OptionsError>;

/// Makes a plugin from its options, without I/O: `scrape validate` calls it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Constructor {
    /// Makes a transport.
    Fetch(fn(Value, &FetchOptions) -> Made<dyn Fetch>),
    /// Makes a transform.
    Transform(fn(Value) -> Made<dyn Transform>),
    /// Makes a sink.
    Sink(fn(Value) -> Made<dyn Sink>),
}

impl Constructor {
    /// Which kind of plugin it makes.
    pub fn kind(self) -> Kind {
        match self {
            Self::Fetch(_) => Kind::Fetch,
            Self::Transform(_) => Kind::Transform,
            Self::Sink(_) => Kind::Sink,
        }
    }
}

/// A plugin's description of itself: what `scrape list` prints and what a spec
/// can name under `type:`. The `register_*!` macros make it; by hand it is only
/// read.
pub struct Plugin {
    /// The name after `type:`.
    pub name: &'static str,
    /// One sentence without a full stop, which fits a line.
    pub summary: &'static str,
    /// An example of its use: a part of a spec, from its top level, as YAML. Laid
    /// over `specs/minimal.yaml` it is a valid spec.
    pub example: &'static str,
    /// The crate that it comes from.
    pub crate_name: &'static str,
    /// The version of that crate.
    pub crate_version: &'static str,
    /// JSON Schema of its options, defaults included.
    pub schema: fn() -> schemars::Schema,
    /// Makes one.
    pub constructor: Constructor,
}

inventory::collect!(Plugin);

/// All plugins of this binary, sorted by kind and name (their order of linking
/// is no order). Two of one name and kind stand side by side, for the engine to
/// report.
pub fn plugins() -> Vec<&'static Plugin> {
    let mut all: Vec<_> = inventory::iter::<Plugin>.into_iter().collect();
    all.sort_by_key(|p| (p.constructor.kind(), p.name, p.crate_name));
    all
}

/// Reads a plugin's options into its config struct.
///
/// # Errors
/// With the path of the option that does not fit.
pub fn parse_options<T: DeserializeOwned>(options: Value) -> Result<T, OptionsError> {
    serde_path_to_error::deserialize(options).map_err(|e| OptionsError {
        path: e
            .path()
            .iter()
            .filter_map(|s| match s {
                serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
                serde_path_to_error::Segment::Map { key } => Some(key.clone()),
                _ => None,
            })
            .collect(),
        message: e.inner().to_string(),
    })
}

/// Registers a plugin; used through [`register_fetch!`](crate::register_fetch),
/// [`register_transform!`](crate::register_transform) and
/// [`register_sink!`](crate::register_sink).
#[doc(hidden)]
#[macro_export]
macro_rules! register_plugin {
    ($variant:ident, $make:expr, $name:literal, $summary:literal, $config:ty, $example:literal) => {
        $crate::private::inventory::submit! {
            $crate::Plugin {
                name: $name,
                summary: $summary,
                example: $example,
                crate_name: env!("CARGO_PKG_NAME"),
                crate_version: env!("CARGO_PKG_VERSION"),
                schema: || $crate::schemars::schema_for!($config),
                constructor: $crate::Constructor::$variant($make),
            }
        }
    };
}

/// Registers a sink: its name, one sentence, its config struct (`Deserialize`,
/// `JsonSchema`), an example, and a constructor `fn(Config) -> Result<impl Sink,
/// OptionsError>` that does no I/O.
#[macro_export]
macro_rules! register_sink {
    (name: $name:literal, summary: $summary:literal, config: $config:ty, example: $example:literal, new: $new:expr $(,)?) => {
        $crate::register_plugin!(
            Sink,
            |options| {
                let config: $config = $crate::parse_options(options)?;
                Ok(Box::new(($new)(config)?))
            },
            $name,
            $summary,
            $config,
            $example
        );
    };
}

/// Registers a transform; the fields are those of [`register_sink!`](crate::register_sink).
#[macro_export]
macro_rules! register_transform {
    (name: $name:literal, summary: $summary:literal, config: $config:ty, example: $example:literal, new: $new:expr $(,)?) => {
        $crate::register_plugin!(
            Transform,
            |options| {
                let config: $config = $crate::parse_options(options)?;
                Ok(Box::new(($new)(config)?))
            },
            $name,
            $summary,
            $config,
            $example
        );
    };
}

/// Registers a transport; the fields are those of
/// [`register_sink!`](crate::register_sink), but the constructor also takes
/// [`&FetchOptions`](crate::FetchOptions).
#[macro_export]
macro_rules! register_fetch {
    (name: $name:literal, summary: $summary:literal, config: $config:ty, example: $example:literal, new: $new:expr $(,)?) => {
        $crate::register_plugin!(
            Fetch,
            |options, shared| {
                let config: $config = $crate::parse_options(options)?;
                Ok(Box::new(($new)(config, shared)?))
            },
            $name,
            $summary,
            $config,
            $example
        );
    };
}
