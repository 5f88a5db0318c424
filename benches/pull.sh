#!/usr/bin/env bash
#
# Measures pulling and unpacking an image beside other tools, and beside what
# bounds it: fetching alone, inflating alone, unpacking alone. One table for each
# image and compression, all from a registry on the loopback, interleaved; the
# ratios are what can be compared.
#
#     benches/pull.sh [BINARY]
#
# Without BINARY it builds a release. Called by root, it measures as an ordinary
# user. A tool that is missing or refuses to run here is left out, and the reason
# is shown. Variables:
#
#     LAYERS    a directory whose *.tar are the layers of a large image, in the
#               order of their names, as benches/layers.sh makes them; without
#               it there is only busybox
#     PEERS     a command that runs its arguments where the other tools are, as
#               an ordinary user; the work directory must be seen there
#     ROOT      the same as root, for file systems made anew
#     TMPDIR    where the work directory is made, instead of /var/tmp
#     ROUNDS    how often each figure is taken; the best counts (3)
#
# A file system that has just lost many files can be ten times slower than a new
# one (ext4 looks through the inodes that were deleted lately). So each figure is
# taken on a file system of its own where root is to be had, else in a new
# directory, where figures are doubtful.
set -euo pipefail

rounds=${ROUNDS:-3}
port=5017
tls_port=5018
tools=(sandbox podman 'skopeo + umoci' ch-image)
floors=('curl to disk' 'inflate' 'tar -x, disk' 'tar -x, sync' 'tar -x, tmpfs')

main() {
    PATH=$PATH:/usr/sbin:/sbin
    local binary=${1:-} user
    [ -n "$binary" ] || build
    for tool in busybox curl docker-registry gzip openssl tar time zstd; do
        type -P $tool >/dev/null || die "needs $tool"
    done
    # Not in /tmp, which may be memory: layers live on a disk.
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/sandbox-bench.XXXXXX")
    trap clean_up EXIT
    chmod 755 "$work"
    install "$binary" "$work/sandbox"
    install "$0" "$work/pull.sh"
    install "$(type -P time)" "$(type -P zstd)" "$work"
    as_user=() as_root=()
    # Commands with their arguments.
    # shellcheck disable=SC2206
    if [ -n "${PEERS:-}" ]; then
        as_user=($PEERS) as_root=(${ROOT:-})
    elif [ "$(id -u)" = 0 ]; then
        user=$(sed -n '1s/:.*//p' /etc/subuid)
        user=${user:-nobody}
        as_user=(env -i "PATH=$PATH" "HOME=$work/fs"
            setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --inh-caps=-all)
        as_root=(env)
    fi
    cd "$work"
    mkdir -m 777 fs
    make_images
    start_registry
    measure
}

