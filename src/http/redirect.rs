//! Which redirects are followed.

use url::Url;

/// The most redirects in a row.
pub(crate) const MOST: u32 = 5;

/// Path segments that mean "log in first", in lower case.
const LOGIN_SEGMENTS: [&str; 8] =
    ["login", "login.jsp", "login.action", "signin", "sign_in", "sign-in", "sso", "saml"];

/// What becomes of a redirect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// No redirect.
    None,
    /// Ask there.
    Follow(Url),
    /// The server wants a login first.
    Login(Url),
    /// It is not followed, and why.
    Refuse(String),
}

/// Decides about a reply to a request for `from`. Followed are `GET`s within one
/// host, or from its `http` to its `https`.
pub(crate) fn step(status: u16, location: Option<&str>, from: &Url, get: bool, hops: u32) -> Step {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Step::None;
    }
    let Some(location) = location else {
        return Step::Refuse(String::from("a redirect that does not say where to"));
    };
    let Ok(to) = from.join(location) else {
        return Step::Refuse(format!("a redirect to `{location}`, which is no URL"));
    };
    if is_login(&to) && !is_login(from) {
        return Step::Login(to);
    }
    if !get {
        return Step::Refuse(format!(
            "a redirect to {to}; a POST is not sent elsewhere: correct base_url"
        ));
    }
    if !matches!(to.scheme(), "http" | "https") || !same_host(from, &to) {
        return Step::Refuse(format!(
            "a redirect to another host, {to}; if that is where the data is now, correct base_url"
        ));
    }
    if hops >= MOST {
        return Step::Refuse(format!("more than {MOST} redirects in a row, the last to {to}"));
    }
    Step::Follow(to)
}

/// Whether a URL is that of a login page.
pub(crate) fn is_login(url: &Url) -> bool {
    url.path_segments().is_some_and(|mut segments| {
        segments.any(|s| LOGIN_SEGMENTS.contains(&s.to_ascii_lowercase().as_str()))
    }) || url.query_pairs().any(|(name, _)| name == "os_destination")
        || url.path().to_ascii_lowercase().ends_with("/secure/myjirahome.jspa")
}

/// Scheme, host and port are the same, or the step is from a host's `http` to its
/// `https`, both at their usual ports.
pub(crate) fn same_host(from: &Url, to: &Url) -> bool {
    from.origin() == to.origin()
        || (from.host() == to.host()
            && (from.scheme(), to.scheme()) == ("http", "https")
            && (from.port(), to.port()) == (None, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(from: &str, location: &str, get: bool, hops: u32) -> String {
        match step(302, Some(location), &Url::parse(from).unwrap(), get, hops) {
            Step::None => String::from("none"),
            Step::Follow(to) => format!("follow {to}"),
            Step::Login(_) => String::from("login"),
            Step::Refuse(_) => String::from("refuse"),
        }
    }

    #[test]
    fn only_gets_within_a_host_are_followed() {
        let from = "http://h.example/jira/rest?x=1";
        for (location, get, hops, expected) in [
            ("/other", true, 0, "follow http://h.example/other"),
            ("sub", true, 4, "follow http://h.example/jira/sub"),
            ("/other", true, 5, "refuse"),
            ("/other", false, 0, "refuse"),
            ("https://h.example/jira/rest", true, 0, "follow https://h.example/jira/rest"),
            ("https://h.example:8443/", true, 0, "refuse"),
            ("http://other.example/", true, 0, "refuse"),
            ("ftp://h.example/", true, 0, "refuse"),
            ("/login.jsp?os_destination=%2Frest", true, 0, "login"),
            ("/jira/secure/MyJiraHome.jspa", true, 0, "login"),
            ("https://id.example/login?continue=x", true, 0, "login"),
            ("/users/sign_in", false, 0, "login"),
            ("/blog/loginless", true, 0, "follow http://h.example/blog/loginless"),
        ] {
            assert_eq!(decide(from, location, get, hops), expected, "{location}");
        }
        assert_eq!(decide("https://h.example/", "http://h.example/", true, 0), "refuse");
        let url = Url::parse(from).unwrap();
        assert_eq!(step(304, None, &url, true, 0), Step::None);
        assert!(matches!(step(301, None, &url, true, 0), Step::Refuse(_)));
    }
}
