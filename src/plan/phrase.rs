//! Whether one text says what another says: behind the leak check and the test
//! `mentions`.

use std::cell::{Cell, OnceCell};
use std::iter::Peekable;

use memchr::memchr2;

/// Among how many words of a phrase one is chosen to look for.
const LOOKED_OVER: usize = 16;

/// Letters and digits, those that are frequent in English texts and logs first.
const BY_FREQUENCY: &[u8] = b"etaoinsrlhdcumpfg01bywv234k5678x9jqz";

/// The one letter beyond ASCII whose lower case is in ASCII.
const KELVIN: char = '\u{212a}';

/// What is looked for in texts: its words in their order, whatever case and
/// punctuation, from word boundary to word boundary.
pub struct Phrase<'p> {
    text: &'p str,
    /// A word of it by which it is found in most texts, or seen to be missing, without
    /// a look at each letter; none where its first words are not in ASCII.
    anchor: Option<Anchor>,
    normalised: OnceCell<String>,
}

/// A word in ASCII.
struct Anchor {
    start: usize,
    end: usize,
    /// Where its rarest letter stands in it.
    rare: usize,
}

impl<'p> Phrase<'p> {
    /// A phrase; none where the text has fewer words.
    pub fn of_words(text: &'p str, at_least: usize) -> Option<Self> {
        let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        if at_least > 0 && words.nth(at_least - 1).is_none() {
            return None;
        }
        Some(Self { text, anchor: anchor(text), normalised: OnceCell::new() })
    }

