//! A value while it is worked on: borrowed where it can be.

use std::borrow::Cow;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::lists::{items_of, text};

/// A value.
#[derive(Debug)]
pub enum Got<'v> {
    /// One that is there.
    Ref(&'v Value),
    /// One that was made.
    Own(Value),
    /// A part of a text that is there.
    Str(&'v str),
    /// A text that was made.
    Text(String),
}

impl Got<'_> {
    /// The text, if it is one that no filter has marked as safe.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Ref(value) => text(value),
            Self::Own(value) => text(value),
            Self::Str(text) => Some(text),
            Self::Text(text) => Some(text),
        }
    }

    pub(super) fn items(&self) -> Option<&[Value]> {
        match self {
            Self::Ref(value) => items_of(value),
            Self::Own(value) => items_of(value),
            _ => None,
        }
    }

    /// The items of a list, and of nothing else that has some.
    pub(super) fn list(&self) -> Option<&[Value]> {
        match self {
            Self::Ref(value) if value.kind() == ValueKind::Seq => items_of(value),
            Self::Own(value) if value.kind() == ValueKind::Seq => items_of(value),
            _ => None,
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Ref(value) => value.is_true(),
            Self::Own(value) => value.is_true(),
            Self::Str(text) => !text.is_empty(),
            Self::Text(text) => !text.is_empty(),
        }
    }

    pub(super) fn is_undefined(&self) -> bool {
        match self {
            Self::Ref(value) => value.is_undefined(),
            Self::Own(value) => value.is_undefined(),
            _ => false,
        }
    }

    /// As templates see it.
    pub fn value(&self) -> Cow<'_, Value> {
        match self {
            Self::Ref(value) => Cow::Borrowed(value),
            Self::Own(value) => Cow::Borrowed(value),
            Self::Str(text) => Cow::Owned(Value::from(*text)),
            Self::Text(text) => Cow::Owned(Value::from(text.as_str())),
        }
    }

    /// As templates see it.
    pub fn into_value(self) -> Value {
        match self {
            Self::Ref(value) => value.clone(),
            Self::Own(value) => value,
            Self::Str(text) => Value::from(text),
            Self::Text(text) => Value::from(text),
        }
    }

    /// The text, or else the value as it is.
    pub fn into_text(self) -> Result<String, Self> {
        match self {
            Self::Text(text) => Ok(text),
            other => other.text().map(str::to_owned).ok_or(other),
        }
    }

    /// Null, a boolean or a number, all of which are written in a line.
    pub(super) fn is_plain(&self) -> bool {
        let is_plain = |value: &Value| {
            matches!(value.kind(), ValueKind::None | ValueKind::Bool | ValueKind::Number)
        };
        match self {
            Self::Ref(value) => is_plain(value),
            Self::Own(value) => is_plain(value),
            _ => false,
        }
    }
}

impl<'v> Got<'v> {
    /// A part of this, which is a text, that `cut` gives.
    pub(super) fn cut(self, cut: impl FnOnce(&str) -> &str) -> Option<Got<'v>> {
        Some(match self {
            Self::Ref(value) => Self::Str(cut(text(value)?)),
            Self::Str(text) => Self::Str(cut(text)),
            other => {
                let text = other.text()?;
                let part = cut(text);
                if part.len() == text.len() { other } else { Self::Own(Value::from(part)) }
            }
        })
    }
}
