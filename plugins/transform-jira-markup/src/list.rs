//! Lists: markers at the starts of lines, and the levels that they make.

/// Longer runs of markers are text: nobody nests so deep, and the indentation
/// of what they would make grows with them.
const MAX_DEPTH: usize = 9;

/// A list marker and where the item's content begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    depth: usize,
    ordered: bool,
    /// Bytes from the start of the line.
    pub(crate) content: usize,
}

/// The marker of a line: `*`, `-` and `#`, repeated for depth, then a space or a
/// tab, then something. Several `-` are a dash or the line above a signature
/// unless the line before was an item (`nested`).
pub(crate) fn marker(line: &str, nested: bool) -> Option<Marker> {
    let text = line.trim_start();
    let signs = text.bytes().take_while(|b| matches!(b, b'*' | b'#' | b'-')).count();
    if signs == 0 || signs > MAX_DEPTH {
        return None;
    }
    let rest = &text[signs..];
    let content = rest.trim_start_matches([' ', '\t']);
    if content.len() == rest.len() || content.trim_start().is_empty() {
        return None;
    }
    let dashes = text.bytes().take_while(|&b| b == b'-').count();
    if dashes == signs && signs > 1 && !nested {
        return None;
    }
    Some(Marker {
        depth: signs,
        ordered: text.as_bytes()[signs - 1] == b'#',
        content: line.len() - content.len(),
    })
}

/// The marker of a line that holds nothing else, as `# ` above the line with the
/// text: editors make such items. Jira shows the text in the item. A lone dash is
/// no marker: a signature begins so.
pub(crate) fn lone_marker(line: &str) -> Option<Marker> {
    let text = line.trim();
    let depth = text.len();
    let signs = text.bytes().all(|b| matches!(b, b'*' | b'#'));
    if !signs || !(1..=MAX_DEPTH).contains(&depth) || !line.ends_with(char::is_whitespace) {
        return None;
    }
    Some(Marker { depth, ordered: text.ends_with('#'), content: line.len() })
}

/// The lists that are open, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Levels(Vec<Level>);

#[derive(Debug)]
struct Level {
    depth: usize,
    ordered: bool,
    count: usize,
    /// Width of the last marker, by which what is nested is indented.
    width: usize,
}

impl Levels {
    /// Takes in the next item: its indentation and its Markdown marker with the
    /// space after it. Depths may jump, in both directions.
    pub(crate) fn item(&mut self, marker: &Marker) -> (usize, String) {
        while self.0.last().is_some_and(|level| level.depth > marker.depth) {
            self.0.pop();
        }
        if self.0.last().is_some_and(|l| l.depth == marker.depth && l.ordered != marker.ordered) {
            self.0.pop();
        }
        if self.0.last().is_none_or(|level| level.depth < marker.depth) {
            let Marker { depth, ordered, .. } = *marker;
            self.0.push(Level { depth, ordered, count: 0, width: 0 });
        }
        let indent = self.0.iter().rev().skip(1).map(|level| level.width).sum();
        let mut text = "- ".to_owned();
        if let Some(level) = self.0.last_mut() {
            level.count += 1;
            if level.ordered {
                text = format!("{}. ", level.count);
            }
            level.width = text.len();
        }
        (indent, text)
    }
}
