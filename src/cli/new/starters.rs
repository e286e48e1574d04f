//! The files of each starting point. They are kept as they are written, with a name in
//! place of the one that is asked for.

use super::engine::Engine;

/// Files to be written, and what to do then.
pub struct Starter {
    /// What must not be there yet.
    pub place: String,
    /// Paths and texts.
    pub files: Vec<(String, String)>,
    /// Commands, and what they are for.
    pub next: String,
}

/// The starting point of a kind.
pub fn starter(kind: &str, name: &str, engine: &Engine) -> Option<Starter> {
    Some(match kind {
        "spec" => spec(name),
        "task" => task(name),
        "sink" => krate(kind, name, engine, &SINK),
        "transform" => krate(kind, name, engine, &TRANSFORM),
        "fetch" => krate(kind, name, engine, &FETCH),
        _ => return None,
    })
}

fn spec(name: &str) -> Starter {
    let file = format!("{name}.yaml");
    Starter {
        files: vec![(file.clone(), named(include_str!("spec.yaml"), name))],
        next: format!(
            "scrape validate {file}\n\
             scrape run {file} --limit 5 -o try-{name}\n\
             scrape new task NAME                 # training examples from its records"
        ),
        place: file,
    }
}

fn task(name: &str) -> Starter {
    let file = format!("{name}.yaml");
    let preview = format!("scrape preview SPEC --task {name}");
    Starter {
        files: vec![(file.clone(), named(include_str!("task.yaml"), name))],
        next: format!(
            "write these lines into the spec, with the path from it to the file:\n\
             \n\
             tasks:\n  {name}: {{ file: {file} }}\n\
             sinks:\n  examples: {{ type: jsonl, from: tasks, path: \"tasks/{{{{ task }}}}.jsonl\" }}\n\
             \n\
             scrape validate SPEC\n\
             {preview:<37} # single examples, beside the fields that went in\n\
             scrape build SPEC                     # from what was collected, without network"
        ),
        place: file,
    }
}

struct Crate {
    lib: &'static str,
    contract: &'static str,
    spec: &'static str,
    /// Whether the spec is tried on the recording that comes with the engine.
    replays: bool,
}

const SINK: Crate = Crate {
    lib: include_str!("sink/lib.rs"),
    contract: include_str!("sink/contract.rs"),
    spec: include_str!("sink/mine.yaml"),
    replays: true,
};
const TRANSFORM: Crate = Crate {
    lib: include_str!("transform/lib.rs"),
    contract: include_str!("transform/contract.rs"),
    spec: include_str!("transform/mine.yaml"),
    replays: true,
};
const FETCH: Crate = Crate {
    lib: include_str!("fetch/lib.rs"),
    contract: include_str!("fetch/contract.rs"),
    spec: include_str!("fetch/mine.yaml"),
    replays: false,
};

fn krate(kind: &str, name: &str, engine: &Engine, from: &Crate) -> Starter {
    let path = |file: &str| format!("{name}/{file}");
    let mut files = vec![
        (path("Cargo.toml"), manifest(kind, name, engine)),
        (path("src/lib.rs"), named(from.lib, name)),
        (path("src/main.rs"), named(include_str!("main.rs"), name)),
        (path("tests/contract.rs"), named(from.contract, name)),
        (path(".gitignore"), "/target\n".to_owned()),
    ];
    files.extend(engine.lock().map(|lock| (path("Cargo.lock"), lock)));
    let mut next = format!(
        "cd {name}\n\
         cargo test                            # the contract of a {kind}; change src/lib.rs\n\
         cargo run -- list {kind}\n"
    );
    if let Some(root) = engine.checkout() {
        let root = root.display().to_string();
        files.push((path("mine.yaml"), named(from.spec, name).replace("ENGINE", &root)));
        let replay = if from.replays {
            format!(" --replay {root}/specs/recordings/apache-jira.har")
        } else {
            String::new()
        };
        next.push_str(&format!("cargo run -- run mine.yaml{replay}\n"));
    }
    Starter { place: name.to_owned(), files, next }
}

fn manifest(kind: &str, name: &str, engine: &Engine) -> String {
    let text = include_str!("crate.toml").replace("MY_KIND", &kind[..1].to_uppercase());
    let text = text.replace("REST_OF_KIND", &kind[1..]);
    let lines = text.lines().map(|line| match line.strip_prefix("DEP ") {
        Some(dependency) => {
            let (name, features) = dependency.split_once(' ').unwrap_or((dependency, ""));
            engine.dependency(name, features)
        }
        None => line.to_owned(),
    });
    named(&(lines.collect::<Vec<_>>().join("\n") + "\n"), name)
}

/// A name as a word of Rust, and of a spec.
pub fn word(name: &str) -> String {
    name.replace('-', "_")
}

/// A text with the name in each of its forms.
fn named(text: &str, name: &str) -> String {
    let word = word(name);
    let camel: String = word
        .split('_')
        .map(|part| part[..part.len().min(1)].to_uppercase() + part.get(1..).unwrap_or_default())
        .collect();
    text.replace("my-name", name)
        .replace("my_name", &word)
        .replace("MyName", &camel)
        .replace("MY_NAME", &word.to_uppercase())
}
