//! Reads a spec and all files that it names.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::merge::merge;
use super::parse::parse;
use super::reach::Reach;
use super::yaml::{Data, Scalar, Style, Yaml};
use super::{Diagnostics, Sources, Span, suggest};

/// Why a file cannot be read that is not there.
const NO_SUCH_FILE: &str = "there is no such file";

/// The most bytes of one file that a spec names.
const MAX_BYTES: u64 = 4 << 20;

/// The most bytes of all files of a spec, each as often as it is named: files that
/// name one another several times would grow without end.
const MAX_BYTES_IN_ALL: usize = 64 << 20;

/// What a value of a tree counts for beside its text.
const VALUE_BYTES: usize = 128;

/// A spec as it was read: one tree, with `extends` and `{ file: … }` followed.
#[derive(Debug)]
pub struct Loaded {
    /// The file that was given.
    pub file: PathBuf,
    /// The tree.
    pub root: Yaml,
    /// The texts of all files that were read.
    pub sources: Arc<Sources>,
    /// What was found wrong while reading.
    pub diagnostics: Diagnostics,
    /// Whether the file that it extends could not be read, so that whatever is
    /// missing may be in there.
    pub partial: bool,
}

/// A spec that could not be read at all.
#[derive(Debug)]
pub struct LoadError {
    /// Why.
    pub diagnostics: Diagnostics,
    /// The texts of the files that were read.
    pub sources: Arc<Sources>,
}

/// Reads a spec, the files that it extends and those that it includes. A file may
/// include what is below the folder of its project, or below one of those in
/// `allowed`.
///
/// # Errors
/// When the file cannot be read or is no YAML. What is wrong in one place only
/// stands in [`Loaded::diagnostics`], so that everything else is still checked.
pub fn load(path: &Path, allowed: &[PathBuf]) -> Result<Loaded, LoadError> {
    let mut loader = Loader {
        allowed: allowed.to_vec(),
        sources: Sources::default(),
        diagnostics: Diagnostics::default(),
        partial: false,
        bytes: 0,
    };
    let root = match read(path) {
        Ok(text) => loader.parse_spec(path, text, &mut Vec::new()),
        Err(why) => {
            let hint = near(path);
            let diagnostic =
                loader.diagnostics.error_nowhere(format!("cannot read {}: {why}", path.display()));
            if let Some(hint) = hint {
                diagnostic.hint(format!("did you mean {}?", hint.display()));
            }
            None
        }
    };
    let Loader { sources, diagnostics, partial, .. } = loader;
    let sources = Arc::new(sources);
    match root {
        Some(root) => Ok(Loaded { file: path.to_owned(), root, sources, diagnostics, partial }),
        None => Err(LoadError { diagnostics, sources }),
    }
}

struct Loader {
    allowed: Vec<PathBuf>,
    sources: Sources,
    diagnostics: Diagnostics,
    partial: bool,
    /// How much was read.
    bytes: usize,
}

/// A file that is being read, and the files that it may include.
struct Above {
    file: PathBuf,
    reach: Rc<Reach>,
}

impl Loader {
    /// A spec has its own project; `above` are the files that led here.
    fn parse_spec(&mut self, path: &Path, text: String, above: &mut Vec<Above>) -> Option<Yaml> {
        let reach = Rc::new(Reach::of(path, &self.allowed));
        self.parse_file(path, text, above, reach)
    }

    fn parse_file(
        &mut self,
        path: &Path,
        text: String,
        above: &mut Vec<Above>,
        reach: Rc<Reach>,
    ) -> Option<Yaml> {
        let file = self.sources.add(path.to_owned(), text.clone());
        above.push(Above { file: identity(path), reach });
        let root = parse(&text, file, &mut self.diagnostics);
        self.bytes += root.as_ref().map_or(0, |root| root.count() * VALUE_BYTES);
        let root = root.map(|root| {
            let root = self.follow(root, true, above);
            self.extend(root, above)
        });
        above.pop();
        root
    }

    /// Replaces `{ file: path }` by what the file holds, everywhere but under
    /// `secrets:`, whose files are read when a run starts.
    fn follow(&mut self, node: Yaml, top: bool, above: &mut Vec<Above>) -> Yaml {
        let Yaml { span, name, data } = node;
        match data {
            Data::Map(entries) => {
                if let [(key, value)] = entries.as_slice()
                    && key.text == "file"
                    && let Some(path) = value.scalar()
                    && !path.is_template()
                {
                    let included = self.include(&path.text, value.span, above);
                    return Yaml { name, ..included };
                }
                let entries = entries.into_iter().map(|(key, value)| {
                    let secret = top && key.text == "secrets";
                    let value = if secret { value } else { self.follow(value, false, above) };
                    (key, value)
                });
                Yaml { span, name, data: Data::Map(entries.collect()) }
            }
            Data::List(items) => {
                let items = items.into_iter().map(|i| self.follow(i, false, above)).collect();
                Yaml { span, name, data: Data::List(items) }
            }
            data => Yaml { span, name, data },
        }
    }

