#!/usr/bin/env bash
#
# Measures the network of a sandbox beside pasta's, slirp4netns's and the host's
# loopback, all in one run and interleaved: the ratios are what can be compared.
# A second table has what a network costs the start of a program.
#
#     benches/network.sh [BINARY]
#
# Without BINARY it builds a release. Called by root, it measures as an ordinary
# user. A tool that is missing or refuses to run here is left out, and the reason
# is shown. Variables:
#
#     PEERS     a command that runs its arguments where the other tools are, as
#               an ordinary user; the work directory must be seen there
#     TMPDIR    where the work directory is made, instead of /var/tmp
#     ROUNDS    how often each figure is taken; the best counts (3)
#     SECONDS_EACH   how long a stream or a series of connects lasts (2)
#     RUNS      starts a round (15)
#
# Everything but the starts happens in a namespace that has a second address of
# the machine's, where iperf3 and `probe.c` serve. CPU seconds are those of all
# processes that take part: client, server, and what is between them.
set -euo pipefail

rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-2}
runs=${RUNS:-15}
server=203.0.113.7
iperf_port=5201
probe_port=7777
idle_counts='500 10000'

main() {
    PATH=$PATH:/usr/sbin:/sbin
    # Idle connections take two descriptors each; only root may have more.
    ulimit -n 100000 2>/dev/null || true
    local binary=${1:-} prefix=() user
    [ -n "$binary" ] || build
    # Not in /tmp, which may be memory: the store of the sandboxes is there.
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/sandbox-bench.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    install "$binary" "$work/sandbox"
    install "$0" "$work/network.sh"
    cc -O2 -static -pthread -o "$work/probe" "$(dirname "$0")/probe.c"
    if [ -n "${PEERS:-}" ]; then
        chmod 777 "$work"
        # A command with its arguments.
        # shellcheck disable=SC2206
        prefix=($PEERS)
    elif [ "$(id -u)" = 0 ]; then
        user=$(sed -n '1s/:.*//p' /etc/subuid)
        user=${user:-nobody}
        chown "$user" "$work"
        prefix=(env -i "PATH=$PATH" "HOME=$work"
            setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --inh-caps=-all)
    fi
    "${prefix[@]}" env "ROUNDS=$rounds" "SECONDS_EACH=$seconds" "RUNS=$runs" \
        "$work/network.sh" --measure "$work"
}

