#!/usr/bin/env bash
#
# Makes the layers of a large image for benches/pull.sh: a Debian with compilers,
# Python and documentation, more than a gigabyte in more than 60,000 entries, six
# layers of which some delete and replace what others have.
#
#     benches/layers.sh DIRECTORY
#
# As root, for it mounts. Takes some minutes, and 3 GB there.
set -euo pipefail

suite=bookworm

main() {
    [ $# = 1 ] || die 'say where to'
    [ "$(id -u)" = 0 ] || die 'needs root'
    mkdir -p "$1"
    cd "$1"
    if [ "${IN_NAMESPACE:-}" != yes ]; then
        # Whatever ends us unmounts what we mounted.
        IN_NAMESPACE=yes exec unshare --mount "$script" "$1"
    fi
    first
    # Dollars for the other shell, in all of them.
    # shellcheck disable=SC2016
    {
        local install='apt-get install -qy --no-install-recommends'
        layer 2 "apt-get update -q; $install gcc g++ make binutils libc6-dev perl git; apt-get clean
            rm -rf /var/lib/apt/lists/*"
        layer 3 "apt-get update -q; $install python3 python3-dev python3-pip python3-doc python3-numpy \
            tzdata man-db locales libcap2-bin openssh-client cron dbus sudo; apt-get clean"
        layer 4 "$install linux-headers-$(dpkg --print-architecture) libboost-dev cmake perl-doc \
            manpages-dev libstdc++-12-doc; apt-get clean"
        layer 5 'rm -r /usr/share/doc/python3* /usr/include/boost/spirit /usr/share/man/man3 /etc/motd
            rm -r /usr/share/locale; mkdir /usr/share/locale; echo new >/usr/share/locale/only
            chmod 700 /usr/include/boost'
        layer 6 'mkdir /odd; cd /odd; cp /usr/bin/make .; setcap cap_net_bind_service=+ep make
            for id in $(seq 300); do echo $id >$id; chown $id:$((id * 200)) $id; done
            for mode in 4755 2755 6711 1777 0000; do echo x >mode$mode; chmod $mode mode$mode; done
            truncate -s 64M sparse; echo middle | dd of=sparse bs=1M seek=32 conv=notrunc
            ln 1 hard; ln -s 1 soft; mkfifo pipe; touch -d "2001-02-03 04:05:06.987654321" 2'
    }
    rm -rf root upper.* work merged
}

first() {
    local mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" 'Origin: Debian' | sed -n 1p)
    mmdebstrap --quiet --variant=minbase --format=directory "$suite" root ${mirror:+"$mirror"}
    # How packages are reached from here.
    cp /etc/apt/apt.conf.d/* root/etc/apt/apt.conf.d/
    pack root 1.tar
    lower=root
}

# What a script changes, as a layer.
layer() {
    local upper=upper.$1
    mkdir -p "$upper" work merged
    mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=work,redirect_dir=off,metacopy=off" \
        overlay merged
    mount -t proc proc merged/proc
    cp /etc/resolv.conf merged/etc/resolv.conf
    DEBIAN_FRONTEND=noninteractive chroot merged bash -euc "$2" >"layer$1.log" 2>&1 ||
        die "layer $1: $(tail -n 1 "layer$1.log")"
    umount merged/proc merged
    cp -a "$upper" "$upper.marked"
    mark "$upper.marked"
    pack "$upper.marked" "$1.tar"
    lower=$upper:$lower
}

# Turns overlayfs's marks of what was deleted into those of image layers.
mark() {
    python3 - "$1" <<'END'
import os, stat, sys
for root, _, files in os.walk(sys.argv[1]):
    status = os.stat(root)
    gone = [name for name in files
            if stat.S_ISCHR((found := os.lstat(f"{root}/{name}")).st_mode) and found.st_rdev == 0]
    for name in gone:
        os.unlink(f"{root}/{name}")
    if "trusted.overlay.opaque" in os.listxattr(root):
        gone.append(".wh..opq")
    for name in gone:
        open(f"{root}/.wh.{name}", "w").close()
    os.utime(root, ns=(status.st_atime_ns, status.st_mtime_ns))
END
}

pack() {
    tar --create --file="$2" --directory="$1" --format=pax --sort=name --numeric-owner --sparse \
        --xattrs --xattrs-include='*' --xattrs-exclude='trusted.*' \
        --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' .
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

script=$(realpath "$0")
main "$@"
