//! Globs over texts: `*` and `?`, without regard to case, over the whole text.

/// Whether a glob matches the whole of a text. `*` stands for any characters,
/// line ends included, `?` for one.
///
/// Goes back to the last `*` only, which is enough for globs: the time is at
/// most the product of the lengths, and linear for `*words*`-like globs in
/// practice.
pub(crate) fn glob_matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().flat_map(char::to_lowercase).collect();
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut g, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                last_star = Some((g, t));
                g += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match &mut last_star {
                Some((star, from)) => {
                    *from += 1;
                    t = *from;
                    g = *star + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    #[test]
    fn globs_cover_the_whole_text_in_any_case() {
        for (glob, text, expected) in [
            ("*does not exist*", "The key DOES NOT EXIST here", true),
            ("*does not exist", "The key does not exist here", false),
            ("cloud", "Cloud", true),
            ("c?oud", "CLOUD", true),
            ("a*b*c", "a--b--b--c", true),
            ("a*b*c", "a--b--b--", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("*a\nb*", "x a\nb y", true),
            ("straße*", "STRASSE", false),
            ("ÄRGER", "ärger", true),
        ] {
            assert_eq!(glob_matches(glob, text), expected, "{glob} / {text}");
        }
    }
}
