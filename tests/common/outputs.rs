//! The outputs of a run, to compare.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

/// The lines of a JSON Lines file, plain or `.zst`.
pub fn lines(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = if path.extension().is_some_and(|e| e == "zst") {
        let mut text = String::new();
        zstd::Decoder::new(&bytes[..]).expect("zstd").read_to_string(&mut text).expect("zstd");
        text
    } else {
        String::from_utf8(bytes).expect("UTF-8")
    };
    text.lines().map(|l| serde_json::from_str(l).expect("one JSON value a line")).collect()
}

/// The files of an output directory that are a pure function of store and spec.
pub fn outputs(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(dir).expect("inside").display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name == "stats.json" {
                let stats: Value =
                    serde_json::from_slice(&std::fs::read(&path).expect("stats")).expect("JSON");
                found.insert(name, stats["counts"].to_string().into_bytes());
            } else if !name.starts_with("store.db") && !name.ends_with(".lock") {
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// Asserts that two sets of outputs are the same, naming the first that differs.
#[track_caller]
pub fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    let names = |m: &BTreeMap<String, Vec<u8>>| m.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(a), names(b));
    for (name, bytes) in a {
        if *bytes != b[name] {
            let (x, y) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&b[name]));
            let line = x.lines().zip(y.lines()).find(|(p, q)| p != q);
            panic!(
                "{name} differs ({} and {} bytes), first at {line:.400?}",
                bytes.len(),
                b[name].len()
            );
        }
    }
}
