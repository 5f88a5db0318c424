//! Layers as an attacker would make them.
//!
//! Each is unpacked beside a canary, a tree which must be the same afterwards,
//! whatever the layer was and whether it was taken or refused.

use std::{
    fs,
    io::Read,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use proptest::prelude::*;
use tar::EntryType;

use super::{
    Error, Store,
    testing::{Member, TempDir, diff_id, store, tar_of},
};
use crate::{
    oci::{DiffId, ImageLimits},
    sys,
};

/// A store with a canary next to it.
struct Yard {
    temp: TempDir,
    store: Store,
}

impl Yard {
    fn new() -> Self {
        let temp = TempDir::new();
        let canary = temp.path().join("canary");
        fs::create_dir(&canary).unwrap();
        fs::write(canary.join("file"), "untouched").unwrap();
        fs::set_permissions(&canary, fs::Permissions::from_mode(0o711)).unwrap();
        let store = store(&temp);
        Self { temp, store }
    }

    fn within(limits: ImageLimits) -> Self {
        let Self { temp, store } = Self::new();
        Self { temp, store: store.with_limits(limits) }
    }

    /// Unpacks a tar and returns the layer, or the last line of the complaint.
    ///
    /// It is unpacked a second time where there is no `openat2(2)`, and the same
    /// must come of it.
    fn unpack_bytes(&self, tar: &[u8]) -> Result<PathBuf, String> {
        let usual = self.unpack_in(&self.store, tar);
        let temp = TempDir::new();
        let limits = self.store.budget.limits.clone();
        let other = store(&temp).with_limits(limits);
        let fallback = without_openat2(|| self.unpack_in(&other, tar));
        let outcome = |result: &Result<PathBuf, String>| match result {
            Ok(layer) => tree(layer),
            // Which call failed is not the same.
            Err(error) => vec![error.rsplit("): ").next().unwrap().to_owned()],
        };
        assert_eq!(outcome(&usual), outcome(&fallback), "with and without openat2");
        usual
    }

    fn unpack_in(&self, store: &Store, tar: &[u8]) -> Result<PathBuf, String> {
        let id: DiffId = diff_id(tar);
        let result = store.add_layer(&id, &mut &*tar);
        self.check_canary();
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0, "something is left in tmp");
        match result {
            Ok(()) => {
                // Whatever became of the names, it is written as it came. Others
                // than root cannot read every file of theirs.
                if nix::unistd::geteuid().is_root() {
                    let mut written = Vec::new();
                    store.layer_tar(&id).unwrap().read_to_end(&mut written).unwrap();
                    assert!(written == tar, "another tar is written");
                }
                Ok(store.layer(&id).join("fs"))
            }
            Err(Error::Layer { source, .. }) => {
                assert!(!store.has_layer(&id));
                let mut last: &dyn std::error::Error = &source;
                while let Some(cause) = last.source() {
                    last = cause;
                }
                Err(last.to_string())
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn unpack(&self, members: &[Member]) -> Result<PathBuf, String> {
        self.unpack_bytes(&tar_of(members))
    }

    fn check_canary(&self) {
        let canary = self.canary();
        let metadata = fs::metadata(&canary).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o711);
        assert_eq!(fs::read_dir(&canary).unwrap().count(), 1);
        assert_eq!(fs::read(canary.join("file")).unwrap(), b"untouched");
        assert_eq!(fs::metadata(canary.join("file")).unwrap().nlink(), 1);
    }

    fn canary(&self) -> PathBuf {
        self.temp.path().join("canary")
    }

    /// As a symbolic link in a layer would have to say it.
    fn canary_text(&self) -> String {
        self.canary().to_str().unwrap().into()
    }
}

/// Does something on a thread that is denied `openat2(2)`, as by the filters of
/// older container engines.
fn without_openat2<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let number = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let is_equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let filter = [
        statement(number as u16, 0), // `seccomp_data.nr` comes first.
        libc::sock_filter { code: is_equal as u16, jt: 0, jf: 1, k: libc::SYS_openat2 as u32 },
        statement(answer, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        statement(answer, libc::SECCOMP_RET_ALLOW),
    ];
    let denied = || {
        rustix::thread::set_no_new_privs(true).unwrap();
        sys::seccomp::load(&filter).unwrap();
        let root = sys::fs::open_directory(Path::new("/")).unwrap();
        let asked = sys::fs::open_in_root(root, Path::new("tmp"));
        assert_eq!(asked.unwrap_err().errno, nix::errno::Errno::ENOSYS);
        act()
    };
    std::thread::scope(|scope| scope.spawn(denied).join().unwrap_or_else(|e| resume_unwind(e)))
}

/// All that can be seen of a tree, a line for each name.
fn tree(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for path in std::iter::once(dir.clone()).chain(children(&dir)) {
            let Ok(there) = fs::symlink_metadata(&path) else {
                lines.push(format!("{:?} may not be looked at", path.strip_prefix(root).unwrap()));
                continue;
            };
            if there.is_dir() && path != dir {
                dirs.push(path);
                continue;
            }
            // What the archive does not mention is of today.
            let time = there.mtime().min(1_750_000_000);
            let content = there.is_file().then(|| fs::read(&path).ok()).flatten();
            lines.push(format!(
                "{:?} {:o} {} {} {time} {:?} {:?} {}",
                path.strip_prefix(root).unwrap(),
                there.mode(),
                there.nlink(),
                there.rdev(),
                fs::read_link(&path).ok(),
                content.map(|content| diff_id(&content)),
                is_opaque(&path),
            ));
        }
    }
    lines.sort();
    lines
}

/// The entries of a directory; none if it may not be read.
fn children(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

fn mode(path: PathBuf) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn is_whiteout(path: &Path) -> bool {
    let there = fs::symlink_metadata(path).unwrap();
    there.file_type().is_char_device() && there.rdev() == 0
}

fn is_opaque(path: &Path) -> bool {
    let mut value = [0; 8];
    rustix::fs::lgetxattr(path, "user.overlay.opaque", &mut value)
        .is_ok_and(|n| &value[..n] == b"y")
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../x", "a/../../x", "a/..", "..", "/../x", "./../canary/file"] {
        let error = Yard::new().unpack(&[Member::file(name, "evil")]).unwrap_err();
        assert_eq!(error, format!("layer entry `{name}` leads out of the layer"));
    }
}

#[test]
fn odd_names_are_names_inside() {
    let yard = Yard::new();
    let weird = Member::new(EntryType::Regular, b"\xff\xfe\n");
    let members = [Member::file("/etc/absolute", "1"), Member::file(".//./dot", "2"), weird];
    let layer = yard.unpack(&members).unwrap();
    assert_eq!(read(layer.join("etc/absolute")), "1");
    assert_eq!(read(layer.join("dot")), "2");
    assert_eq!(fs::read_dir(&layer).unwrap().count(), 3);
}

#[test]
fn names_that_no_file_can_have_are_refused() {
    let long = Member::file("x", "").pax("path", "a".repeat(300).as_bytes());
    assert!(Yard::new().unpack(&[long]).unwrap_err().ends_with("ENAMETOOLONG: File name too long"));
    let endless = Member::file("x", "").pax("path", "a/".repeat(3000).as_bytes());
    assert!(
        Yard::new().unpack(&[endless]).unwrap_err().ends_with("has a name of more than 4096 bytes")
    );
    let deep = Member::directory("x", 0o755).pax("path", "a/".repeat(300).as_bytes());
    assert!(
        Yard::new().unpack(&[deep]).unwrap_err().ends_with("lies more than 256 directories deep")
    );
    let nul = Member::file("x", "").pax("path", b"a\0b");
    assert!(Yard::new().unpack(&[nul]).unwrap_err().ends_with("has a NUL character in its name"));
}

#[test]
fn writing_through_a_link_stays_inside() {
    let yard = Yard::new();
    let canary = yard.canary_text();
    let members = [
        Member::symlink("absolute", &canary),
        Member::symlink("relative", "../../../../../../../../../canary"),
        Member::file("absolute/file", "evil"),
        Member::file("relative/file", "evil"),
        Member::directory("absolute/dir", 0o777),
        Member::directory("absolute/", 0o777),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert_eq!(read(layer.join("canary/file")), "evil");
    assert_eq!(read(layer.join(canary.trim_start_matches('/')).join("file")), "evil");
}

#[test]
fn links_that_lead_out_only_together_stay_inside() {
    let yard = Yard::new();
    let members = [
        Member::directory("a/b", 0o755),
        Member::symlink("a/b/up", ".."),
        Member::symlink("a/b/up2", "up/.."),
        Member::symlink("a/b/up3", "up2/../canary"),
        Member::file("a/b/up3/file", "evil"),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert_eq!(read(layer.join("canary/file")), "evil");
}

#[test]
fn the_root_stays_a_directory() {
    let yard = Yard::new();
    for name in ["/.", ".", "./"] {
        let root = Member::symlink(name, &yard.canary_text());
        let error = yard.unpack(&[root, Member::file("file", "evil")]).unwrap_err();
        assert_eq!(error, "layer entry `/` is not a directory");
    }
    let layer = yard.unpack(&[Member::directory("./", 0o750)]).unwrap();
    assert_eq!(mode(layer), 0o750);
}

#[test]
fn hard_links_reach_only_files_of_the_layer() {
    let yard = Yard::new();
    let outside = format!("{}/file", yard.canary_text());
    let missing = "layer entry `link` is a hard link to a file that is not in this layer";
    for target in [outside.as_str(), "later", "/proc/self/environ", "link"] {
        let error = yard.unpack(&[Member::hardlink("link", target)]).unwrap_err();
        assert_eq!(error, missing, "{target}");
    }
    let error = yard.unpack(&[Member::hardlink("link", "../canary/file")]).unwrap_err();
    assert_eq!(error, "layer entry `../canary/file` leads out of the layer");

    let through =
        [Member::symlink("out", &yard.canary_text()), Member::hardlink("link", "out/file")];
    assert_eq!(yard.unpack(&through).unwrap_err(), missing);
}

#[test]
fn a_hard_link_to_a_link_is_a_link() {
    let yard = Yard::new();
    let members = [
        Member::symlink("out", &format!("{}/file", yard.canary_text())),
        Member::hardlink("link", "out"),
        Member::file("real", "content"),
        Member::hardlink("name", "/real"),
        Member::hardlink("name", "name"),
        Member::file("link", "replaced"),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert!(layer.join("out").is_symlink());
    assert_eq!(read(layer.join("link")), "replaced");
    assert_eq!(read(layer.join("name")), "content");
    assert_eq!(fs::metadata(layer.join("real")).unwrap().nlink(), 2);
}

#[test]
fn whiteouts_are_what_overlayfs_takes_for_them() {
    let yard = Yard::new();
    let members = [
        Member::whiteout("etc/.wh.gone"),
        Member::whiteout("var/.wh..wh..opq"),
        Member::file("var/new", ""),
        Member::whiteout(".wh..wh.plnk"),
        Member::whiteout(".wh.again"),
        Member::file("again/file", ""),
        Member::whiteout(".wh.once-more"),
        Member::directory("once-more", 0o700),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert!(is_whiteout(&layer.join("etc/gone")));
    for opaque in ["var", "again", "once-more"] {
        assert!(is_opaque(&layer.join(opaque)), "{opaque}");
    }
    assert!(!is_opaque(&layer.join("etc")));
    assert!(layer.join("again/file").exists());
    assert_eq!(fs::read_dir(&layer).unwrap().count(), 4);
}

#[test]
fn a_whiteout_says_nothing_of_its_own_layer() {
    let yard = Yard::new();
    let members = [
        Member::file("file", "mine"),
        Member::whiteout(".wh.file"),
        Member::file("dir/file", "mine"),
        Member::whiteout(".wh.dir"),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert_eq!(read(layer.join("file")), "mine");
    assert_eq!(read(layer.join("dir/file")), "mine");
    assert!(is_opaque(&layer.join("dir")));
}

#[test]
fn whiteouts_lead_nowhere() {
    let yard = Yard::new();
    for name in [".wh.", ".wh..", ".wh...", "a/.wh..."] {
        let error = yard.unpack(&[Member::whiteout(name)]).unwrap_err();
        assert_eq!(error, format!("layer entry `{name}` is a whiteout of nothing"));
    }
    let canary = yard.canary_text();
    let members = [
        Member::symlink("out", &canary),
        Member::whiteout("out/.wh.file"),
        Member::whiteout("out/.wh..wh..opq"),
    ];
    let layer = yard.unpack(&members).unwrap().join(canary.trim_start_matches('/'));
    assert!(is_whiteout(&layer.join("file")));
    assert!(is_opaque(&layer) && !is_opaque(&yard.canary()));
}

#[test]
fn an_entry_replaces_one_of_another_kind() {
    let yard = Yard::new();
    let canary = yard.canary_text();
    let members = [
        Member::symlink("was-link", &canary),
        Member::directory("was-link", 0o777),
        Member::file("was-link/file", "mine"),
        Member::symlink("link-to-file", &format!("{canary}/file")),
        Member::file("link-to-file", "mine"),
        Member::file("was-dir/sub/file", ""),
        Member::file("was-dir", "mine"),
        Member::directory("now-link/sub", 0o700),
        Member::symlink("now-link", &canary),
        Member::file("now-link/file", "beneath"),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert_eq!(mode(layer.join("was-link")), 0o777);
    for file in ["was-link/file", "link-to-file", "was-dir"] {
        assert_eq!(read(layer.join(file)), "mine", "{file}");
    }
    let beneath = layer.join(canary.trim_start_matches('/')).join("file");
    assert_eq!(read(beneath), "beneath");
    let error = yard.unpack(&[Member::file("file", ""), Member::file("file/x", "")]).unwrap_err();
    assert!(error.ends_with("ENOTDIR: Not a directory"), "{error}");
}

#[test]
fn modes_times_and_owners_are_those_of_the_archive() {
    let yard = Yard::new();
    let members = [
        Member::directory("shut", 0o000),
        Member::file("shut/file", "").mode(0o4755).owner(445_605, 42),
        Member::directory("tmp", 0o1777),
        Member::file("tmp/file", "").mode(0o640).pax("mtime", b"1700000000.5"),
        Member::file("tmp/shut", "").mode(0o000),
        Member::file("tmp/open", "").mode(0o666),
        Member::file("before/file", ""),
        Member::directory("before", 0o700),
        Member::new(EntryType::Fifo, b"pipe").mode(0o620),
        Member::symlink("link", "nowhere").owner(u64::from(u32::MAX), 0),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert_eq!((mode(layer.join("shut")), mode(layer.join("tmp"))), (0o000, 0o1777));
    assert_eq!(mode(layer.join("tmp/file")), 0o640);
    assert_eq!((mode(layer.join("tmp/shut")), mode(layer.join("tmp/open"))), (0o000, 0o666));
    assert_eq!(mode(layer.join("before")), 0o700);
    let file = fs::metadata(layer.join("tmp/file")).unwrap();
    assert_eq!((file.mtime(), file.mtime_nsec()), (1_700_000_000, 500_000_000));
    assert_eq!(fs::metadata(layer.join("tmp")).unwrap().mtime(), 1_000_000_000);
    assert_eq!(fs::symlink_metadata(layer.join("link")).unwrap().mtime(), 1_000_000_000);
    assert!(fs::metadata(layer.join("pipe")).unwrap().file_type().is_fifo());
    assert_eq!(mode(layer.join("pipe")), 0o620);
    let owners = read(layer.with_file_name("owners"));
    assert_eq!(owners, "445605 42 shut/file\x004294967295 0 link\0");
    fs::set_permissions(layer.join("shut"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(mode(layer.join("shut/file")), 0o4755);
}

#[test]
fn devices_are_left_out() {
    let yard = Yard::new();
    let mut device = Member::new(EntryType::Char, b"dev/mem");
    device.header.set_device_major(1).unwrap();
    device.header.set_device_minor(1).unwrap();
    let mut whiteout = Member::new(EntryType::Char, b"dev/whiteout");
    whiteout.header.set_device_major(0).unwrap();
    whiteout.header.set_device_minor(0).unwrap();
    let block = Member::new(EntryType::Block, b"dev/sda");
    let layer = yard.unpack(&[device, whiteout, block, Member::file("file", "")]).unwrap();
    assert_eq!(fs::read_dir(&layer).unwrap().count(), 1);
}

#[test]
fn attributes_do_not_steer_the_overlay() {
    let yard = Yard::new();
    let members = [
        Member::directory("dir", 0o755).pax("SCHILY.xattr.user.overlay.opaque", b"y"),
        Member::file("file", "")
            .pax("SCHILY.xattr.user.overlay.redirect", b"/etc")
            .pax("SCHILY.xattr.trusted.overlay.metacopy", b"")
            .pax("SCHILY.xattr.security.nonsense", b"")
            .pax("SCHILY.xattr.user.kept", b"yes"),
    ];
    let layer = yard.unpack(&members).unwrap();
    assert!(!is_opaque(&layer.join("dir")));
    let mut names = [0; 256];
    let length = rustix::fs::listxattr(layer.join("file"), &mut names).unwrap();
    let names = String::from_utf8_lossy(&names[..length]).into_owned();
    assert!(names.contains("user.kept") && !names.contains("overlay"), "{names:?}");
}

#[test]
fn binary_attributes_do_not_end_a_header() {
    let yard = Yard::new();
    let signed = Member::file("short", "content")
        .pax("SCHILY.xattr.user.signature", b"\x03\n\n12 path=evil\n\xff")
        .pax("mtime", b"1.5")
        .pax("path", b"long");
    let linked = Member::hardlink("name", "nothing").pax("linkpath", b"long");
    let layer = yard.unpack(&[signed, linked]).unwrap();
    assert_eq!(read(layer.join("name")), "content");
    assert_eq!(fs::read_dir(&layer).unwrap().count(), 2);
    assert_eq!(fs::metadata(layer.join("long")).unwrap().mtime_nsec(), 500_000_000);
}

#[test]
fn sizes_that_depend_on_the_reader_are_refused() {
    let yard = Yard::new();
    let file = Member::file("file", "content").pax("SCHILY.xattr.user.x", b"\n");
    assert!(yard.unpack(std::slice::from_ref(&file)).is_ok());
    let error = yard.unpack(&[file.pax("size", b"9")]).unwrap_err();
    assert_eq!(error, "layer entry `file` has two sizes");
}

#[test]
fn headers_of_gigabytes_are_refused() {
    let yard = Yard::new();
    let mut name = Member::new(EntryType::GNULongName, b"././@LongLink").header;
    name.set_size(2 << 20);
    name.set_cksum();
    let mut tar = name.as_bytes().to_vec();
    tar.resize(tar.len() + (2 << 20), b'a');
    tar.extend(tar_of(&[Member::file("x", "")]));
    let error = yard.unpack_bytes(&tar).unwrap_err();
    assert_eq!(error, "the layer has an entry with headers of more than 1 MiB");
}

#[test]
fn sizes_that_lie_are_refused() {
    let yard = Yard::new();
    for size in [1000, 1 << 33, u64::MAX, 1 << 62] {
        let mut header = Member::file("file", "").header;
        header.set_size(size);
        header.set_cksum();
        let tar = [header.as_bytes().as_slice(), &[0; 512]].concat();
        assert!(yard.unpack_bytes(&tar).is_err(), "{size}");
    }
    let mut sparse = Member::new(EntryType::GNUSparse, b"sparse").header;
    sparse.as_gnu_mut().unwrap().set_real_size(1 << 62);
    let blocks = &mut sparse.as_gnu_mut().unwrap().sparse;
    blocks[0].set_offset(1 << 62);
    blocks[0].set_length(0);
    sparse.set_size(0);
    sparse.set_cksum();
    let error = yard.unpack_bytes(&[sparse.as_bytes().as_slice(), &[0; 1024]].concat());
    assert_eq!(error.unwrap_err(), "the layer is larger than 128 GiB");
}

#[test]
fn sparse_files_that_lie_are_refused() {
    let yard = Yard::new();
    let list = |list: &str, size: &str| {
        Member::file("sparse", "abcdefghij")
            .pax("GNU.sparse.map", list.as_bytes())
            .pax("GNU.sparse.size", size.as_bytes())
    };
    for (file, why) in [
        (list("0,5,4,5", "20"), "layer entry `sparse` has a malformed list of its parts"),
        (list("0,10", "5"), "layer entry `sparse` has a malformed list of its parts"),
        (list("0,x", "5"), "layer entry `sparse` has a malformed list of its parts"),
        (list("0,10", "x"), "layer entry `sparse` has a malformed list of its parts"),
        (list("0,100", "100"), "unexpected end of file"),
        (list("0,10", "4611686018427387904"), "the layer is larger than 128 GiB"),
    ] {
        assert_eq!(yard.unpack(&[file]).unwrap_err(), why);
    }
    let named = list("5,5,20,5", "30").pax("GNU.sparse.name", b"../canary/file");
    let error = yard.unpack(&[named]).unwrap_err();
    assert_eq!(error, "layer entry `../canary/file` leads out of the layer");
    let named = list("5,5,20,5", "30").pax("GNU.sparse.name", b"other");
    let layer = yard.unpack(&[named]).unwrap();
    assert_eq!(read(layer.join("other")), "\0\0\0\0\0abcde\0\0\0\0\0\0\0\0\0\0fghij\0\0\0\0\0");
}

#[test]
fn a_refused_layer_is_not_read_to_its_end() {
    let yard = Yard::new();
    let mut tar = tar_of(&[Member::file("../x", "evil")]);
    tar.resize(64 << 20, 0);
    let mut blob = tar.as_slice();
    assert!(yard.store.add_layer(&diff_id(b""), &mut blob).is_err());
    assert!(blob.len() > 32 << 20, "{} bytes are left", blob.len());
}

#[test]
fn what_is_no_tar_is_refused() {
    let yard = Yard::new();
    assert!(yard.unpack_bytes(&[b'x'; 2048]).is_err());
    let tar = tar_of(&[Member::file("file", &"x".repeat(3000))]);
    assert!(yard.unpack_bytes(&tar[..2000]).is_err());
}

#[test]
fn times_out_of_range_are_clamped() {
    let yard = Yard::new();
    let mut far = Member::file("far", "");
    far.header.set_mtime(u64::MAX);
    let members = [
        far,
        Member::file("past", "").pax("mtime", b"-9223372036854775808"),
        Member::file("absurd", "").pax("mtime", b"1e400"),
    ];
    yard.unpack(&members).unwrap();
}

#[test]
fn entries_are_counted() {
    let yard = Yard::within(ImageLimits { layer_entries: 3, ..ImageLimits::default() });
    let file = |name: &str| Member::file(name, "");
    assert!(yard.unpack(&[file("a"), file("b"), file("c")]).is_ok());
    // The same name, and what is made no file of, count like others.
    let error = yard.unpack(&[file("a"), file("a"), Member::whiteout(".wh.b"), file("a")]);
    assert_eq!(error.unwrap_err(), "the layer has more than 3 entries");
}

#[test]
fn a_layer_has_a_largest_size() {
    let yard = Yard::within(ImageLimits { layer_size: 8192, ..ImageLimits::default() });
    let file = |size| Member::file("file", &"x".repeat(size));
    assert!(yard.unpack(&[file(6000)]).is_ok());
    let error = yard.unpack(&[file(9000)]).unwrap_err();
    assert_eq!(error, "the layer is larger than 8 KiB");
    let mut padded = tar_of(&[file(1)]);
    padded.resize(9000, 0);
    assert_eq!(yard.unpack_bytes(&padded).unwrap_err(), "the layer is larger than 8 KiB");
}

#[test]
fn the_layers_of_an_image_have_a_size_together() {
    let yard = Yard::within(ImageLimits { image_size: 20_000, ..ImageLimits::default() });
    let file = |name: &str| tar_of(&[Member::file(name, &"x".repeat(6000))]);
    yard.unpack_bytes(&file("one")).unwrap();
    yard.unpack_bytes(&file("two")).unwrap();
    let tar = file("three");
    let error = yard.unpack_in(&yard.store, &tar).unwrap_err();
    assert_eq!(error, "the image is larger than 20000 bytes");
}

#[test]
fn what_grows_out_of_proportion_is_refused() {
    let limits = ImageLimits { ratio: 50, ratio_from: 1 << 20, ..ImageLimits::default() };
    let yard = Yard::within(limits);
    for size in [1 << 19, 4 << 20] {
        let tar = tar_of(&[Member::file("zeros", &"\0".repeat(size))]);
        let gzip = {
            use std::io::Write;
            let level = flate2::Compression::best();
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
            gzip.write_all(&tar).unwrap();
            gzip.finish().unwrap()
        };
        let zstd = zstd::encode_all(tar.as_slice(), 3).unwrap();
        for blob in [gzip, zstd] {
            let yard = Yard::within(yard.store.budget.limits.clone());
            let result = yard.store.add_layer(&diff_id(&tar), &mut blob.as_slice());
            yard.check_canary();
            if size < 1 << 20 {
                result.unwrap();
                continue;
            }
            let Err(Error::Layer { source, .. }) = result else { panic!("{result:?}") };
            let why = "the layer unpacks to more than 50 times its size, and to more than 1 MiB";
            assert_eq!(source.to_string(), why);
        }
    }
}

#[test]
fn attributes_are_counted() {
    let yard = Yard::new();
    let with = |count: usize| {
        (0..count).fold(Member::file("file", ""), |member, n| {
            member.pax(&format!("SCHILY.xattr.user.n{n}"), b"")
        })
    };
    assert!(yard.unpack(&[with(20)]).is_ok());
    let error = yard.unpack(&[with(129)]).unwrap_err();
    assert_eq!(error, "layer entry `file` has more than 128 attributes");
}

/// Nobody else may enter the store; but what its owner runs beside us may not
/// lead us astray either.
#[test]
fn a_directory_that_becomes_a_link_meanwhile_leads_nowhere() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    let yard = Yard::new();
    let link = yard.temp.path().join("link");
    let beside = sys::fs::open_directory(yard.temp.path()).unwrap();
    let files = (0..300).map(|n| Member::file(&format!("dir/{n}"), "evil"));
    let again = (0..300).map(|n| Member::directory(&format!("dir/sub-{}", n % 7), 0o777));
    let tar = tar_of(&files.chain(again).collect::<Vec<_>>());
    let id = diff_id(&tar);
    for fallback in [false, true].repeat(3) {
        let _ = super::remove::remove_tree(&beside, Path::new("link"));
        std::os::unix::fs::symlink(yard.canary(), &link).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let dir = yard.store.layer_draft(&id).join("fs/dir");
                    let _ = renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE);
                    std::thread::sleep(std::time::Duration::from_micros(50));
                }
            });
            let unpack = || drop(yard.store.add_layer(&id, &mut tar.as_slice()));
            if fallback {
                without_openat2(unpack)
            } else {
                unpack()
            }
            done.store(true, Ordering::Relaxed);
        });
        yard.check_canary();
        if let Ok(layers) = sys::fs::open_directory(&yard.store.layers()) {
            super::remove::remove_tree(&layers, Path::new(id.0.hex())).unwrap();
        }
    }
}

/// Names that meet each other, lead through links, and up.
fn any_name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => "[abc]",
        2 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => "\\.wh\\.([abc]|\\.|\\.\\.|\\.wh\\.\\.opq|)",
        1 => Just("canary".to_owned()),
    ];
    let ends = ("/?", "/?");
    (prop::collection::vec(part, 0..5), ends)
        .prop_map(|(parts, (begin, end))| format!("{begin}{}{end}", parts.join("/")))
}

fn any_member() -> impl Strategy<Value = Member> {
    let kind = prop_oneof![
        4 => Just(EntryType::Regular),
        4 => Just(EntryType::Directory),
        4 => Just(EntryType::Symlink),
        2 => Just(EntryType::Link),
        1 => Just(EntryType::Fifo),
        1 => any::<u8>().prop_map(EntryType::new),
    ];
    (kind, any_name(), any_name(), 0..0o10000_u32, any::<Option<u64>>()).prop_map(
        |(kind, name, target, mode, owner)| {
            let owner = owner.map_or(0, |id| id % (1 << 21));
            Member::new(kind, name.as_bytes()).target(&target).mode(mode).owner(owner, owner)
        },
    )
}

proptest! {
    // Each case unpacks twice: a tenth of what `PROPTEST_CASES` says.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..Default::default() })]

    /// Whatever the entries: the canary is as it was, nothing is left in `tmp`,
    /// and without `openat2(2)` the same comes of them.
    #[test]
    fn any_entries_stay_inside(members in prop::collection::vec(any_member(), 0..12)) {
        let _ = Yard::new().unpack(&members);
    }

    #[test]
    fn any_change_to_a_tar_is_taken_or_refused(
        members in prop::collection::vec(any_member(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut tar = tar_of(&members);
        for (place, byte) in changes {
            let place = place.index(tar.len());
            tar[place] = byte;
        }
        let _ = Yard::new().unpack_bytes(&tar);
    }
}
