//! Sentences from templates.

use fastrand::Rng;

use crate::random::Dice;

use super::words;

/// Appends a template with its slots filled.
pub(super) fn fill(rng: &mut Rng, template: &str, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let slot = rest.as_bytes().get(at + 1).copied().unwrap_or(b'%');
        let start = out.len();
        match slot.to_ascii_lowercase() {
            b'n' => out.push_str(rng.pick(&words::NOUNS)),
            b'a' => out.push_str(rng.pick(&words::ADJECTIVES)),
            b'v' => out.push_str(rng.pick(&words::VERBS)),
            b'p' => out.push_str(rng.pick(&words::PAST)),
            b'i' => out.push_str(rng.pick(&words::INFINITIVES)),
            b'c' => out.push_str(rng.pick(&words::CLASSES)),
            b'm' => out.push_str(rng.pick(&words::METHODS)),
            b'k' => out.push_str(rng.pick(&words::KEYS)),
            b'f' => out.push_str(rng.pick(&words::FILES)),
            b'd' => out.push_str(&rng.u32(2..64).to_string()),
            b't' => {
                out.push_str(&rng.u32(2..90).to_string());
                out.push_str(rng.pick(&[" seconds", " minutes", " ms", " hours"]));
            }
            _ => out.push('%'),
        }
        if slot.is_ascii_uppercase() {
            capitalise(out, start);
        }
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
}

fn capitalise(out: &mut String, at: usize) {
    if let Some(first) = out[at..].chars().next() {
        let upper = first.to_ascii_uppercase().to_string();
        out.replace_range(at..at + first.len_utf8(), &upper);
    }
}

/// Appends `count` sentences, a space between them.
pub(super) fn sentences(rng: &mut Rng, count: usize, out: &mut String) {
    for i in 0..count {
        if i > 0 {
            out.push(' ');
        }
        let template = rng.pick(&words::SENTENCES);
        fill(rng, template, out);
        if rng.chance(0.01) {
            out.push(' ');
            out.push_str(rng.pick(&words::FOREIGN));
            out.push('.');
        }
    }
}

/// A title.
pub(super) fn title(rng: &mut Rng) -> String {
    let mut out = String::new();
    if rng.chance(0.12) {
        out.push('[');
        out.push_str(rng.pick(&words::COMPONENTS));
        out.push_str("] ");
    }
    let template = rng.pick(&words::TITLES);
    fill(rng, template, &mut out);
    if rng.chance(0.02) {
        out.push(' ');
        out.push_str(rng.pick(&words::FOREIGN));
    }
    out
}
