//! Globs over requests.

/// Whether the whole of `text` matches `glob` (`*` any text, `?` any character), in any case.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut g, mut t) = (0, 0);
    // Where to go on when a match fails: after the last star, one character further.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                g += 1;
                retry = Some((g, t));
            }
            Some(c) if *c == '?' || *c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (g, t) = (star, from + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks() {
        assert!(matches(
            "*search*ORDER BY key*",
            "GET /jira/search?jql=project = A order by KEY ASC"
        ));
        assert!(matches("a*b?d", "aXbXbcd"));
        assert!(!matches("a*b?d", "aXbXbc"));
        assert!(matches("*", "") && !matches("?", ""));
    }
}
