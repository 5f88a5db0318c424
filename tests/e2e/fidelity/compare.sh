#!/bin/sh
# Compares /odd with what GNU tar makes of /layers, in a sandbox as its root.
# Arguments are given to tar when it unpacks.
#
# The witness is an archive of each: it has contents, modes, owners, links,
# times and attributes, and is compared byte by byte.
set -eu
mkdir /reference
cd /reference
for layer in /layers/1.tar /layers/2.tar /layers/3.tar /layers/4.tar; do
    # What is deleted is deleted before anything is added.
    tar --list --file=$layer | sed -n 's|\(.*\)\.wh\.|\1|p' | while read -r gone; do
        case $gone in
            *.wh..opq) find "${gone%.wh..opq}" -mindepth 1 -delete ;;
            *) rm -rf "$gone" ;;
        esac
    done
    [ $layer != /layers/3.tar ] || rm -rf odd/becomes-*
    tar --extract --file=$layer --preserve-permissions --numeric-owner --xattrs \
        --xattrs-include='*' --delay-directory-restore --exclude='.wh.*' "$@"
done

pack() {
    tar --create --directory="$1" --sort=name --format=pax --numeric-owner --xattrs \
        --xattrs-include='*' --pax-option='exthdr.name=%d/%f,delete=atime,delete=ctime' odd
}
pack / >/made.tar
pack /reference >/reference.tar
cmp /made.tar /reference.tar && exit
for tar in made reference; do
    tar --list --verbose --verbose --full-time --numeric-owner --xattrs --file=/$tar.tar >/$tar.list
done
diff /reference.list /made.list
exit 1
