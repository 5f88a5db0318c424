//! `sandbox cp`: files into a sandbox, and out of it.
//!
//! One side is written as a tar, and the other puts into place what the tar holds:
//! so a stream is either side, and nothing is decided twice.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{
    Context,
    content::{self, Within},
    find::Found,
};
use crate::{
    error::Error,
    runtime::domain::Kind,
    storage::{self, Map, Ownership, Place, Tree, names_content, names_directory, place},
    ui,
};

/// Copy files into a sandbox, or out of it
///
/// One of both is `SANDBOX:PATH`, the other a path of the host's, or `-` for a tar
/// on standard input or output. If TARGET is a directory, SOURCE is copied into it;
/// of `SOURCE/.` only what is in it. If TARGET is not there, it becomes the copy,
/// but the directory that is to hold it must be there. A path of a sandbox that does
/// not run is in its own files, not in a volume.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep owners, as far as there are such ids
    #[arg(short, long)]
    archive: bool,

    /// Copy what SOURCE leads to, if it is a link
    #[arg(short = 'L', long)]
    follow_link: bool,

    /// Print nothing; nothing is printed anyway
    #[arg(short, long)]
    quiet: bool,

    /// What to copy
    #[arg(value_name = "SOURCE")]
    source: End,

    /// Where to
    #[arg(value_name = "TARGET")]
    target: End,
}

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// `-`
    Stream,
    Host(PathBuf),
    Sandbox {
        name: String,
        path: PathBuf,
    },
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    match (&args.source, &args.target) {
        (End::Sandbox { .. }, End::Sandbox { .. }) => Err(Error::usage_with_hint(
            "files cannot be copied from one sandbox to another",
            "copy them to the host first, or pipe: `sandbox cp A:/x - | sandbox cp - B:/`",
        )),
        (End::Sandbox { name, path }, target) => {
            let within = content::enter(&Found::look(name, context)?, context)?;
            copy_out(path, target, within, args)
        }
        (source, End::Sandbox { name, path }) => {
            let within = content::enter(&Found::look(name, context)?, context)?;
            copy_in(source, path, within, args)
        }
        _ => Err(Error::usage_with_hint(
            "neither SOURCE nor TARGET is in a sandbox",
            "write SANDBOX:PATH; a path of the host's that holds a colon begins with `/` or `./`",
        )),
    }
}

fn copy_out(path: &Path, target: &End, within: Within, args: &Args) -> Result<(), Error> {
    let mut tree = Tree::within(within.root).keeping(within.map.keep);
    let source = Source::find(path, &mut tree, args.follow_link)?;
    let target_path = match target {
        End::Host(path) => path,
        _ => return source.write_to_stdout(),
    };
    let target = find_target(target_path, &mut Tree::host())?;
    let (alias, into) = source.aim(target, target_path)?;
    // Nobody else may give files away.
    let keeps = args.archive && within.kind == Kind::Root;
    source.copy(alias, into, keeps.then_some(within.map), None)
}

fn copy_in(source: &End, path: &Path, within: Within, args: &Args) -> Result<(), Error> {
    let (root, keep) = (within.map.inside_root(), within.map.keep);
    let map = args.archive.then_some(within.map);
    let mut tree = Tree::within(within.root);
    let source_path = match source {
        End::Host(path) => path,
        _ => return unpack_stdin(&mut tree, path, map, root),
    };
    let source = Source::find(source_path, &mut Tree::host().keeping(keep), args.follow_link)?;
    let target = find_target(path, &mut tree)?;
    let (alias, into) = source.aim(target, path)?;
    source.copy(alias, into, map, Some(root))
}

fn unpack_stdin(
    tree: &mut Tree,
    path: &Path,
    map: Option<Map>,
    (uid, gid): (u32, u32),
) -> Result<(), Error> {
    let target = tree.find(path, true)?;
    if !target.is_directory() {
        return Err(no_directory(path, target.exists()));
    }
    let ownership = map.as_ref().map_or(Ownership::Of(uid, gid), Ownership::Kept);
    Ok(place(io::stdin().lock(), target.open()?, ownership)?)
}

/// Where it is to go; the directory in which that is must be there.
fn find_target(path: &Path, tree: &mut Tree) -> Result<Place, Error> {
    tree.find(path, true).map_err(|error| match (&error, path.parent()) {
        (storage::Error::Copy { source, .. }, Some(above)) if source.errno == Errno::ENOENT => {
            no_directory(above, false)
        }
        _ => error.into(),
    })
}

