//! Killed while a complete directory is brought up to date: by `--resume`, and by
//! `verify --fix`.

use std::collections::BTreeMap;

use scrape_standin::Action;

use super::outputs::assert_same;
use super::points::passings;
use super::program;
use super::scene::{Scene, at_each};

/// A scene with a complete run, and a server on which an issue has come, one was
/// changed and one has gone since.
fn changed() -> Scene {
    let scene = Scene::new();
    let keys = [scene.standin.keys("KAFKA"), scene.standin.keys("SPARK")];
    let apply = |action| scene.standin.apply(action).unwrap();
    let key = |project: usize, number: usize| keys[project][number].clone();
    apply(Action::Vanish { key: key(0, 43), listed: false });
    scene.run(&scene.args("run", &[])).expect(0);
    apply(Action::Appear { key: key(0, 43) });
    // Not before any other time of this server.
    let updated = Some(4_000_000_000_000);
    apply(Action::Update { key: key(1, 7), summary: Some("changed".into()), updated });
    apply(Action::Delete { key: key(1, 20) });
    scene
}

/// The outputs, whatever their completeness was checked by.
fn outputs(scene: &Scene) -> BTreeMap<String, Vec<u8>> {
    let mut outputs = scene.outputs();
    if let Some(counts) = outputs.get_mut("stats.json") {
        let text = String::from_utf8_lossy(counts);
        *counts = text.replace(r#""checked":"sweep""#, r#""checked":"count""#).into_bytes();
    }
    outputs
}

/// Kills the verb at its points, does it again and then `more`.
fn killed(verb: (&str, &[&str]), more: &[&str]) {
    let do_it = |scene: &Scene| {
        scene.run(&scene.args(verb.0, verb.1)).expect(0);
        let passed = program::passed(scene.folder());
        more.iter().for_each(|verb| drop(scene.run(&scene.args(verb, &[])).expect(0)));
        passed
    };
    let scene = changed();
    let before = outputs(&scene);
    let passed = do_it(&scene);
    let whole = outputs(&scene);
    assert_ne!(before, whole);
    let mut points = passings(&["reply"], &passed, 3);
    points.extend(passings(&["commit done"], &passed, 8));
    at_each(&points, |point, concurrency| {
        let mut scene = changed();
        scene.concurrency = concurrency;
        scene.killed(&scene.args(verb.0, verb.1), point);
        do_it(&scene);
        assert_same(&whole, &outputs(&scene));
    });
}

#[test]
fn what_is_new_comes_whole_whenever_it_is_cut() {
    killed(("run", &["--resume"]), &[]);
}

#[test]
fn what_a_sweep_finds_is_mended_whole_whenever_it_is_cut() {
    killed(("verify", &["--fix", "-r", "0.001"]), &["build"]);
}
