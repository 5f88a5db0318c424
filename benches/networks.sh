#!/usr/bin/env bash
#
# Measures a named network: what two members carry between them beside the same
# pair on a plain bridge with veth pairs, all in one run and interleaved, and what
# joining a network adds to the start beside the default network, with 0, 1 and 50
# members. The ratios and differences are what can be compared.
#
#     benches/networks.sh [BINARY]
#
# Without BINARY it builds a release. Called by root, it measures as an ordinary
# user. The plain pair belongs to the root of a user namespace, and has the members'
# congestion control. A tool that is missing is left out, and the reason is shown.
# Variables:
#
#     TMPDIR    where the work directory is made, instead of /var/tmp
#     ROUNDS    how often each figure is taken; the best counts (5)
#     SECONDS_EACH   how long a stream lasts (3)
#     RUNS      starts a round (20)
#     MEMBERS   how many members the networks have that are joined (0 1 50)
set -euo pipefail

rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-3}
runs=${RUNS:-20}
counts=${MEMBERS:-0 1 50}
candidates=(members plain)
# The server is .9 in both.
subnet=10.98.0

main() {
    PATH=$PATH:/usr/sbin:/sbin
    local binary=${1:-} user prefix=()
    [ -n "$binary" ] || build
    # Not in /tmp, which may be memory: the store of the sandboxes is there.
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/sandbox-bench.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    install "$binary" "$work/sandbox"
    install "$0" "$work/networks.sh"
    if [ "$(id -u)" = 0 ]; then
        user=$(sed -n '1s/:.*//p' /etc/subuid)
        user=${user:-nobody}
        chown "$user" "$work"
        prefix=(env -i "PATH=$PATH" "HOME=$work"
            setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --inh-caps=-all)
    fi
    "${prefix[@]}" env "ROUNDS=$rounds" "SECONDS_EACH=$seconds" "RUNS=$runs" "MEMBERS=$counts" \
        "$work/networks.sh" --measure "$work"
}

