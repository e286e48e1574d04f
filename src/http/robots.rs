//! robots.txt as RFC 9309 defines it, with the widely used `Crawl-delay`.

use std::time::Duration;

/// The name under which we look for our group.
pub(crate) const PRODUCT: &str = "scrape";

/// RFC 9309, section 2.5: at least 500 KiB are to be read.
const MOST_BYTES: usize = 512 * 1024;

/// A longer delay than this is a mistake or a way to say "stay away"; it is not
/// cut short, but a day between requests is where it stops to make a difference.
const LONGEST_DELAY: f64 = 86_400.0;

/// The rules that apply to us.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Robots {
    rules: Vec<Rule>,
    /// The time that should pass between two requests.
    pub(crate) crawl_delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    allow: bool,
    pattern: String,
}

#[derive(Default)]
struct Group {
    agents: Vec<String>,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

impl Robots {
    /// Reads the rules for [`PRODUCT`]: those of all groups that name it, else
    /// of all groups for `*`.
    pub(crate) fn parse(text: &str) -> Self {
        let groups = groups(text);
        let named = |name: &str| groups.iter().any(|g| g.agents.iter().any(|a| a == name));
        let agent = if named(PRODUCT) { PRODUCT } else { "*" };
        let mut robots = Self::default();
        for group in groups.into_iter().filter(|g| g.agents.iter().any(|a| a == agent)) {
            robots.rules.extend(group.rules);
            robots.crawl_delay = robots.crawl_delay.max(group.delay);
        }
        robots
    }

    /// The pattern that forbids a path (with its query), if one does: the
    /// longest that matches decides, `Allow` where two are equally long.
    pub(crate) fn forbids(&self, path: &str) -> Option<&str> {
        if path == "/robots.txt" {
            return None;
        }
        let path = normalise(path);
        self.rules
            .iter()
            .filter(|rule| matches(&rule.pattern, &path))
            .max_by_key(|rule| (rule.pattern.len(), rule.allow))
            .filter(|rule| !rule.allow)
            .map(|rule| rule.pattern.as_str())
    }
}

fn groups(text: &str) -> Vec<Group> {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut groups: Vec<Group> = Vec::new();
    // Several User-agent lines in a row begin one group.
    let mut naming = false;
    for line in text[..end].split(['\n', '\r']) {
        let line = line.split('#').next().unwrap_or_default();
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if key == "user-agent" {
            if !naming {
                groups.push(Group::default());
            }
            naming = true;
            if let Some(group) = groups.last_mut() {
                group.agents.push(product_of(value));
            }
            continue;
        }
        let Some(group) = groups.last_mut() else { continue };
        match key.as_str() {
            "allow" | "disallow" => {
                naming = false;
                // An empty Disallow forbids nothing.
                if !value.is_empty() {
                    let pattern = normalise(value);
                    group.rules.push(Rule { allow: key == "allow", pattern });
                }
            }
            "crawl-delay" => {
                naming = false;
                let seconds = value.parse::<f64>().ok().filter(|s| *s > 0.0);
                let delay = seconds.map(|s| Duration::from_secs_f64(s.min(LONGEST_DELAY)));
                group.delay = group.delay.max(delay);
            }
            // Others, Sitemap for one, belong to no group.
            _ => {}
        }
    }
    groups
}

/// The product token of a User-agent line: `Scrape/1.0 (x)` names `scrape`.
fn product_of(value: &str) -> String {
    if value.starts_with('*') {
        return String::from("*");
    }
    let token = |c: &char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
    value.chars().take_while(token).collect::<String>().to_ascii_lowercase()
}

/// Percent-encodes what is not ASCII, and writes escapes of unreserved
/// characters as those characters (RFC 9309, section 2.2.2).
fn normalise(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = String::with_capacity(path.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()))
            .flatten();
        match escape {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
            }
            Some(byte) => out.push_str(&format!("%{byte:02X}")),
            None if bytes[at].is_ascii() => out.push(char::from(bytes[at])),
            None => out.push_str(&format!("%{:02X}", bytes[at])),
        }
        at += if escape.is_some() { 3 } else { 1 };
    }
    out
}

/// Whether a pattern matches the beginning of a path; `*` stands for anything,
/// a last `$` for the end.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, anchored) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return !anchored || rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() && anchored {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_match_decides() {
        let text = "User-agent: *\nDisallow: /jira/sr/\nDisallow: /*.xml$\nAllow: /jira/sr/ok\n\
                    Disallow: /a*b/c\nAllow: /p\nDisallow: /p\nDisallow: /caf\u{e9}\nDisallow: /x%41\n";
        let robots = Robots::parse(text);
        for (path, allowed) in [
            ("/", true),
            ("/jira/rest/api/2/search?jql=x", true),
            ("/jira/sr", true),
            ("/jira/sr/", false),
            ("/jira/sr/x", false),
            ("/jira/sr/okay", true),
            ("/a/b.xml", false),
            ("/a/b.xml?x", true),
            ("/aXXb/cd", false),
            ("/aXXb", true),
            ("/page", true),
            ("/caf%C3%A9/x", false),
            ("/caf%c3%a9", false),
            ("/xA", false),
            ("/x%41", false),
            ("/robots.txt", true),
        ] {
            assert_eq!(robots.forbids(path).is_none(), allowed, "{path}");
        }
    }

    #[test]
    fn our_own_group_replaces_the_general_one() {
        let text = "# hello\nUser-Agent: other\nUser-agent: Scrape/2.0 # us\nCrawl-delay: 2.5\n\
                    Disallow: /mine\n\nSitemap: https://x/y\nUser-agent: *\nDisallow: /\n\
                    User-agent: scrape\nDisallow: /more\nCrawl-delay: 1\n";
        let robots = Robots::parse(text);
        assert_eq!(robots.crawl_delay, Some(Duration::from_millis(2500)));
        assert_eq!(robots.forbids("/mine/x"), Some("/mine"));
        assert_eq!(robots.forbids("/more"), Some("/more"));
        assert_eq!(robots.forbids("/else"), None);
        assert_eq!(Robots::parse("User-agent: scrapers\nDisallow: /\n").forbids("/x"), None);
    }

    #[test]
    fn nothing_said_is_nothing_forbidden() {
        for text in [
            "",
            "<html>no</html>",
            "Disallow: /",
            "User-agent: *\nDisallow:",
            "User-agent: *\r\rCrawl-delay: x",
            "User-agent: *\nDisallow /",
        ] {
            assert_eq!(Robots::parse(text).forbids("/x"), None, "{text}");
        }
        assert_eq!(Robots::parse("User-agent: *\rDisallow: *\r").forbids("/x"), Some("*"));
    }
}
