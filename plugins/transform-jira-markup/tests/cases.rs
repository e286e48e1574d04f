//! Inputs and expected outputs, from the files in `cases/`.

use scrape_transform_jira_markup::{LineBreaks, Mentions, Options, to_markdown};

/// Runs all cases of a file, and reports every difference at once.
fn run(file: &str, text: &str) {
    let decode = |s: &str| s.replace('␍', "\r").replace('·', "\u{a0}");
    let (mut count, mut wrong) = (0, String::new());
    for case in text.split("\n=== ").skip(1) {
        let case = case.split_once("\n===\n").map_or(case, |(case, _)| case);
        let (name, case) = case.split_once('\n').expect("a name, then the input");
        let (input, expected) = case.split_once("\n--->\n").expect("`--->` after the input");
        let (input, expected) = (decode(input), decode(expected));
        let got = to_markdown(&input, &Options::default());
        count += 1;
        if got != expected {
            wrong += &format!(
                "\n{file}: {name}\n--- input\n{input}\n--- expected\n{expected}\n--- got\n{got}\n"
            );
        }
    }
    assert!(count > 10, "{file} has only {count} cases");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn inline_markup() {
    run("inline.txt", include_str!("cases/inline.txt"));
}

#[test]
fn blocks() {
    run("blocks.txt", include_str!("cases/blocks.txt"));
}

#[test]
fn nasty_cases() {
    run("nasty.txt", include_str!("cases/nasty.txt"));
}

#[test]
fn options_change_mentions_breaks_and_attachments() {
    let text = "[~bob] wrote\nthis: !a b.png! [^c.txt] !http://x/y.png!\\\\end";
    let options = Options {
        mentions: Mentions::Name,
        line_breaks: LineBreaks::Backslash,
        attachment_base: Some("http://j/a/".to_owned()),
    };
    assert_eq!(
        to_markdown(text, &options),
        "bob wrote\\\nthis: ![](<http://j/a/a b.png>) [c.txt](http://j/a/c.txt) ![](http://x/y.png)\\\nend"
    );
    let options = Options { line_breaks: LineBreaks::Spaces, ..Options::default() };
    assert_eq!(to_markdown("*a*\nb\n{color:red}{color}", &options), "**a**  \nb");
}

#[test]
fn text_without_markup_is_borrowed() {
    for text in ["", "Plain text, with punctuation (and #1).", "Two lines\nof naïve text; no more"]
    {
        let got = to_markdown(text, &Options::default());
        assert!(matches!(got, std::borrow::Cow::Borrowed(_)), "{text:?}");
        assert_eq!(got, text);
    }
    assert_eq!(to_markdown("  spaces around \n", &Options::default()), "spaces around");
}
