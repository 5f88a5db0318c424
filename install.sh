#!/bin/sh
#
# Installs sandbox with its completions and manual pages. It writes below the
# prefix only and needs no privileges.
set -eu

usage() {
    cat <<USAGE
Install sandbox: the program, its completions and its manual pages

Usage: ./install.sh [OPTIONS]

Options:
  --prefix DIR   where to install [default: ~/.local]
  --binary FILE  install this program instead of building it with cargo
  --uninstall    remove what this script installs below the prefix
  --help         show this text
USAGE
}

main() {
    prefix=${HOME:+$HOME/.local}
    binary=
    verb=install
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --binary)
                [ $# -gt 1 ] || die "$1 needs a value"
                [ "$1" = --prefix ] && prefix=$2 || binary=$2
                shift
                ;;
            --prefix=*) prefix=${1#*=} ;;
            --binary=*) binary=${1#*=} ;;
            --uninstall) verb=uninstall ;;
            --help | -h) usage && exit ;;
            *) die "unknown option \`$1\`; see ./install.sh --help" ;;
        esac
        shift
    done
    [ -n "$prefix" ] || die 'there is no home directory; name one with --prefix'
    source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
    "$verb"
}

install() {
    [ -n "$binary" ] || build
    [ -f "$binary" ] || die "there is no file $binary"
    put 755 "$binary" bin/sandbox
    for page in "$source"/man/*.1; do
        put 644 "$page" "share/man/man1/${page##*/}"
    done
    put 644 "$source/completions/sandbox.bash" share/bash-completion/completions/sandbox
    put 644 "$source/completions/_sandbox" share/zsh/site-functions/_sandbox
    put 644 "$source/completions/sandbox.fish" share/fish/vendor_completions.d/sandbox.fish
    echo "installed sandbox below $prefix"
    case :$PATH: in
        *:"$prefix/bin":*) ;;
        *) echo "note: $prefix/bin is not on your PATH" >&2 ;;
    esac
}

build() {
    command -v cargo >/dev/null || die 'needs cargo to build; or give a program with --binary'
    echo 'building; this takes some minutes'
    (cd "$source" && cargo build --release --locked --quiet)
    # The build is for a named target, whose name is part of the path.
    for binary in "${CARGO_TARGET_DIR:-$source/target}"/*/release/sandbox; do :; done
}

uninstall() {
    rm -f "$prefix/bin/sandbox" \
        "$prefix/share/man/man1/sandbox.1" "$prefix"/share/man/man1/sandbox-*.1 \
        "$prefix/share/bash-completion/completions/sandbox" \
        "$prefix/share/zsh/site-functions/_sandbox" \
        "$prefix/share/fish/vendor_completions.d/sandbox.fish"
    # Directories that others use are not empty.
    for dir in share/man/man1 share/man share/bash-completion/completions share/bash-completion \
        share/zsh/site-functions share/zsh share/fish/vendor_completions.d share/fish share bin; do
        rmdir "$prefix/$dir" 2>/dev/null || true
    done
    echo "removed sandbox from $prefix"
}

# Puts a file in its place in one step, so that a running program is not
# disturbed: put MODE FILE PLACE
put() {
    target=$prefix/$3
    mkdir -p "$(dirname "$target")"
    cp "$2" "$target.new"
    chmod "$1" "$target.new"
    mv -f "$target.new" "$target"
}

die() {
    echo "error: $1" >&2
    exit 1
}

main "$@"
