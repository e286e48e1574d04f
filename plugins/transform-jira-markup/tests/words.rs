//! No word is lost and no byte of code changes, whatever the markup.

mod support;

use proptest::prelude::*;
use scrape_transform_jira_markup::{Options, to_markdown};
use support::{first_lost, visible_words, words};

/// Pieces of markup that are put together at random, words between them.
const PIECES: [&str; 77] = [
    "*",
    "_",
    "-",
    "+",
    "^",
    "~",
    "??",
    "{*}",
    "{_}",
    "{-}",
    "{{",
    "}}",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "|",
    "||",
    "!",
    "\\",
    "\\\\",
    "\n",
    "\n\n",
    "\r\n",
    " ",
    "\t",
    "#",
    ">",
    "<",
    "</",
    "&",
    "&lt;",
    "&amp;",
    "`",
    "``",
    "```",
    "~~~\n",
    "```\n",
    "{code}",
    "{code}\n",
    "{code:java}\n",
    "{code:title=A.b|borderStyle=solid}",
    "{noformat}",
    "{noformat}\n",
    "{quote}",
    "{panel}",
    "{panel:title=T}",
    "{color}",
    "{color:red}",
    "{anchor:x}",
    "\n* ",
    "\n** ",
    "\n# \n",
    "\n*# ",
    "\n# ",
    "\n- ",
    "\nh1. ",
    "\nbq. ",
    "\n----\n",
    "\n||",
    "\n|",
    "|\n",
    "http://",
    "mailto:",
    "[~",
    "[^",
    "|^",
    "|#",
    "](",
    "![",
    ".",
    "1. ",
    "--- ",
    "\n@@ -1,2 +1,2 @@\n",
    "\nat a.b(c)\n",
];

/// Markup with words, each of which occurs once.
fn markup() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..PIECES.len() * 2, 0..60).prop_map(|picks| {
        let word = |i: usize| format!("w{i}x");
        let piece =
            |(i, pick): (usize, usize)| PIECES.get(pick).map_or_else(|| word(i), |&p| p.to_owned());
        picks.into_iter().enumerate().map(piece).collect()
    })
}

/// The words put into random markup that have to come out: all but those of an
/// account behind a name, `[name|~account]`.
fn numbered(text: &str) -> Vec<String> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('|') {
        shown.push_str(before);
        let account = after.trim_start().starts_with('~');
        rest = if account {
            &after[after.find([']', '\n', '|']).unwrap_or(after.len())..]
        } else {
            after
        };
        shown.push(' ');
    }
    shown.push_str(rest);
    let mut found = Vec::new();
    let mut rest = shown.as_str();
    while let Some((_, after)) = rest.split_once('w') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && after[digits..].starts_with('x') {
            found.push(format!("w{}x", &after[..digits]));
        }
        rest = after;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn every_word_of_random_markup_comes_out_in_order(text in markup()) {
        let got = to_markdown(&text, &Options::default());
        let mut rest = got.as_ref();
        let lost = numbered(&text).into_iter().find(|word| match rest.split_once(word.as_str()) {
            Some((_, after)) => {
                rest = after;
                false
            }
            None => true,
        });
        prop_assert_eq!(lost, None, "{:?}\nbecame\n{}", text, got);
    }

    #[test]
    fn any_text_converts(text in "(\\PC|[*_{}|!`\\[\\]\n\r<>&#~^+?:./\\\\-]){0,80}") {
        let got = to_markdown(&text, &Options::default());
        let (expected, got_words) = (visible_words(&text), words(&got));
        prop_assert_eq!(first_lost(&expected, &got_words), None, "{:?}\nbecame\n{}", text, got);
    }

    #[test]
    fn code_keeps_its_bytes(
        before in prop::sample::select(vec!["", "text\n", "a *b* ", "h1. x\n", "\n\n"]),
        tag in prop::sample::select(vec!["code", "noformat"]),
        body in "(\\PC|[*_{}|!`\\[\\]\n \t<>&#~-]){0,80}",
        after in prop::sample::select(vec!["", "\nmore", " same line", "\n* x"]),
    ) {
        prop_assume!(!body.contains("{code}") && !body.contains("{noformat}"));
        let text = format!("{before}{{{tag}}}\n{body}\n{{{tag}}}{after}");
        let got = to_markdown(&text, &Options::default());
        let start = got.find("```").expect("a fence");
        let fence = &got[start..start + got[start..].chars().take_while(|&c| c == '`').count()];
        let rest = &got[start + fence.len()..];
        let end = rest.find(&format!("\n{fence}")).expect("the end of the fence");
        let expected = if body.is_empty() { String::new() } else { format!("\n{body}") };
        prop_assert_eq!(&rest[..end], expected.as_str(), "{:?}\nbecame\n{}", text, got);
    }
}

#[test]
fn the_oracle_sees_what_readers_see() {
    let text = "h1. A\n{color:red}b{color} {code:title=C.d|x=y}e{code} !f.g|width=3! [h|http://i] [~accountid:j] k&lt;l";
    assert_eq!(visible_words(text).join(" "), "A b C d e f g h http i j k l");
    assert_eq!(
        visible_words("[http://a|http://a] [N|~m] [n|http://o|smart-link]").join(" "),
        "http a N n http o"
    );
    let list = |s: &str| words(s);
    assert_eq!(first_lost(&list("a b c"), &list("x a b y c")), None);
    assert_eq!(first_lost(&list("a b c"), &list("a c b")), Some("c"));
}
