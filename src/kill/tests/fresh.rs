//! Killed while an earlier run is thrown away.

use super::outputs::assert_same;
use super::points::{CLEARING, passings};
use super::program;
use super::scene::{Scene, at_each};

/// A scene whose output directory holds a run that was killed.
fn begun(at: &str) -> Scene {
    let scene = Scene::new();
    scene.killed(&scene.args("run", &[]), at);
    scene
}

#[test]
fn what_is_thrown_away_in_part_can_be_thrown_away_or_resumed() {
    let (whole, _) = Scene::undisturbed(&[]);
    // Killed before the first output was put in place, and after the last.
    for earlier in ["outputs synced:1", "stats renamed:1"] {
        let scene = begun(earlier);
        scene.run(&scene.args("run", &["--fresh"])).expect(0);
        let passed = program::passed(scene.folder());
        assert_same(&whole, &scene.outputs());
        let clearing: Vec<&str> =
            CLEARING.into_iter().filter(|point| passed.contains_key(*point)).collect();
        let mut points = passings(&clearing, &passed, 2);
        points.extend(passings(&["store marked"], &passed, 1));
        at_each(&points, |point, _| {
            for again in ["--fresh", "--resume"] {
                let scene = begun(earlier);
                scene.killed(&scene.args("run", &["--fresh"]), point);
                scene.run(&scene.args("run", &[again])).expect(0);
                assert_same(&whole, &scene.outputs());
            }
        });
    }
}
