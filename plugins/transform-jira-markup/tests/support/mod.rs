//! What the tests hold to be the visible words of a text.

/// The words that a reader of Jira sees, in order.
///
/// Words are runs of letters and digits. Not seen, and so free to go: the names
/// of tags and their parameters other than titles, the options of images, the
/// account behind a name, the kind of a smart link, the second of two equal
/// addresses, the marks of headings and quotes. Everything else must come out.
pub fn visible_words(text: &str) -> Vec<String> {
    let mut shown = String::with_capacity(text.len());
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        let start = line.trim_start();
        let mark = ["h1. ", "h2. ", "h3. ", "h4. ", "h5. ", "h6. ", "bq. "];
        let line = mark.iter().find_map(|m| start.strip_prefix(m)).unwrap_or(line);
        show_line(line, &mut shown);
        shown.push('\n');
    }
    words(&shown)
}

/// Runs of letters and digits, in order, with entities decoded.
pub fn words(text: &str) -> Vec<String> {
    let mut text = text.to_owned();
    for (name, sign) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&ndash;", "–"),
        ("&mdash;", "—"),
        ("&rsquo;", "’"),
        ("&amp;", "&"),
    ] {
        text = text.replace(name, sign);
    }
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The first word that does not come in its turn.
pub fn first_lost<'a>(expected: &'a [String], got: &[String]) -> Option<&'a str> {
    let mut got = got.iter();
    expected.iter().find(|word| !got.any(|g| g == *word)).map(String::as_str)
}

fn show_line(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(len) = hidden(rest, out) {
            rest = &rest[len..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// The length of what is not shown at the start of `rest`.
fn hidden(rest: &str, out: &mut String) -> Option<usize> {
    let close = |sign: char| rest[1..].find(sign).map(|i| i + 1);
    match rest.as_bytes()[0] {
        b'{' => {
            let end = close('}')?;
            let tag = &rest[1..end];
            let (name, params) = tag.split_once(':').unwrap_or((tag, ""));
            let title = params.split('|').find_map(|p| p.trim().strip_prefix("title="));
            let named_file = params.split('|').find(|p| p.contains('.') && !p.contains('='));
            match name {
                "color" | "anchor" => {}
                "code" | "noformat" | "panel" | "quote" => {
                    out.push(' ');
                    out.push_str(title.or(named_file).unwrap_or(""));
                    out.push(' ');
                }
                _ => return None,
            }
            Some(end + 1)
        }
        b'!' => {
            let end = close('!')?;
            let (file, options) = rest[1..end].split_once('|')?;
            if !file.contains('.') || !(options.contains('=') || options == "thumbnail") {
                return None;
            }
            out.extend([" ", file, " "]);
            Some(end + 1)
        }
        b'[' => {
            let end = close(']')?;
            let (text, target) = rest[1..end].split_once('|')?;
            let target = target.split("|smart-").next()?;
            let hidden = target.trim().starts_with('~') || text == target;
            hidden.then(|| out.extend([text, " "]))?;
            Some(end + 1)
        }
        b'~' => rest.starts_with("~accountid:").then_some("~accountid:".len()),
        b'|' => {
            let end = rest[1..].find(']')? + 1;
            rest[1..end].starts_with("smart-").then_some(end)
        }
        _ => None,
    }
}