    /// YAML is read as YAML, everything else is text.
    fn include(&mut self, target: &str, place: Span, above: &mut Vec<Above>) -> Yaml {
        let broken = Yaml { span: place, name: place, data: Data::Broken };
        let reach = above.last().map(|file| file.reach.clone());
        let opened = self.open(target, place, above, reach.as_deref());
        let (Some((path, text)), Some(reach)) = (opened, reach) else { return broken };
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if matches!(extension, "yaml" | "yml" | "json") {
            return self.parse_file(&path, text, above, reach).unwrap_or(broken);
        }
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let span = Span { file: self.sources.add(path, text.clone()), start: 0, end };
        let scalar = Scalar { text, style: Style::Other, verbatim: Some(span) };
        Yaml { span, name: span, data: Data::Scalar(scalar) }
    }

    /// Lays a file over the one that it extends.
    fn extend(&mut self, root: Yaml, above: &mut Vec<Above>) -> Yaml {
        // `extends:` is as if it were not there.
        let Some(base) = root.get("extends").filter(|base| !base.is_null()) else { return root };
        let target = match base.scalar() {
            Some(target) if !base.is_null() => target.text.clone(),
            _ => {
                let message =
                    format!("`extends` takes the path of a file, not {}", base.describe());
                self.diagnostics.error(base.name, message);
                // What is missing may be in the file that was meant.
                self.partial = true;
                return without(root, "extends");
            }
        };
        let place = base.span;
        let over = without(root, "extends");
        // Any spec may be extended: nothing comes of a file that says something else.
        let base = self.open(&target, place, above, None);
        match base.and_then(|(path, text)| self.parse_spec(&path, text, above)) {
            Some(base) => merge(base, over),
            None => {
                self.partial = true;
                over
            }
        }
    }

    /// The file that a path names, relative to the file that the path stands in.
    fn open(
        &mut self,
        target: &str,
        place: Span,
        above: &[Above],
        reach: Option<&Reach>,
    ) -> Option<(PathBuf, String)> {
        let path = self.sources.folder(place.file).join(target);
        let path = simplify(&path);
        let this = identity(&path);
        if above.iter().any(|above| above.file == this) {
            let message = format!("{} leads back to itself", path.display());
            self.diagnostics.error(place, message).hint("a file cannot include or extend itself");
            return None;
        }
        if let Some(reach) = reach.filter(|reach| !reach.holds(&path)) {
            let project = reach.project().display();
            let message = format!("{} is outside of the project, {project}", path.display());
            let folder = path.parent().unwrap_or(Path::new("/")).display();
            self.diagnostics
                .error(place, message)
                .hint(format!("move it there, or allow its folder with --allow-read {folder}"));
            return None;
        }
        if self.bytes > MAX_BYTES_IN_ALL {
            let message =
                format!("a spec of more than {} MiB, with all its files", MAX_BYTES_IN_ALL >> 20);
            self.diagnostics.error(place, message).hint("do files include one another?");
            return None;
        }
        match read(&path) {
            Ok(text) => {
                self.bytes += text.len();
                Some((path, text))
            }
            Err(why) => {
                let near = near(&path).and_then(|n| {
                    let folder = Path::new(target).parent().unwrap_or(Path::new(""));
                    Some(folder.join(n.file_name()?))
                });
                let message = format!("cannot read {}: {why}", path.display());
                let diagnostic = self.diagnostics.error(place, message);
                match near {
                    Some(near) => diagnostic.hint(format!("did you mean {}?", near.display())),
                    None if why != NO_SUCH_FILE => diagnostic,
                    None => diagnostic.hint("paths are relative to the file that names them"),
                };
                None
            }
        }
    }
}

/// Reads a text file of a size that a person may have written.
///
/// # Errors
/// In words that read well after "cannot read FILE: ".
pub fn read(path: &Path) -> Result<String, String> {
    let plain = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => String::from(NO_SUCH_FILE),
        _ => e.to_string(),
    };
    let file = File::open(path).map_err(plain)?;
    if file.metadata().map_err(plain)?.is_dir() {
        return Err(String::from("it is a folder"));
    }
    let mut bytes = Vec::new();
    // A device has no size beforehand.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(plain)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_BYTES >> 20));
    }
    let text = decode(bytes)?;
    // A byte order mark is no content; offsets are those of the rest.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Bytes as text.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let (good, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
            return String::from("it is UTF-16; save it as UTF-8");
        }
        let line = bytes[..good].iter().filter(|b| **b == b'\n').count() + 1;
        let byte = bytes.get(good).copied().unwrap_or_default();
        format!("it is no UTF-8 text, as byte 0x{byte:02X} in line {line} shows; save it as UTF-8")
    })
}

/// The file in the same folder whose name is most like this one's.
pub fn near(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = path.file_name()?.to_str()?;
    let near = suggest::closest(name, names.iter().map(String::as_str))?;
    (near != name).then(|| path.with_file_name(near))
}

fn without(mut map: Yaml, key: &str) -> Yaml {
    if let Data::Map(entries) = &mut map.data {
        entries.retain(|(k, _)| k.text != key);
    }
    map
}

/// `a/../b` is `b`, for messages; only where `a` is no `..` itself.
pub fn simplify(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            part => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// The same for two paths to one file.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