build() {
    (cd "$(dirname "$0")/.." && cargo build --release --locked)
    # The build is for a named target, whose name is part of the path.
    for binary in "$(dirname "$0")"/../target/*/release/sandbox; do :; done
}

clean_up() {
    [ -z "${registries:-}" ] || kill "${registries[@]}" 2>/dev/null || true
    [ ${#as_root[@]} = 0 ] || "${as_root[@]}" "$work/pull.sh" --unmount "$work" || true
    empty_directory || true
    rm -rf "$work"
}

measure() {
    local round image compression tool
    : >results.tsv
    for image in $images; do
        for compression in gzip zstd; do
            for tool in "${tools[@]}" "${floors[@]}"; do attempt "$tool"; done
            for ((round = 1; round < rounds; round++)); do
                for tool in "${usable[@]}"; do take "$tool" >/dev/null; done
            done
            table
            usable=()
        done
    done
}

# The first time, which tells whether the tool can do it.
usable=()
attempt() {
    local reason
    if reason=$(take "$1"); then
        usable+=("$1")
    else
        printf 'left out: %s, %s, %s: %s\n' "$1" "$image" "$compression" "$(sed -n 1p <<<"$reason")"
    fi
}

# One figure: image, compression, tool, wall, user and system seconds, peak KiB.
take() {
    fresh
    local failed=
    "${as_user[@]}" "$work/pull.sh" --once "$work" "$1" "$image" "$compression" \
        >once.out 2>&1 || failed=1
    if [ -n "$failed" ]; then
        grep -iE 'error|fatal|unsupported|not ' once.out || tail -n 1 once.out
        return 1
    fi
    printf '%s\t%s\t%s\t%s\n' "$image" "$compression" "$1" "$(tail -n 1 once.out)" >>results.tsv
}

# Each tool in a process of its own, where the tools are.
once() {
    cd "$work"
    export SANDBOX_ROOT=$work/fs/store CH_IMAGE_STORAGE=$work/fs/ch
    PATH=$work:$PATH
    tool=$1 image=$2 compression=$3
    local begin end
    memory=$(mktemp -d /dev/shm/sandbox-bench.XXXXXX)
    export memory
    trap 'stop_podman; chmod -R u+rwX "$memory" && rm -rf "$memory"' EXIT
    begin=$EPOCHREALTIME
    "$work/time" -o "$work/fs/usage" -f '%U\t%S\t%M' "$work/pull.sh" --act "$@" || exit 1
    end=$EPOCHREALTIME
    printf '%s\t%s\n' "$(awk "BEGIN { print $end - $begin }")" "$(tail -n 1 "$work/fs/usage")"
}

# Runs in the work directory, and writes below fs.
act() {
    local tool=$1 image=$2 compression=$3
    local name=127.0.0.1:$port/$image:$compression file
    case $tool in
        sandbox) exec ./sandbox pull --quiet "$name" ;;
        podman) podman pull --quiet --tls-verify=false "$name" ;;
        'skopeo + umoci')
            skopeo copy --quiet --src-tls-verify=false "docker://$name" oci:fs/oci:x
            exec umoci unpack --rootless --image fs/oci:x fs/bundle
            ;;
        # It speaks TLS only.
        ch-image) exec ch-image --tls-no-verify pull "127.0.0.1:$tls_port/$image:$compression" ;;
        'curl to disk')
            while read -r file; do
                curl -sf "http://127.0.0.1:$port/v2/$image/blobs/sha256:$file" -o "fs/$file" &
            done <"$image.$compression"
            wait
            ;;
        inflate) while read -r file; do "$compression" -dc <"blobs/$file"; done \
            <"$image.$compression" >/dev/null ;;
        'tar -x, disk') untar fs ;;
        'tar -x, sync') untar fs && sync --file-system fs ;;
        'tar -x, tmpfs') untar "$memory" ;;
    esac
}

# A process of podman's stays, and keeps the file system as it was at its start:
# the next one would find the layers there. So each has a place of its own for
# that, and `stop_podman` ends it.
podman() {
    [ -e "$work/fs/podman" ] || mkdir -m 700 "$work/fs/podman"
    XDG_RUNTIME_DIR=$work/fs/podman command podman --root "$work/fs/podman/root" \
        --runroot "$work/fs/podman/run" --storage-driver overlay "$@"
}

stop_podman() {
    [ "$tool" != podman ] || podman system migrate
}

# What only root may set is not unpacked, and is no failure.
untar() {
    local layer
    for layer in "$image"/*.tar; do
        mkdir "$1/${layer##*/}"
        tar -C "$1/${layer##*/}" -xf "$layer" 2>/dev/null || true
    done
}

### Where it is unpacked.

