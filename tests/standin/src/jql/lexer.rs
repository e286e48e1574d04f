//! Splits JQL into tokens with their places.

/// A token and the line and character (both from 1) where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// An unquoted word or number.
    Word(String),
    /// A string in single or double quotes, unescaped.
    Quoted(String),
    /// One of `= != < > <= >= ~ !~ ( ) , && || !`.
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 15] =
    ["!=", "!~", "<=", ">=", "&&", "||", "=", "<", ">", "~", "(", ")", ",", "!", "&"];

/// The tokens of `text`, `End` last; or Jira's message about what cannot be one.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut pos, mut line, mut line_start) = (0, 1, 0);
    while pos < chars.len() {
        let c = chars[pos];
        let column = pos - line_start + 1;
        if c == '\n' {
            line += 1;
            line_start = pos + 1;
        }
        if c.is_whitespace() {
            pos += 1;
            continue;
        }
        let at = |kind| Token { kind, line, column };
        if c == '"' || c == '\'' {
            let (value, end) = quoted(&chars, pos, line, column)?;
            out.push(at(Kind::Quoted(value)));
            pos = end;
            continue;
        }
        if let Some(sign) = SIGNS.iter().find(|s| starts_with(&chars[pos..], s)) {
            out.push(at(Kind::Sign(sign)));
            pos += sign.len();
            continue;
        }
        if "#$%@?;:*/^{}[]+|".contains(c) {
            return Err(format!(
                "The character '{c}' is a reserved JQL character. You must enclose it in a string or use the escape '\\u{:04x}' instead. (line {line}, character {column})",
                c as u32
            ));
        }
        let mut word = String::new();
        while pos < chars.len()
            && !chars[pos].is_whitespace()
            && !"=!<>()~,\"'&|".contains(chars[pos])
        {
            if chars[pos] == '\\' {
                pos = unescape(&chars, pos, &mut word, line, column)?;
            } else {
                word.push(chars[pos]);
                pos += 1;
            }
        }
        out.push(at(Kind::Word(word)));
    }
    out.push(Token { kind: Kind::End, line, column: chars.len() - line_start + 1 });
    Ok(out)
}

fn starts_with(chars: &[char], sign: &str) -> bool {
    sign.chars().enumerate().all(|(i, c)| chars.get(i) == Some(&c))
}

/// The string whose opening quote stands at `start`, and the position after its closing one.
fn quoted(
    chars: &[char],
    start: usize,
    line: usize,
    column: usize,
) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut pos = start + 1;
    while pos < chars.len() {
        if chars[pos] == chars[start] {
            return Ok((value, pos + 1));
        }
        if chars[pos] == '\\' {
            pos = unescape(chars, pos, &mut value, line, column)?;
        } else {
            value.push(chars[pos]);
            pos += 1;
        }
    }
    Err(format!(
        "The quoted string '{value}' has not been completed. (line {line}, character {column})"
    ))
}

/// Appends what the escape at `pos` stands for; returns the position after it.
fn unescape(
    chars: &[char],
    pos: usize,
    out: &mut String,
    line: usize,
    column: usize,
) -> Result<usize, String> {
    match chars.get(pos + 1) {
        Some('n') => out.push('\n'),
        Some('t') => out.push('\t'),
        Some('r') => out.push('\r'),
        Some(c @ ('"' | '\'' | '\\' | ' ')) => out.push(*c),
        Some('u') => {
            let hex: String = chars.iter().skip(pos + 2).take(4).collect();
            let code = u32::from_str_radix(&hex, 16)
                .ok()
                .and_then(char::from_u32)
                .filter(|_| hex.len() == 4);
            out.push(code.ok_or_else(|| illegal(&format!("\\u{hex}"), line, column))?);
            return Ok(pos + 6);
        }
        other => {
            return Err(illegal(
                &format!("\\{}", other.map_or(String::new(), char::to_string)),
                line,
                column,
            ));
        }
    }
    Ok(pos + 2)
}

fn illegal(escape: &str, line: usize, column: usize) -> String {
    format!(
        "'{escape}' is an illegal JQL escape sequence. The valid escape sequences are \\', \\\", \\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX. (line {line}, character {column})"
    )
}
