//! What `normalize_text` does to characters and lines.

use std::borrow::Cow;

use proptest::prelude::*;
use scrape_transform_normalize_text::{Options, normalize};

fn plain(text: &str) -> String {
    normalize(text, &Options::default()).into_owned()
}

fn tidy() -> Options {
    Options { trim_line_ends: true, max_blank_lines: Some(2) }
}

#[test]
fn line_ends_become_line_feeds() {
    assert_eq!(plain("a\r\nb\rc\n\r\n\rd"), "a\nb\nc\n\n\nd");
    assert_eq!(plain("a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f"), "a\nb\nc\nd\ne\nf");
}

#[test]
fn every_kind_of_space_becomes_a_space() {
    assert_eq!(plain("a\u{a0}b\u{2003}c\u{202f}d\u{3000}e"), "a b c d e");
    assert_eq!(plain("tab\tstays"), "tab\tstays");
}

#[test]
fn the_invisible_goes() {
    assert_eq!(plain("\u{feff}zero\u{200b}width"), "zerowidth");
    assert_eq!(plain("\u{202e}rtl\u{202c}\u{200f}\u{2066}x\u{2069}"), "rtlx");
    assert_eq!(plain("nul\0bel\u{7}esc\u{1b}del\u{7f}c1\u{9d}."), "nulbelescdelc1.");
    assert_eq!(plain("hy\u{ad}phen"), "hyphen");
}

#[test]
fn colours_of_terminals_go_whole() {
    assert_eq!(plain("\u{1b}[31m[ERROR] \u{1b}[39m: no"), "[ERROR] : no");
    assert_eq!(plain("\u{1b}[1;38;5;8mx\u{1b}[0m\u{1b}[2Ky\u{9b}4mz"), "xyz");
    assert_eq!(plain("\u{1b}\u{1b}[31mred\u{1b}[\u{1b}[K."), "red[.");
    // What begins none stays.
    assert_eq!(plain("[31m and [ERROR]"), "[31m and [ERROR]");
    assert_eq!(plain("\u{1b}[ä \u{1b}x \u{1b}["), "[ä x [");
}

#[test]
fn the_replacement_character_stays() {
    assert_eq!(plain("caf\u{fffd}\r\n"), "caf\u{fffd}\n");
}

#[test]
fn joiners_stay_only_where_they_spell() {
    let family = "👩\u{200d}👩\u{200d}👧";
    assert_eq!(plain(family), family);
    let persian = "می\u{200c}خواهم";
    assert_eq!(plain(persian), persian);
    assert_eq!(plain("foo\u{200d}bar\u{200c}"), "foobar");
    assert_eq!(plain("می\u{200b}\u{200c}\u{200d}خ"), "می\u{200c}خ");
    assert_eq!(plain("می\u{200c}\u{a0}خ"), "می خ");
}

#[test]
fn lines_are_touched_only_when_asked() {
    let text = "a  \n\n\n\n\nb\t\n";
    assert_eq!(plain(text), text);
    assert_eq!(normalize(text, &tidy()), "a\n\n\nb\n");
    let trim = Options { trim_line_ends: true, ..Options::default() };
    assert_eq!(normalize(text, &trim), "a\n\n\n\n\nb\n");
    let none = Options { max_blank_lines: Some(0), ..Options::default() };
    assert_eq!(normalize("a\n \n\nb\n", &none), "a\nb\n");
}

#[test]
fn nothing_to_do_borrows() {
    for text in ["", "plain", "two\nlines\n", "naïve – “quotes” 日本語\n"] {
        assert!(matches!(normalize(text, &Options::default()), Cow::Borrowed(_)), "{text:?}");
        assert!(matches!(normalize(text, &tidy()), Cow::Borrowed(_)), "{text:?}");
    }
}

#[test]
fn long_invisible_runs_take_linear_time() {
    let text = "é\u{200d}\u{200b}".repeat(400_000) + &"\u{200d}".repeat(1_000_000);
    assert_eq!(plain(&text).chars().filter(|&c| c == 'é').count(), 400_000);
}

#[test]
fn unknown_options_are_refused() {
    let wrong = serde_json::from_str::<Options>(r#"{"trim": true}"#);
    assert!(wrong.is_err_and(|e| e.to_string().contains("trim_line_ends")));
}

fn text() -> impl Strategy<Value = String> {
    let odd = "[\r\n\t \u{a0}\u{200b}\u{200c}\u{200d}\u{feff}\u{85}\u{2028}\u{202e}\u{1b}aé👩]";
    proptest::string::string_regex(&format!("({odd}|.){{0,40}}")).expect("a valid pattern")
}

proptest! {
    #[test]
    fn a_second_pass_changes_nothing(text in text(), trim in any::<bool>(), blank in proptest::option::of(0u32..3)) {
        let options = Options { trim_line_ends: trim, max_blank_lines: blank };
        let once = normalize(&text, &options).into_owned();
        let twice = normalize(&once, &options);
        prop_assert!(matches!(twice, Cow::Borrowed(_)), "{:?} became {:?}", once, twice);
    }

    #[test]
    fn letters_and_digits_stay_in_order(text in text()) {
        // A control sequence of a terminal goes with the letter at its end.
        let text = text.replace(['\u{1b}', '\u{9b}'], "");
        let kept = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert_eq!(kept(&text), kept(&plain(&text)));
    }
}
