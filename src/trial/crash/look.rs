//! What a run left, to be compared with what another left.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::super::compare::differ;
use crate::store::STORE_FILE;

/// Contents by name: a file, or a table of a database.
pub type Look = BTreeMap<String, Vec<u8>>;

/// How a database file of SQLite begins. Two of the same content differ in their
/// bytes, so they are compared table by table, whatever the order of rows.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// Looks at all files below a folder but those of the store and the locks.
///
/// # Errors
/// When something cannot be read.
pub fn look(folder: &Path) -> io::Result<Look> {
    let mut found = Look::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(&below)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            if is_own(&name) || is_beside_database(&path) {
                continue;
            }
            let bytes = fs::read(&path)?;
            match bytes.starts_with(DATABASE) {
                true => tables(&path, &name, &mut found).map_err(io::Error::other)?,
                false => drop(found.insert(name, bytes)),
            }
        }
    }
    Ok(found)
}

fn is_own(name: &str) -> bool {
    name.starts_with(STORE_FILE) || name.ends_with(".lock")
}

/// What SQLite keeps beside a database that was in use.
fn is_beside_database(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    ["-wal", "-shm", "-journal"].iter().any(|end| {
        name.strip_suffix(end).is_some_and(|database| path.with_file_name(database).exists())
    })
}

fn tables(path: &Path, name: &str, found: &mut Look) -> rusqlite::Result<()> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut tables = database.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    )?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in tables {
        let mut rows =
            database.prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
        let columns = rows.column_count();
        let line = |row: &rusqlite::Row| {
            let value = |column| row.get_ref(column).map(shown);
            (0..columns).map(value).collect::<Result<Vec<_>, _>>().map(|v| v.join(" | "))
        };
        let mut lines: Vec<String> = rows.query_map([], line)?.collect::<Result<_, _>>()?;
        lines.sort_unstable();
        found.insert(format!("{name}, table {table}"), lines.join("\n").into_bytes());
    }
    Ok(())
}

fn shown(value: ValueRef) -> String {
    match value {
        ValueRef::Null => String::from("NULL"),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).escape_debug().to_string(),
        ValueRef::Blob(bytes) => format!("{bytes:02x?}"),
    }
}

/// All that differs, a sentence each, by name; `expected` is of an undisturbed run.
pub fn differences(expected: &Look, found: &Look) -> BTreeMap<String, String> {
    let names = expected.keys().chain(found.keys());
    let one = |name: &String| {
        let difference = match (expected.get(name), found.get(name)) {
            (Some(expected), Some(found)) if expected == found => None,
            (Some(expected), Some(found)) => Some(difference(name, expected, found)),
            (Some(_), None) => Some(format!("{name} is missing")),
            _ => Some(format!("{name} is left behind")),
        };
        difference.map(|difference| (name.clone(), difference))
    };
    names.filter_map(one).collect()
}

/// Where two contents part: a line where they are text, else a byte.
fn difference(name: &str, expected: &[u8], found: &[u8]) -> String {
    let (Some(wanted), Some(got)) = (text(expected), text(found)) else {
        let same = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
        return format!("{name} differs from byte {} on", same + 1);
    };
    let (mut wanted, mut got) = (wanted.lines(), got.lines());
    for number in 1_u64.. {
        let end = "(its end)";
        match (wanted.next(), got.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or(end), b.unwrap_or(end));
                return differ(&format!("{name}, line {number}"), &a.into(), &b.into());
            }
        }
    }
    format!("{name} differs in its line ends")
}

/// Text, also where it is packed.
fn text(bytes: &[u8]) -> Option<String> {
    let unpacked = zstd::decode_all(bytes).unwrap_or_else(|_| bytes.to_vec());
    String::from_utf8(unpacked).ok()
}