build() {
    (cd "$(dirname "$0")/.." && cargo build --release --locked)
    # The build is for a named target, whose name is part of the path.
    for binary in "$(dirname "$0")"/../target/*/release/sandbox; do :; done
}

measure() {
    cd "$work"
    local tool
    for tool in ip unshare nsenter; do
        command -v $tool >/dev/null || die "needs $tool"
    done
    trap clean_up EXIT
    export SANDBOX_ROOT=$work/store
    ./sandbox network create --subnet $subnet.0/24 bench >/dev/null
    make_plain
    : >results.tsv
    streams
    queries
    carried_table
    starts
}

processes=()
clean_up() {
    local root
    for root in "$work"/store*; do
        # Words of the list.
        # shellcheck disable=SC2046
        ./sandbox --root "$root" rm -f $(./sandbox --root "$root" ps -aq) >/dev/null 2>&1 || true
    done
    kill "${processes[@]}" 2>/dev/null || true
}

### The plain pair: a bridge in one namespace, client and server in others.

make_plain() {
    namespace unshare -Urn
    switch=$last
    namespace nsenter -t "$switch" -U --preserve-credentials unshare -n
    server=$last
    namespace nsenter -t "$switch" -U --preserve-credentials unshare -n
    client=$last
    at "$switch" ip -batch - <<END
link add br0 type bridge
link set br0 up
link add port1 master br0 type veth peer name eth0 netns $server
link add port2 master br0 type veth peer name eth0 netns $client
link set port1 up
link set port2 up
END
    local pid address=9 control
    control=$(./sandbox run --network bench host cat /proc/sys/net/ipv4/tcp_congestion_control)
    for pid in "$server" "$client"; do
        at "$pid" ip -batch - <<END
link set lo up
link set eth0 up
address add $subnet.$address/24 dev eth0
END
        at "$pid" sh -c "echo $control >/proc/sys/net/ipv4/tcp_congestion_control"
        address=$((address + 1))
    done
}

# Starts what holds a namespace; its number is in `last`.
namespace() {
    "$@" sleep infinity &
    last=$!
    processes+=("$last")
    until [ "$(cat "/proc/$last/comm")" = sleep ]; do sleep 0.01; done
}

way=(-U -n --preserve-credentials)

at() {
    local pid=$1
    shift
    nsenter "${way[@]}" -t "$pid" "$@"
}

# Runs a client's command.
from_client() {
    local candidate=$1
    shift
    case $candidate in
        members) ./sandbox run --quiet --network bench host "$@" ;;
        plain) at "$client" "$@" ;;
    esac
}

### What is carried.

streams() {
    if ! command -v iperf3 >/dev/null; then
        printf 'left out: streams: iperf3 is not installed\n'
        return
    fi
    ./sandbox run -d --name streams --network "bench:ip=$subnet.9" host iperf3 -s >/dev/null
    (exec nsenter "${way[@]}" -t "$server" iperf3 -s >/dev/null) &
    processes+=($!)
    sleep 1
    local candidate count direction round reverse
    for round in $(seq "$rounds"); do
        for count in 1 4; do
            for direction in up down; do
                reverse=()
                [ $direction = up ] || reverse=(-R)
                for candidate in "${candidates[@]}"; do
                    from_client "$candidate" iperf3 -c $subnet.9 -t "$seconds" -P $count \
                        -f m "${reverse[@]}" >iperf.out 2>iperf.err || true
                    rate "$candidate" "Gbit/s $direction $count" $count
                done
            done
        done
    done
    ./sandbox rm -f streams >/dev/null
}

# What the receiver saw: rate CANDIDATE NAME STREAMS
rate() {
    awk -v name="$1" -v what="$2" -v count="$3" '
        /receiver/ && (count == 1 || /SUM/) {
            for (i = 2; i <= NF; i++) if ($i ~ /bits\/sec/) rate = $(i - 1) / 1000
        }
        END { if (rate) printf "%s\t%s\t%f\n", name, what, rate }' iperf.out >>results.tsv
}

queries() {
    if ! command -v pgbench >/dev/null || ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
        printf 'left out: queries: postgresql is not installed\n'
        return
    fi
    cat >postgres.sh <<'END'
set -e
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
initdb -U bench -A trust -D "$1" >/dev/null
echo 'host all all all trust' >>"$1/pg_hba.conf"
exec postgres -D "$1" -k "$1" -h '*'
END
    ./sandbox run -d --name queries --network "bench:ip=$subnet.9" --user 1000:1000 \
        -v "$work/postgres.sh:/postgres.sh:ro" host sh /postgres.sh /tmp/data >/dev/null
    # It refuses to be root.
    (exec nsenter "${way[@]}" -t "$server" unshare -U --map-user=1000 --map-group=1000 \
        sh postgres.sh "$work/data" >postgres.log 2>&1) &
    processes+=($!)
    local candidate round mode
    for candidate in "${candidates[@]}"; do
        prepare_queries "$candidate" || return 0
    done
    for round in $(seq "$rounds"); do
        for mode in simple prepared; do
            for candidate in "${candidates[@]}"; do
                from_client "$candidate" pgbench -h $subnet.9 -U bench -n -S -M $mode -c 4 -j 2 \
                    -T "$seconds" postgres 2>/dev/null |
                    awk -v name="$candidate" -v what="queries a second, $mode" \
                        '/^tps/ { printf "%s\t%s\t%f\n", name, what, $3 }' >>results.tsv
            done
        done
    done
    ./sandbox rm -f queries >/dev/null
}

prepare_queries() {
    local tries
    for tries in $(seq 60); do
        if from_client "$1" pgbench -h $subnet.9 -U bench -i -q postgres >/dev/null 2>pgbench.err; then
            return
        fi
        sleep 1
    done
    printf 'left out: queries: %s, after %d attempts: %s\n' "$1" "$tries" "$(sed -n 1p pgbench.err)"
    return 1
}

carried_table() {
    awk -F '\t' '
        {
            if (!($2 in seen)) { seen[$2]; row[++rows] = $2 }
            key = $1 SUBSEP $2
            if (!(key in best) || $3 > best[key]) best[key] = $3
        }
        END {
            printf "%-30s %11s %11s %8s\n", "", "members", "plain", "ratio"
            for (r = 1; r <= rows; r++) {
                members = best["members", row[r]]
                plain = best["plain", row[r]]
                printf "%-30s %11.2f %11.2f %8s\n", row[r], members, plain,
                    members && plain ? sprintf("%.2f", members / plain) : "-"
            }
        }' results.tsv
}

### What joining adds to the start.

starts() {
    if ! command -v hyperfine >/dev/null; then
        printf 'left out: starts: hyperfine is not installed\n'
        return
    fi
    make_root
    local count round arguments=() command="run --quiet --network"
    for count in $counts; do populate "$count"; done
    arguments=(-n 'network none' "./sandbox $command none rootfs:$work/root /bin/true"
        -n 'network user' "./sandbox $command user rootfs:$work/root /bin/true")
    for count in $counts; do
        arguments+=(-n "a network of $count"
            "./sandbox --root $work/store.$count $command bench rootfs:$work/root /bin/true")
    done
    for round in $(seq "$rounds"); do
        hyperfine --shell=none --warmup 3 --runs "$runs" --style none \
            --export-csv "starts$round.csv" "${arguments[@]}" >/dev/null 2>&1
    done
    starts_table
}

# A store whose network has so many members.
populate() {
    local count=$1 root=$work/store.$1 number
    ./sandbox --root "$root" network create bench >/dev/null
    for number in $(seq "$count"); do
        ./sandbox --root "$root" run -d --name "member$number" --network bench \
            "rootfs:$work/root" /bin/sleep 100000 >/dev/null
    done
}

# A root directory with nothing but busybox.
make_root() {
    mkdir -p root/bin root/dev root/etc root/proc root/sys root/tmp
    cp "$(command -v busybox)" root/bin/busybox
    ln -s busybox root/bin/true
    ln -s busybox root/bin/sleep
    echo 'root:x:0:0:root:/:/bin/true' >root/etc/passwd
}

# The least of the rounds' medians. Columns of hyperfine: command, mean, stddev,
# median, user, system, min, max.
starts_table() {
    echo
    grep --no-filename --invert-match '^command,mean' starts*.csv |
        awk -F , '
        {
            if (!($1 in best)) order[++names] = $1
            median = $4 * 1000
            if (!($1 in best) || median < best[$1]) best[$1] = median
        }
        END {
            printf "%-30s %11s %11s\n", "start of /bin/true", "ms", "+ user, ms"
            for (i = 1; i <= names; i++) {
                name = order[i]
                printf "%-30s %11.2f %11.2f\n", name, best[name], best[name] - best["network user"]
            }
        }'
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
