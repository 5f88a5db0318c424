#!/usr/bin/env bash
#
# Measures the life of many sandboxes beside bwrap, which only starts them: 50 at
# once, listed, stopped, removed; `exec` beside `run`; a GB through a log and
# through `exec`; and the memory of the supervisors. One table, with ratios within
# the same run, which are what can be compared.
#
#     benches/lifecycle.sh [BINARY]
#
# Without BINARY it builds a release. Called by root, it measures as the first user
# with ranges in /etc/subuid, or as $BENCH_USER.
set -euo pipefail

rounds=${ROUNDS:-5}
count=${COUNT:-50}
bytes=${BYTES:-1000000000}

main() {
    PATH=$PATH:/usr/sbin:/sbin
    command -v bwrap >/dev/null || die 'needs bwrap'
    local binary=${1:-}
    [ -n "$binary" ] || build
    # Not in /tmp, which may be memory: layers live on a disk.
    work=$(mktemp -d /var/tmp/sandbox-bench.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    install "$binary" "$work/sandbox"
    install "$0" "$work/lifecycle.sh"
    if [ "$(id -u)" != 0 ]; then
        (measure)
        return
    fi
    local user=${BENCH_USER:-$(sed -n '1s/:.*//p' /etc/subuid)}
    user=${user:-nobody}
    chown "$user" "$work"
    cd "$work"
    env -i PATH="$PATH" HOME="$work" ROUNDS="$rounds" COUNT="$count" BYTES="$bytes" \
        setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all \
        "$work/lifecycle.sh" --measure "$work"
}

build() {
    (cd "$(dirname "$0")/.." && cargo build --release --locked)
    # The build is for a named target, whose name is part of the path.
    for binary in "$(dirname "$0")"/../target/*/release/sandbox; do :; done
}

measure() {
    cd "$work"
    export SANDBOX_ROOT=$work/store
    make_image
    for _ in $(seq "$rounds"); do
        crowd
        one_by_one
    done
    table
    memory
    streams
}

make_image() {
    mkdir -p root/bin root/dev root/proc root/tmp
    cp "$(command -v busybox)" root/bin/busybox
    local name
    for name in sh sleep true cat head; do ln -s busybox "root/bin/$name"; done
    tar -C root -c . | ./sandbox import - bench >/dev/null
}

# Appends what a command took, in microseconds, to the times of NAME.
timed() {
    local name=$1 begun=$EPOCHREALTIME
    shift
    "$@" >/dev/null
    local ended=$EPOCHREALTIME
    printf '%s\t%d\n' "$name" $((${ended/./} - ${begun/./})) >>times.tsv
}

crowd() {
    timed "bwrap, $count at once" at_once bubble
    timed "run -d, $count at once" at_once detach
    timed "ps, $count of them" ./sandbox ps
    # shellcheck disable=SC2046
    timed "stop, $count at once" ./sandbox stop $(./sandbox ps -q)
    # shellcheck disable=SC2046
    timed "rm, $count at once" ./sandbox rm $(./sandbox ps -aq)
}

at_once() {
    for _ in $(seq "$count"); do "$@" & done
    wait
}

bubble() {
    bwrap --unshare-all --bind root / --proc /proc --dev /dev /bin/true
}

detach() {
    ./sandbox run -d --network none bench sleep 1000
}

one_by_one() {
    ./sandbox run -d --network none --name one bench sleep 1000 >/dev/null
    timed 'bwrap, 40 in turn' in_turn bubble
    timed 'run, 40 in turn' in_turn ./sandbox run --network none bench true
    timed 'exec, 40 in turn' in_turn ./sandbox exec one true
    ./sandbox rm -f one >/dev/null
}

in_turn() {
    for _ in $(seq 40); do "$@"; done
}

# The medians of the rounds, and their ratio to the bwrap line above them.
table() {
    printf '%-24s %10s %8s\n' '' 'median ms' 'ratio'
    local name times median base=
    while read -r name; do
        mapfile -t times < <(awk -F '\t' -v name="$name" '$1 == name { print $2 }' times.tsv | sort -n)
        median=${times[$((${#times[@]} / 2))]}
        case $name in bwrap*) base=$median ;; esac
        awk -v name="$name" -v median="$median" -v base="$base" \
            'BEGIN { printf "%-24s %10.1f %8.2f\n", name, median / 1000, median / base }'
    done < <(awk -F '\t' '!seen[$1]++ { print $1 }' times.tsv)
}

# What the kernel counts as a supervisor's own.
memory() {
    at_once detach >/dev/null
    local id pid
    for id in $(./sandbox ps -q); do
        pid=$(sed 's/.*"supervisor":{"pid":\([0-9]*\).*/\1/' "store/sandboxes/$id/state.json")
        awk '/^Private/ { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup"
    done | sort -n | awk '{ all[NR] = $1 }
        END { printf "\nsupervisor, private KiB: median %d, most %d\n", all[int((NR + 1) / 2)], all[NR] }'
    # shellcheck disable=SC2046
    ./sandbox rm -f $(./sandbox ps -q) >/dev/null
}

# Whole and unchanged, or it fails.
streams() {
    local sum begun ended
    # Lines, as logs have them.
    yes 'a line of sixty-three characters, which is what many programs print' |
        head -c "$bytes" >data || true
    sum=$(sha256sum <data)
    ./sandbox run -d -i --network none --name sink bench cat >/dev/null
    begun=$EPOCHREALTIME
    [ "$(./sandbox exec -i sink cat <data | sha256sum)" = "$sum" ] || die 'exec has changed it'
    ended=$EPOCHREALTIME
    rate 'exec -i cat' "$begun" "$ended"
    ./sandbox rm -f sink >/dev/null
    begun=$EPOCHREALTIME
    ./sandbox run -d --network none -v "$work:/data:ro" --name source bench cat /data/data >/dev/null
    [ "$(./sandbox logs -f source | sha256sum)" = "$sum" ] || die 'the log has changed it'
    ended=$EPOCHREALTIME
    rate 'logs -f' "$begun" "$ended"
    ./sandbox rm -f source >/dev/null
}

rate() {
    awk -v name="$1" -v took="$((${3/./} - ${2/./}))" -v bytes="$bytes" \
        'BEGIN { printf "%s: %d bytes intact, %.0f MB/s\n", name, bytes, bytes / took }'
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
