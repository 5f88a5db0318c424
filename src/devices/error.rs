//! Why a device cannot be handed over.

use std::{io, path::PathBuf};

use crate::hint::Hint;

/// What is wrong with a device that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no device {}", .0.display())]
    NodeMissing(PathBuf),
    #[error("{} is not a device", .0.display())]
    NotADevice(PathBuf),
    #[error("there is no device below {}", .0.display())]
    DirectoryEmpty(PathBuf),
    #[error("there are more than {most} devices below {}", .path.display())]
    TooMany { path: PathBuf, most: usize },
    #[error("cannot look at {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("nobody can open {}: it is on a file system that is mounted with `nodev`", .0.display())]
    NoDevices(PathBuf),
    #[error("there is no {}", .0.display())]
    FileMissing(PathBuf),
    #[error("`{0}` is not a name such as vendor.com/class=name")]
    NoName(String),
    #[error("no spec file describes the device {name}")]
    Unknown {
        name: String,
        /// Where spec files were looked for.
        directories: Vec<PathBuf>,
        /// The devices that there are.
        known: Vec<String>,
        /// Files that were put aside, and why.
        problems: Vec<String>,
    },
    #[error("no spec file describes a GPU: neither nvidia.com/gpu nor amd.com/gpu")]
    NoGpu {
        /// Where one could be put.
        directory: PathBuf,
        problems: Vec<String>,
    },
    #[error("two files describe the device {name}: {} and {}", .one.display(), .other.display())]
    Ambiguous { name: String, one: PathBuf, other: PathBuf },
    #[error("cannot hand over the device {name} of {}", .file.display())]
    Described { name: String, file: PathBuf, source: Box<Error> },
}

/// A hint names no more files that are wrong than this.
const MOST_PROBLEMS: usize = 3;
/// A hint names no more devices than this.
const MOST_NAMES: usize = 16;

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADevice(path) => {
                Some(format!("`-v {}:DST` shows a file or directory inside", path.display()))
            }
            Self::Unknown { directories, known, problems, .. } => {
                Some(look_back(directories, known, problems))
            }
            Self::NoGpu { directory, problems } => {
                let file = |name: &str| directory.join(name).display().to_string();
                let hint = format!(
                    "`nvidia-ctk cdi generate --output={}` makes one, and for AMD `amd-ctk cdi \
                     generate --output={}`",
                    file("nvidia.yaml"),
                    file("amd.json")
                );
                Some(hint + &left_out(problems))
            }
            Self::Ambiguous { .. } => {
                Some("take it out of one of them; the files of another directory may differ".into())
            }
            Self::Described { source, .. } => match **source {
                Self::NodeMissing(_) | Self::FileMissing(_) => {
                    Some("the file may be older than the driver: have it generated again".into())
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Where was looked, and what was there.
fn look_back(directories: &[PathBuf], known: &[String], problems: &[String]) -> String {
    let places: Vec<String> = directories.iter().map(|path| path.display().to_string()).collect();
    let names = match known.len() {
        0 => "they describe no device".into(),
        count if count > MOST_NAMES => {
            format!(
                "they describe {} and {} more",
                known[..MOST_NAMES].join(", "),
                count - MOST_NAMES
            )
        }
        _ => format!("they describe {}", known.join(", ")),
    };
    format!("spec files are in {}; {names}{}", places.join(", "), left_out(problems))
}

fn left_out(problems: &[String]) -> String {
    let few = problems.iter().take(MOST_PROBLEMS);
    few.map(|problem| format!("; left out is {problem}")).collect()
}
