//! Paths inside, before there is an inside.

use std::path::{Component, Path, PathBuf};

/// An absolute path inside, without `.` and `..`, that is not `/` itself.
///
/// # Errors
/// What is wrong with `text`.
pub fn path_inside(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(format!("the path inside, `{text}`, must begin with /"));
    }
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            _ => {}
        }
    }
    if clean == Path::new("/") {
        return Err("the root directory itself cannot be mounted over".into());
    }
    Ok(clean)
}
