//! Ends of lines and runs of empty lines.

use crate::Options;

/// Applies the options that change lines; `None` when there is nothing to do.
/// Expects line feeds only.
pub(crate) fn tidy(text: &str, options: &Options) -> Option<String> {
    let allowed = options.max_blank_lines.map_or(usize::MAX, |n| n as usize);
    let mut out = String::with_capacity(text.len());
    let mut blank = 0;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none();
        let kept = if options.trim_line_ends { line.trim_end_matches([' ', '\t']) } else { line };
        // What follows the last line feed is no line when it is empty.
        if line.trim_matches([' ', '\t']).is_empty() && !last {
            blank += 1;
            if blank > allowed {
                continue;
            }
        } else {
            blank = 0;
        }
        out.push_str(kept);
        if !last {
            out.push('\n');
        }
    }
    (out != text).then_some(out)
}
