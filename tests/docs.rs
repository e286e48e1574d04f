//! Everything that the README and the guides tell a reader to type is typed here:
//! each `sh` block is run, each `yaml` block is checked.
//!
//! Commands run in a copy of the project's folders, with programs in front of the
//! path that stand for `cargo run`, `scrape` and `jira-standin`. What asks Apache's
//! server is sent to a stand-in. Words after the language of a block:
//!
//! - `yaml file=NAME`: the block is that file, for what follows it; with `wrong` it
//!   is not checked. A block with `version:` is a spec; any other without a name is
//!   laid over `apache-jira.yaml`.
//! - `sh exit=N`: the last command ends with N. `sh screen`: not run, since it needs
//!   a person before the screen; its programs are only looked up.
//! - `text output`: stands in what the block before it printed, line by line; `…`
//!   stands for anything.

mod common;
#[path = "docs/markdown.rs"]
mod markdown;
#[path = "docs/shop.rs"]
mod shop;

use std::path::PathBuf;

use common::project;
use markdown::blocks;
use shop::Shop;

/// All pages, one test each so that they run side by side.
macro_rules! pages {
    ($($name:ident $file:literal,)*) => {
        $(#[test]
        fn $name() {
            follow($file);
        })*
        const PAGES: &[&str] = &[$($file),*];
    };
}

pages! {
    readme "README.md",
    writing_a_spec "docs/spec.md",
    writing_a_task "docs/task.md",
    writing_a_plugin "docs/plugin.md",
    errors "docs/errors.md",
    running "docs/running.md",
    outputs "docs/outputs.md",
}

/// Reads a page from top to bottom and does what it says.
fn follow(page: &str) {
    let text = std::fs::read_to_string(project().join(page)).expect("a page");
    let mut shop = Shop::open();
    let mut said = String::new();
    let mut done = 0;
    for block in blocks(&text) {
        let place = format!("{page}:{}", block.line);
        match block.language.as_str() {
            "yaml" => shop.yaml(&block, &place),
            "sh" => said = shop.sh(&block, &place),
            "text" if block.has("output") => shop::assert_printed(&block.text, &said, &place),
            "text" | "" | "rust" | "toml" | "json" | "python" | "sql" | "jinja" => continue,
            other => panic!("{place}: a block in `{other}`, which nobody checks"),
        }
        done += 1;
    }
    assert!(done > 0, "{page} has nothing to follow");
}

#[test]
fn every_page_is_followed_and_every_link_leads_somewhere() {
    let mut pages: Vec<PathBuf> =
        vec![project().join("README.md"), project().join("ARCHITECTURE.md")];
    for entry in std::fs::read_dir(project().join("docs")).expect("docs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "md") {
            let name = format!("docs/{}", path.file_name().expect("a name").to_string_lossy());
            // A page of keys alone, of which tests/schema.rs takes care.
            let is_made = name == "docs/keys.md";
            assert!(is_made || PAGES.contains(&name.as_str()), "{name} is followed by no test");
            pages.push(path);
        }
    }
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page");
        for target in markdown::links(&text) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            if file.contains("://") {
                continue;
            }
            let folder = page.parent().expect("a folder");
            let there = if file.is_empty() { page.clone() } else { folder.join(file) };
            assert!(there.exists(), "{}: the link {target} leads nowhere", page.display());
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&there).expect("a page");
                let found = markdown::anchors(&text).any(|a| a == anchor);
                assert!(found, "{}: {target}: no such heading", page.display());
            }
        }
    }
}
