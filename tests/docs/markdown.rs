//! As much of Markdown as following a page takes.

/// A fenced block.
pub struct Block {
    /// The line of its fence, from 1.
    pub line: usize,
    /// The first word after the fence.
    pub language: String,
    /// The other words.
    words: Vec<String>,
    /// What is between the fences.
    pub text: String,
}

impl Block {
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|w| w == word)
    }

    /// The value of a word `name=value`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The fenced blocks of a page, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(info), None) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                let language = words.next().unwrap_or_default();
                let words = words.collect();
                open = Some(Block { line: number + 1, language, words, text: String::new() });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that is not closed");
    found
}

/// The page without its fenced blocks.
fn prose(page: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The targets of `[text](target)`.
pub fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let ends = prose.match_indices("](");
    ends.filter_map(|(at, _)| Some(prose[at + 2..].split_once(')')?.0.to_owned())).collect()
}

/// The anchors of its headings, as GitHub makes them.
pub fn anchors(page: &str) -> impl Iterator<Item = String> {
    let headings: Vec<_> =
        prose(page).lines().filter(|l| l.starts_with('#')).map(str::to_owned).collect();
    headings.into_iter().map(|heading| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}
