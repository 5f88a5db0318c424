#!/bin/sh
# Makes the layers that fidelity.rs unpacks, in the working directory: 1.tar as
# GNU tar writes it by default, 2.tar and 3.tar in the PAX format.
set -eu
umask 022
mkdir tree
cd tree

# add ARCHIVE MODE OWNER:GROUP NAMES...: with the mode of each file if MODE is -
add() {
    archive=../$1 mode=$2 owner=$3
    shift 3
    format='pax'
    [ "$archive" != ../1.tar ] || format=gnu
    [ "$mode" = - ] || set -- "--mode=$mode" "$@"
    tar --append --file="$archive" --format=$format --no-recursion --sparse --xattrs \
        --xattrs-include='*' --numeric-owner --owner="${owner%:*}" --group="${owner#*:}" \
        ${sparse_version:+--sparse-version=$sparse_version} "$@"
}

repeat() {
    printf "%0$2d" 0 | sed "s/0/$1/g"
}

holes() {
    truncate -s 5M "$1"
    printf begin | dd of="$1" conv=notrunc 2>/dev/null
    printf middle | dd of="$1" bs=1 seek=2000001 conv=notrunc 2>/dev/null
}

# 1: kinds, modes, owners, long names, times without fractions.
mkdir -p odd/dir/sub odd/tmp odd/setgid odd/shut odd/lower/gone odd/opaque/gone
for file in plain setuid setgid/file shut/file none lower/gone/file lower/file lower/kept \
    opaque/file opaque/gone/file becomes-dir becomes-link; do
    echo "content of $file" >"odd/$file"
done
head -c 300000 /dev/urandom >odd/large
: >odd/empty
ln odd/plain odd/dir/hard
ln -s ../nowhere odd/link
ln -s dir odd/link-to-dir
mkfifo odd/pipe
long=$(repeat n 250)
deep=odd/$(repeat a 120)/$(repeat b 120)/$(repeat c 120)
mkdir -p "$deep" odd/becomes-file/sub
echo deep >"$deep/$long"
ln -s "$(repeat t 300)" "odd/$long"
ln "$deep/$long" "odd/hard-$(repeat h 150)"
holes odd/sparse-gnu
touch -d '1960-01-02 03:04:05' odd/plain
touch -d '2040-01-02 03:04:05' odd/large
touch -h -d '2001-01-02 03:04:05' odd/link
touch -d '2002-01-02 03:04:05' odd/dir odd/dir/sub odd/tmp
add 1.tar - 0:0 odd odd/plain odd/dir odd/dir/hard odd/dir/sub odd/link odd/link-to-dir odd/pipe \
    odd/empty odd/sparse-gnu "odd/$long" odd/lower odd/lower/* odd/lower/gone/file odd/opaque \
    odd/opaque/* odd/opaque/gone/file odd/becomes-*
add 1.tar - 0:0 "${deep%/*/*}" "${deep%/*}" "$deep"
add 1.tar - 7:8 "$deep/$long" "odd/hard-$(repeat h 150)" odd/large
add 1.tar 4755 0:0 odd/setuid
add 1.tar 2755 5:6 odd/setgid odd/setgid/file
add 1.tar 1777 0:0 odd/tmp
add 1.tar 0000 1000:100 odd/none odd/shut
add 1.tar 6711 65534:65534 odd/shut/file

# 2: fractions of seconds, attributes, names of any bytes, the three ways to
# store holes.
mkdir odd/attributes
for file in attributes/file attributes/shut "new
line" ' space ' "$(printf 'raw\377\376')" 'ünïcode ☃' '*' second; do
    echo "content of $file" >"odd/$file"
done
python3 - <<'END'
import os
for path, name, value in [
    ("file", "user.binary", bytes(range(256))),
    ("file", "user.lines", b"a\nb=c\n12 path=evil\n"),
    ("file", "user.large", b"x" * 3000),
    (".", "user.directory", b"yes"),
    ("shut", "user.shut", b"yes"),
]:
    os.setxattr("odd/attributes/" + path, name, value)
END
touch -d '2001-01-02 03:04:05.987654321' odd/attributes/file odd/attributes
touch -h -d '2003-03-03 03:03:03.000000001' odd/link
touch -d '1960-01-01 00:00:00.25' odd/second
add 2.tar - 0:0 odd odd/attributes odd/attributes/file odd/link odd/second "odd/new
line" 'odd/ space ' "odd/$(printf 'raw\377\376')" 'odd/ünïcode ☃' 'odd/*'
add 2.tar 0000 3:4 odd/attributes/shut
for sparse_version in 0.0 0.1 1.0; do
    holes odd/sparse-$sparse_version
    truncate -s 1M odd/hole-$sparse_version
    add 2.tar - 12:34 odd/sparse-$sparse_version odd/hole-$sparse_version
done
sparse_version=

# 3: what was deleted, what became something else, what changed its attributes.
rm -r odd/becomes-* odd/lower/gone odd/link-to-dir
: >odd/lower/.wh.gone
: >odd/lower/.wh.file
: >odd/opaque/.wh..wh..opq
echo new >odd/opaque/new
mkdir odd/becomes-dir odd/link-to-dir
echo new >odd/becomes-dir/new
echo new >odd/becomes-file
ln -s plain odd/becomes-link
rm odd/dir/hard
echo changed >odd/dir/hard
: >odd/.wh.empty
add 3.tar - 0:0 odd odd/.wh.empty odd/lower odd/lower/.wh.* odd/opaque odd/opaque/.wh..wh..opq \
    odd/opaque/new odd/becomes-dir odd/becomes-dir/new odd/becomes-file odd/becomes-link \
    odd/link-to-dir odd/dir odd/dir/hard
add 3.tar 0700 21:22 odd/dir/sub
