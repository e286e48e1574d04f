//! Rows to try a sink on.

use crate::{Row, RowKey};

use super::Bench;

/// How large a large row is, in bytes.
const LARGE: usize = 4 << 20;

impl Bench<'_> {
    /// Rows of these numbers, all with one text.
    pub(super) fn rows(&self, numbers: std::ops::RangeInclusive<u32>, text: &str) -> Vec<Row> {
        numbers.map(|number| self.suite.row(number, text)).collect()
    }

    /// Rows of texts that formats stumble over.
    pub(super) fn nasty_rows(&self) -> Vec<Row> {
        const TEXTS: [&str; 16] = [
            "",
            " ",
            "two\nlines\r\nand a tab\t.",
            "\n",
            "quotes \" ' ` and commas, semicolons; pipes |",
            "back\\slash \\n \\u0041 \\\\",
            "\u{0}\u{1}\u{1b}[31m\u{7f}",
            "Größe, 規模, размер, حجم",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f1e9}\u{1f1ea}",
            "\u{feff}byte order mark",
            "line\u{2028}and\u{2029}paragraph\u{85}separators",
            "\u{202e}right to left\u{202c}",
            "e\u{301} and \u{e9}",
            "=1+1",
            "null",
            "</script><!-- {{ x }} ${y} %s",
        ];
        (1..).zip(TEXTS).map(|(number, text)| self.suite.row(number, text)).collect()
    }

    /// Two rows of several megabytes, one of them in letters of four bytes.
    pub(super) fn large_rows(&self) -> Vec<Row> {
        vec![
            self.suite.row(1, &"large ".repeat(LARGE / 6)),
            self.suite.row(2, &"\u{1f40b}".repeat(LARGE / 4)),
        ]
    }

    /// Rows whose keys are easily taken for each other. Their texts differ.
    pub(super) fn rows_with_nasty_keys(&self) -> Vec<Row> {
        let long = "x".repeat(300);
        let keys = [
            RowKey::new("a", "b/c"),
            RowKey::new("a/b", "c"),
            RowKey::new("a", "B/C"),
            RowKey::new("a", "b").of_task("c", 0),
            RowKey::new("a", "b").of_task("c", 1),
            RowKey::new("a", "b").of_task("", 0),
            RowKey::new("a", "b"),
            RowKey::new("a", "b").of_task("c/0", 0),
            RowKey::new("a", ""),
            RowKey::new("", "a"),
            RowKey::new("a", "."),
            RowKey::new("a", "../../up"),
            RowKey::new("a", "/absolute"),
            RowKey::new("a", "it's \"quoted\"; DROP TABLE rows; --"),
            RowKey::new("a", "two\nlines"),
            RowKey::new("a", "%2e%2e"),
            RowKey::new("a", "..%2e"),
            RowKey::new("a", "e\u{301}"),
            RowKey::new("a", "\u{e9}"),
            RowKey::new("a", format!("{long}1")),
            RowKey::new("a", format!("{long}2")),
        ];
        keys.into_iter()
            .enumerate()
            .map(|(n, key)| self.suite.row_of(key, &format!("KEY-{n}"), &format!("text {n}")))
            .collect()
    }
}