fresh() {
    if [ ${#as_root[@]} -gt 0 ]; then
        "${as_root[@]}" "$work/pull.sh" --unmount "$work"
        rm -f fs.img
        truncate -s 12G fs.img
        mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 fs.img
        "${as_root[@]}" "$work/pull.sh" --mount "$work"
    else
        empty_directory
    fi
}

mount_fs() {
    mount -o loop "$work/fs.img" "$work/fs"
    chmod 777 "$work/fs"
    rm -rf "$work/fs/lost+found"
}

unmount_fs() {
    if mountpoint -q "$work/fs"; then umount "$work/fs"; fi
}

# With ranges of ids it takes their root to remove what theirs is.
empty_directory() {
    # For the other shell.
    # shellcheck disable=SC2016
    "${as_user[@]}" sh -c 'chmod -R u+rwX "$1" 2>/dev/null; rm -rf "$1"/* 2>/dev/null ||
        unshare --map-auto -r rm -rf "$1"/*' sh "$work/fs"
}

### What is pulled.

make_images() {
    local layer
    images=
    if [ -n "${LAYERS:-}" ]; then
        mkdir large
        # A copy, for it must be seen where the other tools are.
        cp --reflink=auto "$LAYERS"/*.tar large
        images=large
    fi
    mkdir -p busybox busybox.root/bin blobs
    cp "$(type -P busybox)" busybox.root/bin/busybox
    for layer in $(busybox --list); do
        [ -e "busybox.root/bin/$layer" ] || ln -s busybox "busybox.root/bin/$layer"
    done
    tar --sort=name --owner=0 --group=0 -C busybox.root -cf busybox/1.tar .
    images="busybox $images"
    for image in $images; do
        for compression in gzip zstd; do make_image; done
    done
}

# Layers as blobs, their digests in $image.$compression, and the manifest in
# $image.$compression.json.
make_image() {
    local layer diff_ids='' layers='' digest descriptor
    for layer in "$image"/*.tar; do
        "$compression" -c <"$layer" >blob
        diff_ids+=",\"sha256:$(sha256sum <"$layer" | cut -d ' ' -f 1)\""
        blob "application/vnd.oci.image.layer.v1.tar+$compression" blob
        layers+=",$descriptor"
        echo "$digest" >>"$image.$compression"
    done
    printf '{"os":"linux","architecture":"%s","config":{},"history":[],%s}' \
        "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" \
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[${diff_ids#,}]}" >config
    blob application/vnd.oci.image.config.v1+json config
    printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' \
        application/vnd.oci.image.manifest.v1+json "$descriptor" "${layers#,}" \
        >"$image.$compression.json"
}

# Moves a file to the blobs, and sets `digest` and `descriptor`.
blob() {
    digest=$(sha256sum <"$2" | cut -d ' ' -f 1)
    printf -v descriptor '{"mediaType":"%s","digest":"sha256:%s","size":%d}' \
        "$1" "$digest" "$(stat -c %s "$2")"
    mv "$2" "blobs/$digest"
}

start_registry() {
    cat >registry.yml <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
    docker-registry serve registry.yml >registry.log 2>&1 &
    registries=($!)
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key.pem \
        -out certificate.pem 2>/dev/null
    REGISTRY_HTTP_ADDR=127.0.0.1:$tls_port REGISTRY_HTTP_TLS_CERTIFICATE=certificate.pem \
        REGISTRY_HTTP_TLS_KEY=key.pem docker-registry serve registry.yml >tls.log 2>&1 &
    registries+=($!)
    local base=http://127.0.0.1:$port/v2 location file
    curl -s --retry 20 --retry-delay 1 --retry-connrefused -o /dev/null $base/ ||
        die "the registry does not start: $(sed -n 1p registry.log)"
    for image in $images; do
        for file in blobs/*; do
            location=$(curl -sf -X POST -D - -o /dev/null "$base/$image/blobs/uploads/" |
                tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
            curl -sf -X PUT -H 'Content-Type: application/octet-stream' -T "$file" \
                "$location&digest=sha256:${file#blobs/}"
        done
        for compression in gzip zstd; do
            curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
                -T "$image.$compression.json" "$base/$image/manifests/$compression"
        done
    done
}

### What came of it.

table() {
    local bytes entries
    bytes=$(stat -c %s "$image"/*.tar | awk '{ sum += $1 } END { print sum }')
    entries=$(for layer in "$image"/*.tar; do tar -tf "$layer"; done | wc -l)
    echo
    awk -F '\t' -v image="$image" -v compression="$compression" -v bytes="$bytes" \
        -v entries="$entries" -v floors="$(printf '%s\t' "${floors[@]}")" '
        BEGIN { count = split(floors, list, "\t"); for (i in list) is_floor[list[i]] }
        $1 != image || $2 != compression { next }
        {
            if (!($3 in wall)) order[++tools] = $3
            if (!($3 in wall) || $4 < wall[$3]) {
                wall[$3] = $4; user[$3] = $5; system_[$3] = $6
            }
            if ($7 > peak[$3]) peak[$3] = $7
        }
        END {
            printf "%s, %s: %.1f MB in %d entries\n", image, compression, bytes / 1e6, entries
            printf "%-18s %9s %8s %8s %8s %9s %9s %12s\n", "", "seconds", "user", "system",
                "MB/s", "entries/s", "peak MB", "sandbox is ×"
            for (i = 1; i <= tools; i++) {
                tool = order[i]
                printf "%-18s %9.3f %8.2f %8.2f %8.0f %9.0f %9.1f %12s\n", tool, wall[tool],
                    user[tool], system_[tool], bytes / 1e6 / wall[tool], entries / wall[tool],
                    peak[tool] / 1024,
                    "sandbox" in wall ? sprintf("%.2f", wall["sandbox"] / wall[tool]) : "-"
                if (tool in is_floor && wall[tool] > slowest) slowest = wall[tool]
            }
            if ("sandbox" in wall && slowest)
                printf "sandbox is %.2f × the slowest floor\n", wall["sandbox"] / slowest
        }' results.tsv
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

case ${1:-} in
    --once)
        work=$2
        once "${@:3}"
        ;;
    --act)
        work=$PWD
        act "${@:2}"
        ;;
    --mount | --unmount)
        PATH=$PATH:/usr/sbin:/sbin
        work=$2
        "${1#--}_fs"
        ;;
    *) main "$@" ;;
esac
