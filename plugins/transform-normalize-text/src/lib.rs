//! Transform plugin normalize_text: line ends, spaces, control characters.
