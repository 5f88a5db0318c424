//! What a host runs by itself: hooks, the settings of shells and editors, jobs of CI.
//!
//! A sandbox that changes such a file runs something outside as soon as somebody
//! commits, enters the directory, opens it in an editor or pushes.

use std::path::{Path, PathBuf};

/// Directories and files of this name, wherever they are, and all that is in them; each
/// part of a path is a name.
const PATHS: [&str; 48] = [
    ".git/hooks",
    ".githooks",
    ".husky",
    ".pre-commit-config.yaml",
    ".pre-commit-hooks.yaml",
    "lefthook.yml",
    "lefthook.yaml",
    ".lefthook.yml",
    ".overcommit.yml",
    ".envrc",
    ".mise.toml",
    "mise.toml",
    ".autoenv.zsh",
    ".github/workflows",
    ".github/actions",
    ".gitlab-ci.yml",
    ".gitlab",
    ".circleci",
    ".ci",
    ".buildkite",
    ".woodpecker",
    ".woodpecker.yml",
    ".drone.yml",
    ".travis.yml",
    ".appveyor.yml",
    "appveyor.yml",
    ".cirrus.yml",
    ".forgejo",
    ".gitea",
    "jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    ".devcontainer",
    ".vscode",
    ".idea",
    ".claude",
    ".cursor",
    ".mcp.json",
    ".exrc",
    ".nvim.lua",
    ".gdbinit",
    ".dir-locals.el",
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".ssh",
];

/// The part of a path that says that it is run; none if none does.
///
/// Letters count whatever their case: on some file systems they are the same.
pub(super) fn flagged(path: &Path) -> Option<PathBuf> {
    let names: Vec<String> =
        path.iter().map(|name| name.to_string_lossy().to_ascii_lowercase()).collect();
    let length = (1..=names.len()).find(|length| is_flagged(&names[..*length]))?;
    Some(path.iter().take(length).collect())
}

/// Whether something else than a directory by this name lets git, or a CI, look
/// elsewhere for what it runs.
pub(super) fn is_gate(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_ascii_lowercase();
    name == ".git"
        || PATHS.iter().filter_map(|path| path.split_once('/')).any(|(it, _)| name == *it)
}

fn is_flagged(names: &[String]) -> bool {
    let is_end = |path: &&str| {
        let wanted: Vec<&str> = path.split('/').collect();
        names.len() >= wanted.len() && names[names.len() - wanted.len()..] == wanted[..]
    };
    PATHS.iter().any(is_end) || is_of_git(names)
}

/// The settings of a repository, of its submodules and of its work trees name programs.
fn is_of_git(names: &[String]) -> bool {
    let is_inside = names.iter().any(|name| name == ".git");
    let last = names.last().map_or("", String::as_str);
    is_inside && matches!(last, "config" | "config.worktree" | "hooks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_by_itself_is_told() {
        for (path, expected) in [
            (".git/config", Some(".git/config")),
            (".git/hooks/pre-commit", Some(".git/hooks")),
            ("vendor/x/.git/hooks", Some("vendor/x/.git/hooks")),
            (".git/modules/x/hooks/update", Some(".git/modules/x/hooks")),
            (".GIT/Config", Some(".GIT/Config")),
            (".envrc", Some(".envrc")),
            ("sub/.envrc", Some("sub/.envrc")),
            (".github/workflows/ci.yml", Some(".github/workflows")),
            ("Jenkinsfile", Some("Jenkinsfile")),
            (".vscode/tasks.json", Some(".vscode")),
            (".git/index", None),
            (".git", None),
            (".github/CODEOWNERS", None),
            ("workflows/x", None),
            ("src/config", None),
            ("envrc", None),
        ] {
            assert_eq!(flagged(Path::new(path)), expected.map(PathBuf::from), "{path}");
        }
    }
}
