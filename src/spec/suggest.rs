//! What was probably meant.

/// How many names a hint lists.
const LISTED: usize = 16;

/// The candidate most like `name`, if any is like it at all.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (likeness(&name, c), c))
        // 0.8 keeps slips and drops strangers; found by trying on key names.
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// From 0 to 1. Jaro-Winkler thinks little of `evn` for `env`, so neighbours that
/// changed places count for themselves.
fn likeness(name: &str, candidate: &str) -> f64 {
    let candidate = candidate.to_lowercase();
    let swapped = name.len() == candidate.len()
        && name.len() > 2
        && strsim::osa_distance(name, &candidate) == 1
        && strsim::levenshtein(name, &candidate) == 2;
    if swapped { 0.97 } else { strsim::jaro_winkler(name, &candidate) }
}

/// A hint for a name that is not in a closed list: the one that was probably
/// meant, else what there is.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = closest(name, known.clone()) {
        return format!("did you mean `{meant}`?");
    }
    let names: Vec<_> = known.into_iter().map(|n| format!("`{n}`")).collect();
    match names.len() {
        0 => String::from("there are none"),
        n if n > LISTED + 2 => {
            format!("known here: {} and {} more", names[..LISTED].join(", "), n - LISTED)
        }
        _ => format!("known here: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through_and_strangers_are_not() {
        for (name, known, meant) in [
            ("evn", &["env", "file", "help"][..], Some("env")),
            ("sya", &["if", "when", "say"], Some("say")),
            ("pagnation", &["pagination", "params"], Some("pagination")),
            ("fro", &["from", "for"], Some("for")),
            ("answer", &["version", "name"], None),
        ] {
            assert_eq!(closest(name, known.iter().copied()), meant, "{name}");
        }
    }
}
