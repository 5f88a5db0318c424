//! How files differ, line by line, as `git diff` writes it.

use std::{fmt::Write, time::Duration};

use similar::{ChangeTag, TextDiff};

use crate::storage::{FileChange, Side};

/// A difference that takes longer to find is told less well.
const PATIENCE: Duration = Duration::from_secs(2);
/// Lines around what has changed.
const CONTEXT: usize = 3;

/// How much of a file has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) added: usize,
    pub(super) deleted: usize,
}

/// Counts lines; none of what is no text.
pub(super) fn count(change: &FileChange) -> Option<Lines> {
    let (old, new) = (text(change.old.as_ref())?, text(change.new.as_ref())?);
    let mut lines = Lines::default();
    for line in compare(old, new).iter_all_changes() {
        match line.tag() {
            ChangeTag::Insert => lines.added += 1,
            ChangeTag::Delete => lines.deleted += 1,
            ChangeTag::Equal => {}
        }
    }
    Some(lines)
}

/// A patch for `git apply` and, but for what git adds, `patch(1)`.
pub(super) fn unified(change: &FileChange) -> String {
    let texts = text(change.old.as_ref()).zip(text(change.new.as_ref()));
    let path = change.path.display().to_string();
    let (a, b) = (format!("a/{path}"), format!("b/{path}"));
    let mut patch = format!("diff --git {a} {b}\n");
    let mode = |side: &Side| match side.mode & libc::S_IFMT {
        libc::S_IFLNK => "120000",
        _ if side.mode & 0o111 != 0 => "100755",
        _ => "100644",
    };
    let _ = match (&change.old, &change.new) {
        (None, Some(new)) => writeln!(patch, "new file mode {}", mode(new)),
        (Some(old), None) => writeln!(patch, "deleted file mode {}", mode(old)),
        (Some(old), Some(new)) if mode(old) != mode(new) => {
            writeln!(patch, "old mode {}\nnew mode {}", mode(old), mode(new))
        }
        // Without it, git takes the text of a link for that of a file.
        (Some(old), Some(_)) if mode(old) == "120000" => {
            patch.push_str("old mode 120000\nnew mode 120000\n");
            Ok(())
        }
        // Of other permissions than these git knows nothing.
        _ if texts.is_some_and(|(old, new)| old == new) => return String::new(),
        _ => Ok(()),
    };
    let name = |side: &Option<Side>, name| if side.is_some() { name } else { "/dev/null".into() };
    let (a, b) = (name(&change.old, a), name(&change.new, b));
    match texts {
        None => patch.push_str(&format!("Binary files {a} and {b} differ\n")),
        Some((old, new)) if old != new => {
            let diff = compare(old, new);
            let text = diff.unified_diff().context_radius(CONTEXT).header(&a, &b).to_string();
            patch.push_str(&text);
        }
        Some(_) => {}
    }
    patch
}

fn compare<'a>(old: &'a str, new: &'a str) -> TextDiff<'a, 'a, str> {
    TextDiff::configure().timeout(PATIENCE).diff_lines(old, new)
}

/// What is in a file, if it is text; nothing is in one that is not there.
fn text(side: Option<&Side>) -> Option<&str> {
    let Some(side) = side else { return Some("") };
    let content = side.content.as_deref()?;
    std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(mode: u32, content: &[u8]) -> Option<Side> {
        Some(Side { mode, content: Some(content.into()) })
    }

    fn change(old: Option<Side>, new: Option<Side>) -> FileChange {
        FileChange { path: "d/f".into(), old, new }
    }

    #[test]
    fn a_patch_is_what_git_takes() {
        let both = change(side(0o100644, b"a\nb\n"), side(0o100755, b"a\nc"));
        assert_eq!(
            unified(&both),
            "diff --git a/d/f b/d/f\nold mode 100644\nnew mode 100755\n--- a/d/f\n+++ b/d/f\n\
             @@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"
        );
        assert_eq!(count(&both), Some(Lines { added: 1, deleted: 1 }));
        assert_eq!(
            unified(&change(None, side(0o120777, b"to"))),
            "diff --git a/d/f b/d/f\nnew file mode 120000\n--- /dev/null\n+++ b/d/f\n\
             @@ -0,0 +1 @@\n+to\n\\ No newline at end of file\n"
        );
        assert_eq!(
            unified(&change(side(0o120777, b"to"), side(0o120777, b"by"))),
            "diff --git a/d/f b/d/f\nold mode 120000\nnew mode 120000\n--- a/d/f\n+++ b/d/f\n\
             @@ -1 +1 @@\n-to\n\\ No newline at end of file\n+by\n\\ No newline at end of file\n"
        );
        assert_eq!(unified(&change(side(0o100644, b"a"), side(0o100600, b"a"))), "");
        assert!(unified(&change(None, side(0o100644, b""))).ends_with("new file mode 100644\n"));
        let binary = change(side(0o100644, b"\0"), None);
        assert!(unified(&binary).ends_with("Binary files a/d/f and /dev/null differ\n"));
        assert_eq!(count(&binary), None);
    }
}
