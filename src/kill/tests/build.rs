//! Killed while building from a store that is complete.

use super::outputs::assert_same;
use super::points::{BUILDING, passings};
use super::program;
use super::scene::{Scene, at_each};

/// Another task, so that the outputs differ from the former ones.
const CHANGED: &str = r#"
tasks:
  titles:
    description: The title alone.
    leak: allow
    target: [title]
    example: { title: "{{ record.title }}" }
"#;

/// A scene with a complete run, and the spec changed since.
fn changed() -> Scene {
    let scene = Scene::new();
    scene.run(&scene.args("run", &[])).expect(0);
    scene.extend_spec(CHANGED);
    scene
}

#[test]
fn a_build_killed_at_any_point_leaves_whole_files_and_is_built_again() {
    let scene = changed();
    let former = scene.outputs();
    scene.run(&scene.args("build", &[])).expect(0);
    let (whole, passed) = (scene.outputs(), program::passed(scene.folder()));
    assert!(former.len() < whole.len());
    at_each(&passings(&BUILDING, &passed, 2), |point, _| {
        let scene = changed();
        scene.killed(&scene.args("build", &[]), point);
        for (name, bytes) in scene.outputs() {
            let is_whole = former.get(&name) == Some(&bytes) || whole.get(&name) == Some(&bytes);
            let is_temporary = name.ends_with(".tmp");
            assert!(is_whole || is_temporary, "{point}: {name} is neither the old nor the new one");
        }
        scene.run(&scene.args("build", &[])).expect(0);
        assert_same(&whole, &scene.outputs());
    });
}