build() {
    (cd "$(dirname "$0")/.." && cargo build --release --locked)
    # The build is for a named target, whose name is part of the path.
    for binary in "$(dirname "$0")"/../target/*/release/sandbox; do :; done
}

measure() {
    cd "$work"
    PATH=$PATH:/usr/sbin:/sbin
    export SANDBOX_ROOT=$work/store
    mkdir store
    local tool
    for tool in ip iperf3 unshare; do
        command -v $tool >/dev/null || die "needs $tool"
    done
    # With ids of its own, so that nothing outlives it.
    unshare -Urnmpf --mount-proc --kill-child "$work/network.sh" --carry "$work"
    starts
}

### What is carried.

carry() {
    cd "$work"
    ip -batch - <<END
link set lo up
link add out0 mtu 65535 arp off type veth peer name out1
link set out0 up
link set out1 up
address add 198.51.100.1/24 dev out0
address add $server/24 dev out0
route add default via 198.51.100.9 dev out0
END
    ulimit -n "$(ulimit -Hn)"
    iperf3 -s -p $iperf_port >/dev/null &
    local servers=($!)
    ./probe serve $probe_port &
    servers+=($!)
    trap 'kill "${servers[@]}"' EXIT
    sleep 0.3
    choose_candidates
    local round candidate
    : >results.tsv
    for round in $(seq "$rounds"); do
        for candidate in "${candidates[@]}"; do
            streams "$candidate" "${servers[0]}"
            latencies "$candidate"
        done
    done
    for candidate in "${candidates[@]}"; do
        [ "$candidate" = host ] || memory "$candidate"
    done
    carried_table
}

# Tries each once, which also fills the caches.
choose_candidates() {
    local candidate reason
    candidates=()
    for candidate in host sandbox pasta slirp4netns; do
        if reason=$(within "$candidate" ./probe turn $server $probe_port 1 2>&1 >/dev/null); then
            candidates+=("$candidate")
        else
            printf 'left out: %s: %s\n' "$candidate" "$(sed -n 1p <<<"${reason:-no answer}")"
        fi
    done
}

# Runs a command with the network of a candidate.
within() {
    local candidate=$1
    shift
    case $candidate in
        host) exec "$@" ;;
        sandbox) exec ./sandbox run --quiet --interactive --network user \
            --ulimit "nofile=$(ulimit -Hn)" -v "$work:/mnt" -w /mnt host "$@" ;;
        pasta) exec pasta --quiet --config-net -- "$@" ;;
        slirp4netns) within_slirp4netns "$@" ;;
    esac
}

# It is attached to a process that waits for it.
within_slirp4netns() {
    command -v slirp4netns >/dev/null || die 'not installed'
    local ready=$work/slirp.$BASHPID inside
    mkfifo "$ready.go" "$ready.up"
    # Dollars for the other shell.
    # shellcheck disable=SC2016
    unshare -Urn sh -c 'read -r go <"$0"; exec "$@"' "$ready.go" "$@" <&0 &
    inside=$!
    while [ "$(readlink /proc/$inside/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do
        sleep 0.01
    done
    slirp4netns --configure --mtu=65520 --ready-fd=3 $inside tap0 \
        3>"$ready.up" >/dev/null 2>"$ready.log" &
    local slirp=$!
    echo $slirp >"$work/carrier"
    # Whatever ends us ends them.
    # shellcheck disable=SC2064
    trap "kill $slirp $inside 2>/dev/null || true" EXIT TERM
    timeout 10 head -c 1 "$ready.up" >/dev/null || { sed -n 1p "$ready.log" >&2; kill $inside; }
    echo go >"$ready.go"
    local code=0
    wait $inside || code=$?
    kill $slirp
    wait $slirp || true
    rm -f "$ready".*
    return $code
}

# Gbit/s as the receiver saw them, and CPU seconds a gigabyte.
streams() {
    local candidate=$1 server_pid=$2 count direction before cpu
    for count in 1 4; do
        for direction in up down; do
            local reverse=()
            [ $direction = up ] || reverse=(-R)
            before=$(cpu_of "$server_pid")
            # In a subshell, whose times begin at nothing.
            (
                (within "$candidate" iperf3 -c $server -p $iperf_port -t "$seconds" -P $count \
                    -f m "${reverse[@]}") || true
                echo times
                times
            ) >iperf.out 2>iperf.err
            cpu=$(awk -v before="$before" -v after="$(cpu_of "$server_pid")" '
                function secs(text,   part) { split(text, part, /[ms]/); return part[1] * 60 + part[2] }
                /^times$/ { found = NR }
                found && NR > found { sum += secs($1) + secs($2) }
                END { print sum + after - before }' iperf.out)
            awk -v cpu="$cpu" -v count=$count -v name="$candidate" -v what="$direction $count" '
                /receiver/ && (count == 1 || /SUM/) {
                    for (i = 2; i <= NF; i++) {
                        if ($i ~ /bits\/sec/) rate = $(i - 1) / 1000
                        if ($i ~ /^[KMG]?Bytes$/)
                            bytes = $(i - 1) * ($i == "GBytes" ? 1.073741824 : 0.001048576)
                    }
                }
                END {
                    if (rate && bytes) {
                        printf "%s\tGbit/s %s\t%f\n", name, what, rate
                        printf "%s\tCPU s/GB %s\t%f\n", name, what, cpu / bytes
                    }
                }' iperf.out >>results.tsv
        done
    done
}

# User and system seconds of a process so far.
cpu_of() {
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / tick }' "/proc/$1/stat"
}

latencies() {
    local candidate=$1
    take "$candidate" 'connect, µs' connect $server $probe_port 1000
    take "$candidate" 'byte and back, µs' turn $server $probe_port 5000
    take "$candidate" 'connects a second, 1 client' rate $server $probe_port "$seconds" 1
    take "$candidate" 'connects a second, 4 clients' rate $server $probe_port "$seconds" 4
}

# A figure of the probe: take CANDIDATE NAME ARGUMENTS...
take() {
    local candidate=$1 name=$2 value
    shift 2
    value=$( (within "$candidate" ./probe "$@") </dev/null 2>probe.err) || return 0
    printf '%s\t%s\t%s\n' "$candidate" "$name" "$value" >>results.tsv
}

# Of what stands between, with idle connections.
memory() {
    local candidate=$1 count pid carrier size
    for count in $idle_counts; do
        rm -f carrier hold.out hold.in
        mkfifo hold.in
        (within "$candidate" ./probe hold $server $probe_port "$count") <hold.in >hold.out 2>hold.err &
        pid=$!
        exec 4>hold.in
        for _ in $(seq 300); do
            if grep -q open hold.out || ! kill -0 $pid 2>/dev/null; then break; fi
            sleep 0.1
        done
        if grep -q open hold.out; then
            carrier=$(cat carrier 2>/dev/null || echo $pid)
            size=$(awk '/^Pss:/ { print $2 / 1024 }' "/proc/$carrier/smaps_rollup")
            printf '%s\tMB, %d idle\t%s\n' "$candidate" "$count" "$size" >>results.tsv
        fi
        exec 4>&-
        # One that waits for a connection does not see that its input has ended.
        if ! grep -q open hold.out; then
            printf 'left out: %s: no %d connections: %s\n' "$candidate" "$count" "$(sed -n 1p hold.err)"
            kill $pid "$(cat carrier 2>/dev/null || echo $pid)" 2>/dev/null || true
        fi
        wait $pid || true
    done
}

carried_table() {
    awk -F '\t' -v names="${candidates[*]}" '
        BEGIN { count = split(names, name, " ") }
        {
            if (!($2 in seen)) { seen[$2]; row[++rows] = $2 }
            higher = $2 ~ /bit|second/
            key = $1 SUBSEP $2
            if (!(key in best) || (higher ? $3 > best[key] : $3 < best[key])) best[key] = $3
        }
        function ratio(other, what) {
            if (!(("sandbox", what) in best) || !((other, what) in best)) return "-"
            return sprintf("%.2f", best["sandbox", what] / best[other, what])
        }
        END {
            printf "%-30s", ""
            for (i = 1; i <= count; i++) printf " %11s", name[i]
            printf "   %10s %10s\n", "× host", "× pasta"
            for (r = 1; r <= rows; r++) {
                printf "%-30s", row[r]
                for (i = 1; i <= count; i++) {
                    key = name[i] SUBSEP row[r]
                    if (key in best) printf " %11.2f", best[key]; else printf " %11s", "-"
                }
                printf "   %9s %9s\n", ratio("host", row[r]), ratio("pasta", row[r])
            }
        }' results.tsv
}

### What a start costs.

starts() {
    if ! command -v hyperfine >/dev/null; then
        printf 'left out: starts: hyperfine is not installed\n'
        return
    fi
    make_root
    local name command round arguments=()
    while IFS=$'\t' read -r name command; do
        if works "$name" "$command"; then arguments+=(--command-name "$name" "$command"); fi
    done < <(start_commands)
    for round in $(seq "$rounds"); do
        hyperfine --shell=none --warmup 3 --runs "$runs" --style none \
            --export-csv "starts$round.csv" "${arguments[@]}" >/dev/null 2>&1
    done
    starts_table
}

# One line a command: name, tab, command line.
start_commands() {
    local sandbox="$work/sandbox run --quiet" root=$work/root
    local podman="podman run --rm"
    printf '%s\t%s\n' \
        'sandbox, network none' "$sandbox --network none rootfs:$root /bin/true" \
        'sandbox, network user' "$sandbox --network user rootfs:$root /bin/true" \
        'sandbox, network host' "$sandbox --network host rootfs:$root /bin/true" \
        'bwrap --unshare-all' "bwrap --unshare-all --bind $root / /bin/true" \
        'pasta' 'pasta --quiet --config-net -- /bin/true' \
        'podman, network none' "$podman --network none --rootfs $root /bin/true" \
        'podman, pasta' "$podman --network pasta --rootfs $root /bin/true" \
        'podman, slirp4netns' "$podman --network slirp4netns --rootfs $root /bin/true"
}

works() {
    local reason
    if ! command -v "${2%% *}" >/dev/null; then
        printf 'left out: %s: not installed\n' "$1"
        return 1
    fi
    # Split into words as hyperfine does.
    # shellcheck disable=SC2086
    if ! reason=$($2 2>&1 >/dev/null </dev/null); then
        printf 'left out: %s: %s\n' "$1" "$(sed -n 1p <<<"$reason")"
        return 1
    fi
}

# A root directory with nothing but busybox.
make_root() {
    mkdir -p root/bin root/dev root/etc root/proc root/sys root/tmp
    cp "$(command -v busybox)" root/bin/busybox
    ln -s busybox root/bin/true
    echo 'root:x:0:0:root:/:/bin/true' >root/etc/passwd
}

# The least of the rounds' medians. A name may hold a comma, and then it is
# quoted; the median is the fifth field from the end.
starts_table() {
    echo
    grep --no-filename --invert-match '^command,mean' starts*.csv |
        awk '
        {
            line = $0
            gsub(/"/, "", line)
            count = split(line, field, ",")
            name = field[1]
            for (i = 2; i <= count - 7; i++) name = name "," field[i]
            if (!(name in best)) order[++names] = name
            median = field[count - 4] * 1000
            if (!(name in best) || median < best[name]) best[name] = median
        }
        END {
            printf "%-30s %11s %11s %11s\n", "start of /bin/true", "ms", "× bwrap", "+ none, ms"
            for (i = 1; i <= names; i++) {
                name = order[i]
                bwrap = best["bwrap --unshare-all"]
                printf "%-30s %11.2f %11s %11.2f\n", name, best[name],
                    bwrap ? sprintf("%.2f", best[name] / bwrap) : "-",
                    best[name] - best["sandbox, network none"]
            }
        }'
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

case ${1:-} in
    --measure | --carry)
        work=$2
        "${1#--}"
        ;;
    *) main "$@" ;;
esac
