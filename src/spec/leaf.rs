//! Types of the language that stand in one scalar.

use std::time::Duration;

use url::Url;

use super::Span;
use super::decode::{Cx, Decode};
use super::forms;
use super::section::Shape;
use super::units::{self, Fault};
use super::yaml::{Data, Scalar, Style, Yaml};

/// Types that stand in one scalar.
macro_rules! leaf {
    ($ty:ty, $shape:expr, $fallback:expr, |$node:ident, $cx:ident| $decode:expr) => {
        impl Decode for $ty {
            fn shape() -> Shape {
                $shape
            }
            fn decode($node: &Yaml, $cx: &mut Cx) -> Self {
                let decoded: Option<Self> = $decode;
                decoded.unwrap_or_else(|| Self::fallback($node.span))
            }
            fn fallback(_: Span) -> Self {
                $fallback
            }
        }
    };
}

leaf!(String, Shape::Text, Self::new(), |node, cx| cx.text(node, "text"));
leaf!(bool, Shape::Bool, false, |node, cx| cx.parsed(
    node,
    "`true` or `false`",
    |s| s.to_json().as_bool(),
    forms::bool
));
leaf!(u64, Shape::Int, 1, |node, cx| cx.parsed(
    node,
    "a whole number from 0 up",
    |s| s.to_json().as_u64(),
    forms::number
));
leaf!(u32, Shape::Int, 1, |node, cx| cx.parsed(
    node,
    "a whole number from 0 up",
    |s| s.to_json().as_u64().and_then(|n| u32::try_from(n).ok()),
    forms::number
));
/// A whole number from 1 up.
#[derive(Debug, Clone, Copy)]
pub struct Positive(pub u32);
leaf!(Positive, Shape::Positive, Self(1), |node, cx| cx
    .parsed(
        node,
        "a whole number from 1 up",
        |s| s.to_json().as_u64().filter(|n| *n > 0).and_then(|n| u32::try_from(n).ok()),
        forms::number
    )
    .map(Self));

/// A duration that is longer than nothing.
#[derive(Debug, Clone, Copy)]
pub struct Period(pub Duration);
leaf!(Period, Shape::Duration, Self(Duration::from_secs(1)), |node, cx| cx
    .checked(node, "a duration such as `24h`", |text| {
        let time = units::duration(text)?;
        if time.is_zero() { Err(Fault::from("it must be longer than nothing")) } else { Ok(time) }
    })
    .map(Self));

leaf!(Duration, Shape::Duration, Self::ZERO, |node, cx| cx.checked(
    node,
    "a duration such as `30s`",
    units::duration
));

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Size(pub u64);
leaf!(Size, Shape::Size, Self(1), |node, cx| cx
    .checked(node, "a size such as `64MiB`", |text| match units::size(text)? {
        0 => Err(Fault::from("it must be larger than nothing")),
        bytes => Ok(bytes),
    })
    .map(Size));

/// An address, with the place it stands in.
#[derive(Debug, Clone)]
pub struct Address {
    /// The address.
    pub url: Url,
    /// Where it stands.
    pub span: Span,
}

impl Decode for Address {
    fn shape() -> Shape {
        Shape::Url
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        match cx.checked(node, "an address such as `https://issues.example.org/jira`", url) {
            Some(url) => Self { url, span: node.span },
            None => Self::fallback(node.span),
        }
    }
    fn fallback(span: Span) -> Self {
        let url = Url::parse("http://invalid.invalid").unwrap_or_else(|_| unreachable!());
        Self { url, span }
    }
}

/// An absolute address of HTTP.
///
/// # Errors
/// In words.
pub fn url(text: &str) -> Result<Url, Fault> {
    let wrong = |why: &str| Fault::from(format!("`{text}` is no address: {why}"));
    if text.starts_with('$') {
        return Err(wrong("environment variables are not read here")
            .hint("\"{{ params.base_url }}\", with `base_url: { type: url }` under `params`"));
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        // `localhost:8080` reads as the scheme `localhost`.
        Ok(url) if !text.contains("://") && !url.has_host() => {
            Err(wrong("it begins with no `http://` or `https://`").hint(format!("http://{text}")))
        }
        Ok(url) => Err(Fault::from(format!(
            "`{text}` is no address of HTTP: it begins with `{}:`",
            url.scheme()
        ))),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            Err(wrong("it begins with no `http://` or `https://`").hint(format!("https://{text}")))
        }
        Err(error) => Err(wrong(&error.to_string())),
    }
}

/// A value of any type, as it stands.
impl Decode for Yaml {
    fn shape() -> Shape {
        Shape::Any
    }
    fn decode(node: &Yaml, _: &mut Cx) -> Self {
        node.clone()
    }
    fn fallback(span: Span) -> Self {
        Self { span, name: span, data: Data::Broken }
    }
}

/// A text that is compiled later: a path, or a template that is evaluated while
/// running.
#[derive(Debug, Clone)]
pub struct Text {
    /// The scalar; empty where something was wrong that has been reported.
    pub scalar: Scalar,
    /// Where it stands.
    pub span: Span,
    /// Whether it is to be compiled; what was wrong already is not.
    pub sound: bool,
}

impl Text {
    fn read(node: &Yaml, cx: &mut Cx, expected: &str) -> Self {
        match &node.data {
            Data::Scalar(scalar) if !scalar.is_null() => {
                Self { scalar: scalar.clone(), span: node.span, sound: true }
            }
            Data::Broken => Self::unsound(node.span),
            _ => {
                cx.mismatch(node, expected);
                Self::unsound(node.span)
            }
        }
    }

    fn unsound(span: Span) -> Self {
        let scalar = Scalar { text: String::new(), style: Style::Other, verbatim: None };
        Self { scalar, span, sound: false }
    }
}

/// A JSONPath.
#[derive(Debug, Clone)]
pub struct PathText(pub Text);

impl Decode for PathText {
    fn shape() -> Shape {
        Shape::Path
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self(Text::read(node, cx, "a path such as `$.fields.summary`"))
    }
    fn fallback(span: Span) -> Self {
        Self(Text::unsound(span))
    }
}

/// A template that is evaluated while running.
#[derive(Debug, Clone)]
pub struct TemplateText(pub Text);

impl Decode for TemplateText {
    fn shape() -> Shape {
        Shape::Template
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self(Text::read(node, cx, "text, with `{{ … }}` in it where needed"))
    }
    fn fallback(span: Span) -> Self {
        Self(Text::unsound(span))
    }
}
