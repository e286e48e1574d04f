//! Lines in columns.

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows with their cells below each other, each on a line that begins with
/// `indent`. A column that is empty in all rows takes no room.
pub fn table<const N: usize>(rows: &[[String; N]], align: [Align; N], indent: &str) -> String {
    let widths: [usize; N] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .zip(align)
            .filter(|((_, width), _)| *width > 0)
            .map(|((cell, width), align)| match align {
                Align::Left => format!("{cell:width$}"),
                Align::Right => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(format!("{indent}{}", cells.join("  ")).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let rows = [["a", "1,000", "", "x"], ["long", "7", "", ""]].map(|r| r.map(String::from));
        let align = [Align::Left, Align::Right, Align::Left, Align::Left];
        assert_eq!(table(&rows, align, "  "), "  a     1,000  x\n  long      7\n");
        assert_eq!(table(&[], align, ""), "");
    }
}