/// What is to be copied.
#[derive(Debug)]
struct Source<'a> {
    place: Place,
    /// As it was typed.
    path: &'a Path,
}

impl<'a> Source<'a> {
    fn find(path: &'a Path, tree: &mut Tree, follow: bool) -> Result<Self, Error> {
        let place = tree.find(path, follow)?;
        if !place.exists() {
            return Err(Error::usage(format!("there is no `{}`", path.display())));
        }
        if names_directory(path) && !place.is_directory() {
            return Err(no_directory(path, true));
        }
        Ok(Self { place, path })
    }

    /// The name that the copy gets, none for what is in the source; and the
    /// directory that will hold it. The rules are those of `docker cp`.
    fn aim(&self, target: Place, target_path: &Path) -> Result<(Option<OsString>, OwnedFd), Error> {
        if target.is_directory() {
            return Ok((self.name(), target.open()?));
        }
        if self.place.is_directory() && target.exists() {
            let (source, target) = (self.path.display(), target_path.display());
            let what = format!("`{source}` is a directory, and `{target}` is none");
            return Err(Error::usage(what));
        }
        if !self.place.is_directory() && names_directory(target_path) {
            return Err(no_directory(target_path, target.exists()));
        }
        Ok((Some(target.name().to_owned()), target.above()))
    }

    /// None if only what is in it is wanted.
    fn name(&self) -> Option<OsString> {
        let name = self.path.file_name().filter(|_| !names_content(self.path));
        name.map(OsStr::to_owned)
    }

    fn write_to_stdout(&self) -> Result<(), Error> {
        let name = self.name();
        let write =
            |output: &mut dyn Write| Ok(self.place.write(name.as_deref(), output).map(drop)?);
        ui::write_data(write).ok_or_else(|| {
            Error::usage_with_hint("a tar is nothing for a terminal", "redirect the output")
        })?
    }

    /// Copies it; owners are kept with a map, else all belongs to `owner`, or us.
    fn copy(
        &self,
        alias: Option<OsString>,
        into: OwnedFd,
        map: Option<Map>,
        owner: Option<(u32, u32)>,
    ) -> Result<(), Error> {
        content::pass(
            |writer| self.place.write(alias.as_deref(), writer).map(drop),
            |reader| {
                let ours = owner.map_or(Ownership::Ours, |(uid, gid)| Ownership::Of(uid, gid));
                place(reader, into, map.as_ref().map_or(ours, Ownership::Kept))
            },
        )
    }
}

fn no_directory(path: &Path, exists: bool) -> Error {
    let path = path.display();
    Error::usage(match exists {
        true => format!("`{path}` is no directory"),
        false => format!("there is no directory `{path}`"),
    })
}

impl From<OsString> for End {
    /// A path of the host's begins with `/` or `.`, or has no colon.
    fn from(text: OsString) -> Self {
        let bytes = text.as_bytes();
        if bytes == b"-" {
            return Self::Stream;
        }
        let colon = bytes.iter().position(|byte| *byte == b':');
        let Some(colon) = colon.filter(|_| !bytes.starts_with(b"/") && !bytes.starts_with(b"."))
        else {
            return Self::Host(text.into());
        };
        let (name, path) = bytes.split_at(colon);
        let path = path.get(1..).unwrap_or_default().to_vec();
        Self::Sandbox {
            name: String::from_utf8_lossy(name).into_owned(),
            path: OsString::from_vec(path).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_names_a_sandbox_unless_the_path_says_otherwise() {
        let inside = |name: &str, path: &str| End::Sandbox { name: name.into(), path: path.into() };
        let host = |path: &str| End::Host(path.into());
        let cases = [
            ("-", End::Stream),
            ("a", host("a")),
            ("./a:b", host("./a:b")),
            ("/a:b", host("/a:b")),
            ("web:/a", inside("web", "/a")),
            ("web:a:b", inside("web", "a:b")),
            ("web:", inside("web", "")),
            (":/a", inside("", "/a")),
        ];
        for (text, expected) in cases {
            assert_eq!(End::from(OsString::from(text)), expected, "{text}");
        }
    }
}
