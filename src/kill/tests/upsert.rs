//! Killed while rows are put and removed by key, and what is to be there changed
//! before the next build: nothing of the cut one is left.

use std::fs;
use std::path::Path;

use super::outputs::assert_same;
use super::points::{PUTTING, passings};
use super::program;
use super::scene::{Scene, at_each};

/// Rows and examples on a shelf. `{text}` is in every second row, and the task makes
/// examples of the records whose number divided by three leaves `{rest}`.
const SINKS: &str = r#"
sinks:
  training: null
  examples: null
  raw: null
  raw_children: null
  rows:
    type: shelf
    from: records
    template: { title: "{{ record.title }}{% if (record.id | int) % 2 == 0 %} {text}{% endif %}" }
    path: rows
  thirds: { type: shelf, from: tasks, path: "tasks/{{ task }}" }
tasks:
  summarization: null
  classification: null
  qa: null
  chat: null
  thirds:
    description: The titles of every third record.
    when: "{{ (record.id | int) % 3 == {rest} }}"
    leak: allow
    target: [title]
    example: { title: "{{ record.title }}" }
"#;

fn write_spec(scene: &Scene, text: &str, rest: u32) {
    let sinks = SINKS.replace("{text}", text).replace("{rest}", &rest.to_string());
    scene.extend_spec(&sinks);
}

#[test]
fn a_build_that_was_cut_leaves_nothing_that_the_next_one_does_not_make() {
    let scene = Scene::new();
    write_spec(&scene, "as it was", 0);
    scene.run(&scene.args("run", &[])).expect(0);
    let whole = scene.outputs();
    let collected = tempfile::tempdir().unwrap();
    copy(&scene.folder().join("out"), collected.path());
    // How often it passes each point.
    write_spec(&scene, "otherwise", 1);
    scene.run(&scene.args("build", &[])).expect(0);
    let passed = program::passed(scene.folder());
    assert_ne!(whole, scene.outputs());
    at_each(&passings(&PUTTING, &passed, 3), |point, _| {
        let scene = Scene::new();
        copy(collected.path(), &scene.folder().join("out"));
        write_spec(&scene, "otherwise", 1);
        scene.killed(&scene.args("build", &[]), point);
        write_spec(&scene, "as it was", 0);
        scene.run(&scene.args("build", &[])).expect(0);
        assert_same(&whole, &scene.outputs());
    });
}

#[test]
fn a_target_that_was_removed_is_filled_again_even_if_the_first_try_is_cut() {
    let scene = Scene::new();
    write_spec(&scene, "as it was", 0);
    scene.run(&scene.args("run", &[])).expect(0);
    let whole = scene.outputs();
    for point in ["target opened:1", "target opened:2", "rows in doubt:1", "rows put:1"] {
        fs::remove_dir_all(scene.folder().join("out/rows")).unwrap();
        fs::remove_dir_all(scene.folder().join("out/tasks")).unwrap();
        scene.killed(&scene.args("build", &[]), point);
        scene.run(&scene.args("build", &[])).expect(0);
        assert_same(&whole, &scene.outputs());
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
