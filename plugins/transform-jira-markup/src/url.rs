//! Addresses in running text and as the targets of links.

/// Schemes that Jira makes a link of, besides those with `//`.
const PLAIN_SCHEMES: [&str; 2] = ["mailto:", "news:"];
/// Schemes that Jira makes a link of.
const SCHEMES: [&str; 10] =
    ["http", "https", "ftp", "ftps", "sftp", "file", "irc", "nntp", "svn", "git"];

/// The address around the colon at `colon` in running text, as byte range: any
/// scheme of letters that begins at or after `from`, `://`, and what follows.
///
/// It ends at white space and at what Jira does not take into an address;
/// punctuation at its end belongs to the sentence, so that `(http://a/b).` and
/// `_http://a_` keep their outer signs.
pub(crate) fn bare(text: &str, from: usize, colon: usize) -> Option<(usize, usize)> {
    let rest = text[colon..].strip_prefix("://")?;
    let scheme = text.as_bytes()[from..colon]
        .iter()
        .rev()
        .take(12)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'))
        .count();
    let start = colon - scheme;
    if scheme < 2 || !text.as_bytes()[start].is_ascii_alphabetic() {
        return None;
    }
    let stops = |c: char| c.is_whitespace() || c.is_control() || "{}]|<>\"`\\".contains(c);
    let mut url = &rest[..rest.find(stops).unwrap_or(rest.len())];
    let mut unopened = url.matches(')').count().saturating_sub(url.matches('(').count());
    loop {
        let trimmed = url
            .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_', '-', '~', '+', '^']);
        let trimmed = match trimmed.strip_suffix(')') {
            Some(inner) if unopened > 0 => {
                unopened -= 1;
                inner
            }
            _ => trimmed,
        };
        if trimmed.len() == url.len() {
            break;
        }
        url = trimmed;
    }
    (!url.is_empty()).then_some((start, colon + 3 + url.len()))
}

/// Whether `target` begins with a scheme that Jira makes a link of and has no
/// white space: `http://…`, `mailto:…`.
pub(crate) fn is_absolute(target: &str) -> bool {
    if target.contains(char::is_whitespace) {
        return false;
    }
    let lower = |s: &str, prefix: &str| {
        s.len() > prefix.len()
            && s.is_char_boundary(prefix.len())
            && s[..prefix.len()].eq_ignore_ascii_case(prefix)
    };
    PLAIN_SCHEMES.iter().any(|scheme| lower(target, scheme))
        || target.split_once("://").is_some_and(|(scheme, rest)| {
            !rest.is_empty() && SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme))
        })
}

/// Whether `target`, written after a text and a separator, is meant as an
/// address: absolute, of any scheme with `//`, or a path without spaces.
pub(crate) fn is_target(target: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || "{}[]<>\"".contains(c);
    is_absolute(target)
        || !target.contains(odd)
            && target.len() > 1
            && (target.contains('/') || target.starts_with("www."))
            && target.contains(char::is_alphanumeric)
}

/// Writes the destination of a Markdown link: as it is where possible, between
/// angle brackets where spaces or parentheses would end it.
pub(crate) fn push_destination(out: &mut String, target: &str) {
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || "()<>".contains(c));
    if !target.is_empty() && target.chars().all(plain) {
        out.push_str(target);
        return;
    }
    out.push('<');
    for c in target.chars() {
        match c {
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('>');
}
