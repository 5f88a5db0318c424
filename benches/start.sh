#!/usr/bin/env bash
#
# Measures the start of a cached image beside other tools, whole process: from
# fork and exec to the exit of a /bin/true inside. One table, with ratios to
# `bwrap --unshare-all` of the same run; the ratios are what can be compared.
#
#     benches/start.sh [BINARY]
#
# Without BINARY it builds a release. Called by root, it measures as an ordinary
# user. Every command gets the same root directory, a static busybox; only pasta
# has none, which makes a network and nothing else. A tool that is missing or
# refuses to run here is left out, and the reason is shown.
set -euo pipefail

rounds=${ROUNDS:-5}
runs=${RUNS:-40}

main() {
    PATH=$PATH:/usr/sbin:/sbin
    command -v hyperfine >/dev/null || die 'needs hyperfine'
    local binary=${1:-}
    [ -n "$binary" ] || build
    # Not in /tmp, which may be memory: layers live on a disk.
    work=$(mktemp -d /var/tmp/sandbox-bench.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    install "$binary" "$work/sandbox"
    install "$0" "$work/start.sh"
    if [ "$(id -u)" != 0 ]; then
        (measure)
        return
    fi
    local user
    user=$(sed -n '1s/:.*//p' /etc/subuid)
    user=${user:-nobody}
    chown "$user" "$work"
    cd "$work"
    env -i PATH="$PATH" HOME="$work" ROUNDS="$rounds" RUNS="$runs" \
        setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all \
        "$work/start.sh" --measure "$work"
}

build() {
    (cd "$(dirname "$0")/.." && cargo build --release --locked)
    # The build is for a named target, whose name is part of the path.
    for binary in "$(dirname "$0")"/../target/*/release/sandbox; do :; done
}

measure() {
    cd "$work"
    export SANDBOX_ROOT=$work/store
    make_root
    make_image
    commands >commands.tsv
    leave_out_what_fails
    local round arguments=() name command
    while IFS=$'\t' read -r name command; do
        arguments+=(--command-name "$name" "$command")
    done <usable.tsv
    for round in $(seq "$rounds"); do
        hyperfine --shell=none --warmup 5 --runs "$runs" --style none \
            --export-csv "round$round.csv" "${arguments[@]}" >/dev/null 2>&1
    done
    table
}

# One line a command: name, tab, command line.
commands() {
    local root=$work/root
    local namespaces='--user --map-root-user --mount --pid --ipc --net --uts --cgroup --fork'
    local bwrap="bwrap --unshare-all --bind $root /"
    printf '%s\t%s\n' \
        'bwrap --unshare-all' "$bwrap /bin/true" \
        'bwrap, /proc and /dev' "$bwrap --proc /proc --dev /dev --tmpfs /tmp /bin/true" \
        'sandbox, image' "$work/sandbox run --network none oci:$work/image /bin/true" \
        'sandbox, user network' "$work/sandbox run oci:$work/image /bin/true" \
        'sandbox, host' "$work/sandbox run --network none host /bin/true" \
        'unshare' "unshare $namespaces --root $root /bin/true" \
        'crun run' "crun --root $work/crun --cgroup-manager disabled run --bundle $work/bundle bench" \
        'pasta' 'pasta --config-net -- /bin/true' \
        'podman run' "podman run --rm --network none --rootfs $root /bin/true" \
        'no sandbox' '/bin/true'
}

# Tries every command once, which also fills the caches.
leave_out_what_fails() {
    local name command reason
    : >usable.tsv
    while IFS=$'\t' read -r name command; do
        if ! command -v "${command%% *}" >/dev/null; then
            printf 'left out: %s: not installed\n' "$name"
            continue
        fi
        # Split into words as hyperfine does.
        # shellcheck disable=SC2086
        if reason=$($command 2>&1 >/dev/null </dev/null); then
            printf '%s\t%s\n' "$name" "$command" >>usable.tsv
        else
            printf 'left out: %s: %s\n' "$name" "$(sed -n 1p <<<"$reason")"
        fi
    done <commands.tsv
}

# The median of the rounds' medians, the least time of all, and the ratio to the
# first command. Columns of hyperfine: command, mean, stddev, median, user,
# system, min, max; a name may hold a comma, and then it is quoted.
table() {
    grep --no-filename --invert-match '^command,mean' round*.csv |
        awk '
        {
            line = $0
            gsub(/"/, "", line)
            count = split(line, field, ",")
            name = field[1]
            for (i = 2; i <= count - 7; i++) name = name "," field[i]
            if (!(name in rounds)) order[++names] = name
            median[name, ++rounds[name]] = field[count - 4] * 1000
            least = field[count - 1] * 1000
            if (!(name in min) || least < min[name]) min[name] = least
        }
        function middle(name,   i, j, swap, n) {
            n = rounds[name]
            for (i = 1; i <= n; i++)
                for (j = i + 1; j <= n; j++)
                    if (median[name, j] < median[name, i]) {
                        swap = median[name, i]
                        median[name, i] = median[name, j]
                        median[name, j] = swap
                    }
            return median[name, int((n + 1) / 2)]
        }
        END {
            printf "%-24s %10s %10s %8s\n", "", "median ms", "least ms", "ratio"
            base = middle(order[1])
            for (i = 1; i <= names; i++) {
                name = order[i]
                printf "%-24s %10.2f %10.2f %8.2f\n", name, middle(name), min[name], middle(name) / base
            }
        }'
}

# A root directory with nothing but busybox, and a bundle for crun around it.
make_root() {
    mkdir -p root/bin root/dev root/etc root/proc root/sys root/tmp bundle
    cp "$(command -v busybox)" root/bin/busybox
    ln -s busybox root/bin/true
    echo 'root:x:0:0:root:/:/bin/true' >root/etc/passwd
    ln -s ../root bundle/rootfs
    if command -v crun >/dev/null; then
        (cd bundle && crun spec --rootless)
        sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"\/bin\/true"/' bundle/config.json
    fi
}

# The same as an OCI image layout with one layer.
make_image() {
    local layer config manifest diff_id
    mkdir -p image/blobs/sha256
    tar --sort=name --owner=0 --group=0 -C root -cf layer.tar .
    diff_id=$(sha256sum <layer.tar | cut -d ' ' -f 1)
    gzip layer.tar
    layer=$(blob application/vnd.oci.image.layer.v1.tar+gzip layer.tar.gz)
    printf '{"os":"linux","architecture":"%s","config":{"Env":["PATH=/bin"]},%s}' \
        "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" \
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$diff_id\"]}" >config.json
    config=$(blob application/vnd.oci.image.config.v1+json config.json)
    printf '{"schemaVersion":2,"config":%s,"layers":[%s]}' "$config" "$layer" >manifest.json
    manifest=$(blob application/vnd.oci.image.manifest.v1+json manifest.json)
    printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" >image/index.json
    printf '{"imageLayoutVersion":"1.0.0"}' >image/oci-layout
}

# Moves a file into the image and prints its descriptor: blob MEDIA-TYPE FILE
blob() {
    local digest
    digest=$(sha256sum <"$2" | cut -d ' ' -f 1)
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%d}' "$1" "$digest" "$(stat -c %s "$2")"
    mv "$2" "image/blobs/sha256/$digest"
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
