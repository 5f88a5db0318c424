#!/usr/bin/env bash
#
# Measures what goes through a volume: one large file from end to end and at random
# places, many small files made, looked at and removed. The same program runs on the
# host's directory, and through each kind of mount of `sandbox`, bwrap and podman. One
# table, with ratios to bwrap's bind of the same run, which are what can be compared.
#
#     benches/volumes.sh [BINARY]
#
# Without BINARY it builds a release. Called by root, it measures as the first user
# with ranges in /etc/subuid, or as $BENCH_USER. A tool that is missing or refuses to
# run here is left out.
set -euo pipefail

rounds=${ROUNDS:-5}
megabytes=${MEGABYTES:-256}
files=${FILES:-10000}

main() {
    PATH=$PATH:/usr/sbin:/sbin
    command -v bwrap >/dev/null || die 'needs bwrap'
    local binary=${1:-}
    [ -n "$binary" ] || build
    # Not in /tmp, which may be memory: volumes live on a disk.
    work=$(mktemp -d /var/tmp/sandbox-bench.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    install "$binary" "$work/sandbox"
    install "$0" "$work/volumes.sh"
    ${CC:-cc} -O2 -static -o "$work/io" "$(dirname "$0")/io.c"
    if [ "$(id -u)" != 0 ]; then
        (measure)
        return
    fi
    local user=${BENCH_USER:-$(sed -n '1s/:.*//p' /etc/subuid)}
    user=${user:-nobody}
    chown "$user" "$work"
    cd "$work"
    env -i PATH="$PATH" HOME="$work" ROUNDS="$rounds" MEGABYTES="$megabytes" FILES="$files" \
        setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all \
        "$work/volumes.sh" --measure "$work"
}

build() {
    (cd "$(dirname "$0")/.." && cargo build --release --locked)
    # The build is for a named target, whose name is part of the path.
    for binary in "$(dirname "$0")"/../target/*/release/sandbox; do :; done
}

measure() {
    cd "$work"
    export SANDBOX_ROOT=$work/store
    mkdir -p root/bin root/dev root/proc root/tmp root/w project
    cp io root/bin/io
    tar -C root -c . | ./sandbox import - bench >/dev/null
    local round name command
    for round in $(seq "$rounds"); do
        while IFS=$'\t' read -r name command; do
            one "$name" "$command"
        done < <(ways)
    done
    table
}

# One line a way: name, tab, command line up to the program.
ways() {
    local run="$work/sandbox run --network none"
    printf '%s\t%s\n' \
        'bwrap, bind' "bwrap --unshare-all --bind $work/root / --bind $work/project /w /bin/io /w" \
        'no sandbox' "$work/io $work/project" \
        'sandbox, bind' "$run -v $work/project:/w bench /bin/io /w" \
        'sandbox, volume' "$run -v bench:/w bench /bin/io /w" \
        'sandbox, :cow' "$run --rm -v $work/project:/w:cow bench /bin/io /w" \
        'sandbox, overlay' "$run bench /bin/io /w" \
        'podman, bind' "podman run --rm --network none -v $work/project:/w --rootfs $work/root /bin/io /w" \
        'podman, volume' "podman run --rm --network none -v bench:/w --rootfs $work/root /bin/io /w"
}

# Appends a line for each measure: name of the way, measure, how much a second.
one() {
    local name=$1 output
    # Split into words as they stand.
    # shellcheck disable=SC2086
    if output=$($2 "$megabytes" "$files" 2>reason </dev/null); then
        awk -v name="$name" '{ print name "\t" $0 }' <<<"$output" >>measures.tsv
    elif [ "$round" = 1 ]; then
        printf 'left out: %s: %s\n' "$name" "$(sed -n 1p reason)"
    fi
}

# The median of the rounds, and its ratio to the first way's.
table() {
    awk -F '\t' '
        !($1 in ways) { ways[$1]; way[++way_count] = $1 }
        !($2 in measures) { measures[$2]; measure[++measure_count] = $2 }
        { value[$1, $2, ++count[$1, $2]] = $3 }
        function middle(name, what,   i, j, swap, n) {
            n = count[name, what]
            for (i = 1; i <= n; i++)
                for (j = i + 1; j <= n; j++)
                    if (value[name, what, j] < value[name, what, i]) {
                        swap = value[name, what, i]
                        value[name, what, i] = value[name, what, j]
                        value[name, what, j] = swap
                    }
            return n ? value[name, what, int((n + 1) / 2)] : 0
        }
        END {
            printf "%-24s", "a second (ratio)"
            for (w = 1; w <= way_count; w++) printf "%22s", way[w]
            print ""
            for (m = 1; m <= measure_count; m++) {
                printf "%-24s", measure[m]
                first = middle(way[1], measure[m])
                for (w = 1; w <= way_count; w++) {
                    found = middle(way[w], measure[m])
                    printf "%15.0f (%.2f)", found, first ? found / first : 0
                }
                print ""
            }
        }' measures.tsv
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

if [ "${1:-}" = --measure ]; then
    work=$2
    measure
else
    main "$@"
fi
