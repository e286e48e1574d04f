//! The tokens of inline markup.

use crate::chars::Class;

/// A piece of a line.
#[derive(Debug)]
pub(crate) enum Token<'a> {
    /// Plain text without anything that needs a decision.
    Text(&'a str),
    /// Copied as it is: addresses, and the Markdown that people paste.
    Verbatim(&'a str),
    /// A character that was escaped, was an entity, or may need an escape.
    Literal(char),
    /// Text of which every sign is written with a backslash before it.
    Escaped(&'a str),
    /// So many backticks without a partner on their line.
    Ticks(usize),
    /// `<` before what could be the name of a tag.
    TagOpen { escape: bool },
    /// A delimiter of emphasis, or a sign that Markdown would take for one.
    Delimiter(Delimiter),
    /// `{{…}}`
    Mono(&'a str),
    /// A code block inside a line or a table cell, with its body.
    Code(&'a str),
    /// `[…]`
    Link(Link<'a>),
    /// `!file|alt=…!`
    Image { file: &'a str, alt: &'a str },
    /// `\\`
    Break,
    /// A line feed.
    Newline,
    /// `|` or `||` in a row of a table.
    Cell { header: bool },
}

/// What stands between square brackets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Link<'a> {
    /// A user, by name or by what the link calls them.
    Mention(&'a str),
    /// An address, with the text that stands for it and a title.
    Url { text: &'a str, url: &'a str, title: &'a str },
    /// An attached file.
    File { text: &'a str, name: &'a str },
}

/// The kinds of emphasis; an index into what the matcher keeps of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `*x*`, or `**x**` as people paste it
    Strong,
    /// `_x_`
    Emphasis,
    /// `-x-`
    Deleted,
    /// `+x+`
    Inserted,
    /// `^x^`
    Super,
    /// `~x~`
    Sub,
    /// `~~x~~`, as people paste it
    MarkdownDeleted,
    /// `??x??`
    Cite,
    /// None: only Markdown would see a delimiter here.
    None,
}

/// How many kinds of emphasis there are.
pub(crate) const KINDS: usize = Kind::None as usize;

/// A run of one sign that may open or close emphasis.
#[derive(Debug)]
pub(crate) struct Delimiter {
    pub(crate) sign: u8,
    /// How often the sign stands here.
    pub(crate) run: usize,
    pub(crate) kind: Kind,
    /// Written `{*}`.
    pub(crate) forced: bool,
    /// Whether Jira lets it open and close.
    pub(crate) opens: bool,
    pub(crate) closes: bool,
    /// What is shown before and after it, colour tags not counted.
    pub(crate) before: Class,
    pub(crate) after: Class,
    pub(crate) role: Role,
}

/// What became of a delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Text as it stands.
    Literal,
    /// Text that Markdown would misread.
    Escaped,
    Open(Form),
    Close(Form),
}

/// How a pair is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With Markdown's delimiters.
    Markdown,
    /// With HTML tags, where Markdown's rule would not see the delimiters.
    Html,
    /// Not at all: white space inside its edges, which neither can express.
    Hidden,
}

impl Delimiter {
    /// CommonMark's left-flanking run.
    pub(crate) fn left_flanking(&self) -> bool {
        self.after != Class::Space && (self.after == Class::Word || self.before != Class::Word)
    }

    /// CommonMark's right-flanking run.
    pub(crate) fn right_flanking(&self) -> bool {
        self.before != Class::Space && (self.before == Class::Word || self.after != Class::Word)
    }

    /// Whether Markdown could let this sign open emphasis.
    pub(crate) fn markdown_opens(&self) -> bool {
        match self.sign {
            b'*' | b'~' => self.left_flanking(),
            b'_' => self.left_flanking() && (!self.right_flanking() || self.before == Class::Other),
            _ => false,
        }
    }

    /// Whether Markdown could let this sign close emphasis.
    pub(crate) fn markdown_closes(&self) -> bool {
        match self.sign {
            b'*' | b'~' => self.right_flanking(),
            b'_' => self.right_flanking() && (!self.left_flanking() || self.after == Class::Other),
            _ => false,
        }
    }
}
