//! Where a new crate finds the engine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the engine's crates come from.
pub enum Engine {
    /// A checkout on this disk.
    Checkout(PathBuf),
    /// The repository.
    Repository,
}

impl Engine {
    /// The checkout that the current folder, or this program, is in; else the
    /// repository.
    pub fn find() -> Self {
        let here = env::current_dir().ok();
        let program = env::current_exe().ok();
        let starts = [here, program];
        starts
            .iter()
            .flatten()
            .flat_map(|start| start.ancestors())
            .find(|folder| is_checkout(folder))
            .map_or(Self::Repository, |folder| Self::Checkout(folder.to_owned()))
    }

    /// A line of `[dependencies]`.
    pub fn dependency(&self, name: &str, features: &str) -> String {
        let place = match self {
            Self::Checkout(root) => {
                let path =
                    if name == "scrape-api" { root.join("plugins/api") } else { root.clone() };
                // A TOML string: paths may hold quotes and backslashes.
                format!("path = {:?}", path.display().to_string())
            }
            Self::Repository => format!("git = {:?}", env!("CARGO_PKG_REPOSITORY")),
        };
        match features {
            "" => format!("{name} = {{ {place} }}"),
            features => format!("{name} = {{ {place}, features = [{features:?}] }}"),
        }
    }

    /// The versions that the engine is tested with.
    pub fn lock(&self) -> Option<String> {
        match self {
            Self::Checkout(root) => fs::read_to_string(root.join("Cargo.lock")).ok(),
            Self::Repository => None,
        }
    }

    /// The folder of the checkout.
    pub fn checkout(&self) -> Option<&Path> {
        match self {
            Self::Checkout(root) => Some(root),
            Self::Repository => None,
        }
    }
}

fn is_checkout(folder: &Path) -> bool {
    fs::read_to_string(folder.join("plugins/api/Cargo.toml"))
        .is_ok_and(|text| text.contains("name = \"scrape-api\""))
        && folder.join("specs/minimal.yaml").is_file()
}
