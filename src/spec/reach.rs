//! Which files a spec may include.

use std::path::{Path, PathBuf};

use super::load::simplify;

/// The name of the folder that specs are usually kept in, beside `templates`.
const SPECS: &str = "specs";

/// The folders below which a spec may include files: its project, and those that the
/// user allows. A spec that somebody else wrote must not get at other files, whose
/// contents it could send to its server.
pub(super) struct Reach {
    project: PathBuf,
    allowed: Vec<PathBuf>,
}

impl Reach {
    /// What the spec at a path may include.
    pub(super) fn of(spec: &Path, allowed: &[PathBuf]) -> Self {
        let folder = absolute(spec).parent().map_or_else(PathBuf::new, Path::to_owned);
        let home = std::env::home_dir().map(|home| real(&home));
        let project = project(&real(&folder), home.as_deref());
        Self { project, allowed: allowed.iter().map(|folder| real(folder)).collect() }
    }

    /// Whether a file is below one of the folders in truth: a link may lead out.
    pub(super) fn holds(&self, file: &Path) -> bool {
        let file = real(file);
        std::iter::once(&self.project).chain(&self.allowed).any(|folder| file.starts_with(folder))
    }

    /// The folder of the project, for messages.
    pub(super) fn project(&self) -> &Path {
        &self.project
    }
}

/// The folder of the project that a spec in `folder` belongs to: the nearest above
/// with a `.git`, else the one that holds the folder `specs` with the spec, else the
/// spec's own. A whole home is no project, even where it is kept in git.
fn project(folder: &Path, home: Option<&Path>) -> PathBuf {
    let is_project = |above: &&Path| {
        home != Some(*above) && above.parent().is_some() && above.join(".git").exists()
    };
    let specs = || {
        let specs = folder.ancestors().find(|above| above.file_name().is_some_and(|n| n == SPECS));
        specs
            .and_then(Path::parent)
            .filter(|above| home != Some(*above) && above.parent().is_some())
    };
    folder.ancestors().find(is_project).or_else(specs).unwrap_or(folder).to_owned()
}

/// A path without links; of a file that is not there, the path as it is written.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        // Its folder may be there, under another name.
        let path = absolute(path);
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => real(folder).join(name),
            _ => path,
        }
    })
}

fn absolute(path: &Path) -> PathBuf {
    simplify(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_the_nearest_folder_with_git_or_above_specs() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let folder = |path: &str| {
            let folder = root.join(path);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        folder("home/.git");
        folder("home/code/.git");
        for (spec, expected) in [
            ("home/code/jira/deep", "home/code"),
            ("home/code/specs", "home/code"),
            ("home/other/specs/jira", "home/other"),
            ("home/other/jira", "home/other/jira"),
            // Nobody means all that is there.
            ("home/specs", "home/specs"),
            ("home", "home"),
        ] {
            let found = project(&folder(spec), Some(&root.join("home")));
            assert_eq!(found, root.join(expected), "{spec}");
        }
        assert_eq!(project(Path::new("/specs"), None), Path::new("/specs"));
    }
}
