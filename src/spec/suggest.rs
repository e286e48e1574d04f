//! What was probably meant.

/// The candidate most like `name`, if any is like it at all.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&name, &c.to_lowercase()), c))
        // 0.8 keeps slips and drops strangers; found by trying on key names.
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// A hint for a name that is not in a closed list: the one that was probably
/// meant, else all of them.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = closest(name, known.clone()) {
        return format!("did you mean `{meant}`?");
    }
    let names: Vec<_> = known.into_iter().map(|n| format!("`{n}`")).collect();
    match names.is_empty() {
        true => String::from("there are none"),
        false => format!("known here: {}", names.join(", ")),
    }
}