    /// Whether it stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.search(text).unwrap_or_else(|| {
            let normalised = self.normalised.get_or_init(|| normalise(self.text));
            normalise(text).contains(normalised.as_str())
        })
    }

    /// Looks for the anchor, and compares what is around it. None where that cannot
    /// tell, or would take more than a look at each letter.
    fn search(&self, text: &str) -> Option<bool> {
        let Anchor { start, end, rare } = *self.anchor.as_ref()?;
        if !text.is_ascii() && text.contains(KELVIN) {
            return None;
        }
        let word = &self.text.as_bytes()[start..end];
        let letter = word[rare];
        let (lower, upper) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
        let bytes = text.as_bytes();
        let left = Cell::new(text.len() + self.text.len());
        let mut from = 0;
        while let Some(found) = memchr2(lower, upper, &bytes[from..]) {
            let at = from + found;
            from = at + 1;
            let Some(begin) = at.checked_sub(rare) else { continue };
            let Some(there) = bytes.get(begin..begin + word.len()) else { continue };
            if !there.eq_ignore_ascii_case(word) {
                continue;
            }
            let after =
                goes_on(self.text[end..].chars(), text[begin + word.len()..].chars(), &left)?;
            let before =
                || goes_on(self.text[..start].chars().rev(), text[..begin].chars().rev(), &left);
            if after && before()? {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// The word with the rarest letter among the first.
fn anchor(text: &str) -> Option<Anchor> {
    let rank = |byte: u8| {
        let lower = byte.to_ascii_lowercase();
        BY_FREQUENCY.iter().position(|b| *b == lower).unwrap_or_default()
    };
    let mut best = None;
    let mut start = 0;
    for piece in text.split(|c: char| !c.is_alphanumeric()).take(LOOKED_OVER) {
        let ranks = piece.bytes().map(rank).enumerate();
        if piece.is_ascii()
            && let Some((rare, rank)) = ranks.max_by_key(|(_, rank)| *rank)
            && best.as_ref().is_none_or(|(most, _)| rank > *most)
        {
            best = Some((rank, Anchor { start, end: start + piece.len(), rare }));
        }
        let after = start + piece.len();
        start = after + text[after..].chars().next().map_or(0, char::len_utf8);
    }
    best.map(|(_, anchor)| anchor)
}

/// Whether a text goes on as a phrase does, to its end, where a word ends in both.
/// None once there is nothing `left` of what comparing may take.
fn goes_on(
    phrase: impl Iterator<Item = char>,
    text: impl Iterator<Item = char>,
    left: &Cell<usize>,
) -> Option<bool> {
    let (mut phrase, mut text) = (phrase.peekable(), text.peekable());
    loop {
        if in_word(&mut text) {
            return Some(false);
        }
        skip_to_word(&mut phrase, left)?;
        if phrase.peek().is_none() {
            return Some(true);
        }
        skip_to_word(&mut text, left)?;
        while in_word(&mut phrase) && in_word(&mut text) {
            spend(left)?;
            let (Some(one), Some(other)) = (phrase.next(), text.next()) else { break };
            if !one.eq_ignore_ascii_case(&other) && !one.to_lowercase().eq(other.to_lowercase()) {
                return Some(false);
            }
        }
        if in_word(&mut phrase) {
            return Some(false);
        }
    }
}

fn in_word(chars: &mut Peekable<impl Iterator<Item = char>>) -> bool {
    chars.peek().is_some_and(|c| c.is_alphanumeric())
}

fn skip_to_word(
    chars: &mut Peekable<impl Iterator<Item = char>>,
    left: &Cell<usize>,
) -> Option<()> {
    while chars.next_if(|c| !c.is_alphanumeric()).is_some() {
        spend(left)?;
    }
    Some(())
}

fn spend(left: &Cell<usize>) -> Option<()> {
    left.set(left.get().checked_sub(1)?);
    Some(())
}

/// Lower case, with each run of characters that are neither letters nor digits
/// made one space, and a space at either end, so that a phrase is found at word
/// boundaries by searching for it.
fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    let mut spaced = true;
    let mut rest = text;
    loop {
        // Most texts are ASCII, for which tables of Unicode cost ten times as much.
        let ascii = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if ascii > 0 {
            let start = out.len();
            out.push_str(&rest[..ascii]);
            out[start..].make_ascii_lowercase();
            spaced = false;
        }
        let mut chars = rest[ascii..].chars();
        match chars.next() {
            None => break,
            Some(c) if !c.is_ascii() && c.is_alphanumeric() => {
                out.extend(c.to_lowercase());
                spaced = false;
            }
            Some(_) if !spaced => {
                out.push(' ');
                spaced = true;
            }
            Some(_) => {}
        }
        rest = chars.as_str();
    }
    if !spaced {
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_between_single_spaces() {
        for (text, expected) in [
            ("", " "),
            ("...", " "),
            ("[KAFKA-1] Broker  fails!", " kafka 1 broker fails "),
            ("ÜBER-all x2\n", " über all x2 "),
            ("İ ǅ 東京 ½", " i\u{307} ǆ 東京 ½ "),
        ] {
            assert_eq!(normalise(text), expected, "{text}");
        }
    }

    #[test]
    fn a_phrase_is_found_where_its_normalised_text_is() {
        let texts = [
            "",
            "...",
            "a",
            "The broker FAILS, to start!",
            "broker fails to start",
            "subbroker fails to start",
            "broker fails to startup",
            "broker fails\u{a0}to\u{2003}start-up",
            "Straße 12 östlich",
            "strasse 12 OSTLICH straße 12 ÖSTLICH.",
            "\u{212a}afka is 5 \u{212a} warm",
            "kafka IS 5 k warm",
            "İstanbul kafka",
            "i\u{307}stanbul kafka; İSTANBUL Kafka",
            "kafkaé is",
            "ékafka is",
            "東京 kafka 東京",
            "東京",
            "x x x x x x x x x x x x y",
            "x x x x x x x x x x x x x y x",
        ];
        for phrase in texts {
            let normalised = normalise(phrase);
            let count = normalised.split_ascii_whitespace().count();
            assert!(Phrase::of_words(phrase, count + 1).is_none(), "{phrase}");
            let wanted = Phrase::of_words(phrase, count).unwrap();
            for text in texts {
                let expected = normalise(text).contains(&normalised);
                assert_eq!(wanted.is_in(text), expected, "{phrase:?} in {text:?}");
            }
        }
    }

    #[test]
    fn what_nearly_matches_everywhere_is_left_to_a_linear_search() {
        let phrase = format!("{}y", "x ".repeat(20_000));
        let wanted = Phrase::of_words(&phrase, 3).unwrap();
        assert_eq!(wanted.search(&"x ".repeat(50_000)), None);
        assert!(wanted.is_in(&format!("{}y", "X-".repeat(50_000))));
    }
}
