//! The Markdown under construction, with the prefix that nested blocks need.

/// Writes blocks: an empty line between two, and at the start of every line
/// what the containers ask for (`> ` in a quote, spaces in a list item).
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: String,
    prefix: String,
    /// Nothing was written yet in the innermost container.
    fresh: bool,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), prefix: String::new(), fresh: true }
    }

    /// Begins a block, after an empty line.
    pub(crate) fn block(&mut self) {
        if !self.fresh {
            self.out.push('\n');
            self.out.push_str(self.prefix.trim_end());
        }
        self.line();
    }

    /// Begins a line.
    pub(crate) fn line(&mut self) {
        if !std::mem::take(&mut self.fresh) {
            self.out.push('\n');
            self.out.push_str(&self.prefix);
        }
    }

    /// Writes text whose lines all belong to the current container.
    pub(crate) fn text(&mut self, text: &str) {
        self.fresh = false;
        if self.prefix.is_empty() {
            self.out.push_str(text);
            return;
        }
        let mut lines = text.split('\n');
        self.out.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.out.push('\n');
            let prefix = if line.is_empty() { self.prefix.trim_end() } else { &self.prefix };
            self.out.push_str(prefix);
            self.out.push_str(line);
        }
    }

    /// Opens a container at the start of a line: `first` on this line, `rest` on
    /// those that follow.
    pub(crate) fn open(&mut self, first: &str, rest: &str) {
        self.out.push_str(first);
        self.prefix.push_str(rest);
        self.fresh = true;
    }

    /// Closes the container opened with this `rest`.
    pub(crate) fn close(&mut self, rest: &str) {
        self.prefix.truncate(self.prefix.len() - rest.len());
        self.fresh = false;
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}
