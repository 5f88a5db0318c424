#!/usr/bin/env bash
#
# Checks the repository and runs all tests.
#
# Started by root, as CI does, it installs the Debian packages that the tests
# need and makes two ordinary users, one with ranges of user ids and one
# without; the program under test runs as each of them in turn, and as root only
# for the few tests in tests/e2e/smoke.rs. Started by an ordinary user, it runs
# everything as that user and names the packages that are missing.
#
# With CI=true a test that cannot run here fails instead of being skipped.
set -euo pipefail

# Debian packages, each with a program or file by which its presence is known.
packages=(
    apache2-utils:htpasswd binutils:readelf busybox-static:/usr/share/doc/busybox-static
    containernetworking-plugins:/usr/lib/cni/bridge curl:curl
    dbus-daemon:dbus-daemon dnsmasq-base:dnsmasq docker-registry:docker-registry gcc:cc git:git iproute2:ip iptables:iptables iputils-ping:ping
    libc6-dev:/usr/include/stdio.h mmdebstrap:mmdebstrap nftables:nft nginx-light:nginx openssl:openssl perl:perl
    python3:/usr/bin/python3 python3-grpcio:/usr/lib/python3/dist-packages/grpc
    python3-grpc-tools:/usr/lib/python3/dist-packages/grpc_tools
    python3-pkg-resources:/usr/lib/python3/dist-packages/pkg_resources python3-websockets:/usr/lib/python3/dist-packages/websockets
    shellcheck:shellcheck skopeo:skopeo strace:strace uidmap:newuidmap wget:wget zstd:zstd
)
ranges=sandbox-test-ranges
plain=sandbox-test-plain

main() {
    cd "$(dirname "$0")/.."
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$HOME/.cargo/bin
    if [ "${CI:-}" = true ]; then export SANDBOX_TEST_STRICT=1; fi
    install_packages
    command -v cargo >/dev/null || die 'needs Rust: https://rustup.rs'

    work=$(mktemp -d /var/tmp/sandbox-test.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    export SANDBOX_TEST_WORK=$work

    # Mostly waiting for packages: meanwhile we compile.
    make_images >"$work/images.log" 2>&1 &
    making=$!
    step 'format' cargo fmt --check
    step 'lints' cargo clippy --locked --all-targets -- -D warnings
    step 'documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps
    step 'shell scripts' shellcheck .ci/run install.sh tests/run.sh tests/e2e/*/*.sh benches/*.sh docs/examples/*.sh
    step 'build' cargo test --locked --no-run
    # Not in the step, which is another shell.
    wait "$making" || true
    step 'images' publish_images
    step 'repository' cargo test --locked --no-fail-fast --test repository --test install
    step 'examples' cargo test --locked --doc
    if [ "$(id -u)" = 0 ]; then
        make_users
        run_as "$ranges" --lib --bins --test e2e
        run_as "$plain" --test e2e
        step 'tests as root' cargo test --locked --no-fail-fast --test e2e smoke::
    else
        step 'tests' cargo test --locked --no-fail-fast --lib --bins --test e2e
    fi
    summary
}

# Runs a step; the others go on if it fails, and `summary` tells. A function that
# is a step must return its failures itself: `set -e` does not hold in it.
failed=()
step() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee -a "$work/log" || failed+=("$name")
}

summary() {
    awk '/^test result:/ { passed += $4; bad += $6; ignored += $8 }
         /^skipped:/ { skipped++ }
         END { printf "\n== %d passed, %d failed, %d ignored, %d skipped\n",
                      passed, bad, ignored, skipped }' "$work/log"
    if [ ${#failed[@]} -gt 0 ]; then
        printf 'failed: %s\n' "${failed[@]}"
        exit 1
    fi
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

install_packages() {
    local entry sign missing=()
    for entry in "${packages[@]}"; do
        sign=${entry#*:}
        case $sign in
            /*) [ -e "$sign" ] ;;
            *) command -v "$sign" >/dev/null ;;
        esac || missing+=("${entry%%:*}")
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    [ "$(id -u)" = 0 ] || die "missing Debian packages; as root: apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -qy --no-install-recommends "${missing[@]}"
}

# Kept in target, because they take minutes: a minimal Debian, packages for it which
# bring users and setgid files of their own, and a Debian with well-known services.
make_images() {
    local images=target/test-images mirror suite=bookworm
    mkdir -p $images/debs
    # Dollars for apt-get and for the shell of mmdebstrap.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" 'Origin: Debian' |
        sed -n 1p)
    # shellcheck disable=SC2016
    make_image debian.tar \
        --customize-hook='chroot "$1" apt-get clean' \
        --customize-hook='chroot "$1" apt-get install -qy --no-install-recommends \
            --download-only openssh-client cron dbus' \
        --customize-hook='sync-out /var/cache/apt/archives '"$images/debs" \
        --customize-hook='chroot "$1" apt-get clean' || return
    rm -rf $images/debs/partial $images/debs/lock
    make_image services.tar --include=python3-minimal,nodejs,redis-server,postgresql,nginx-light
}

# Packs a Debian, with more of it by options of mmdebstrap.
make_image() {
    local name=$1
    shift
    if [ -e "$images/$name" ]; then return; fi
    mmdebstrap --variant=minbase --format=tar "$@" $suite "$images/$name.part" ${mirror:+"$mirror"} &&
        mv "$images/$name.part" "$images/$name"
}

# Puts them where every user can read them.
publish_images() {
    cat "$work/images.log"
    mkdir "$work/images"
    cp -r --reflink=auto target/test-images/{debian.tar,services.tar,debs} "$work/images" || return
    chmod -R a+rX "$work/images"
}

make_users() {
    local user
    for user in $ranges $plain; do
        id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh "$user"
    done
    grep -q "^$ranges:" /etc/subuid || usermod --add-subuids 700000-765535 $ranges
    grep -q "^$ranges:" /etc/subgid || usermod --add-subgids 700000-765535 $ranges
    # useradd gives ranges to everybody.
    sed -i "/^$plain:/d" /etc/subuid /etc/subgid
}

# Runs some of the tests as another user: cargo hands each test binary to
# `test_binary` below instead of starting it.
run_as() {
    local user=$1
    shift
    step "tests as $user" cargo test --locked --no-fail-fast \
        --config "target.'cfg(all())'.runner = ['$PWD/tests/run.sh', '--test-binary', '$user']" "$@"
}

# Gives a user a cgroup of version 2 to divide, and moves there; sets `cgroup` if
# that works. Whatever a former run has left is removed.
delegate_cgroup() {
    local user=$1 mount
    mount=$(findmnt --noheadings --first-only --types cgroup2 --output TARGET) || return 0
    cgroup=$mount/sandbox-test-$user
    find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    mkdir -p "$cgroup" 2>/dev/null &&
        chown "$user" "$cgroup" "$cgroup"/cgroup.{procs,subtree_control,threads} &&
        echo $$ 2>/dev/null >"$cgroup/cgroup.procs" || cgroup=
}

# Starts a test binary as another user, who can read neither our checkout nor
# our home: from a copy, with a copy of the program, and none of our environment.
test_binary() {
    local user=$1 binary=$2 place=$SANDBOX_TEST_WORK/$1 home
    shift 2
    home=$(getent passwd "$user" | cut -d: -f6)
    install -d -o "$user" "$place"
    install "$binary" "$place/tests"
    delegate_cgroup "$user"
    if [ -e "${binary%/*}/../sandbox" ]; then install "${binary%/*}/../sandbox" "$place"; fi
    cd "$place"
    exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin \
        HOME="$home" USER="$user" RUST_BACKTRACE=1 \
        ${SANDBOX_TEST_STRICT:+SANDBOX_TEST_STRICT=1} \
        ${SANDBOX_TEST_ROUNDS:+SANDBOX_TEST_ROUNDS="$SANDBOX_TEST_ROUNDS"} \
        SANDBOX_TEST_BIN="$place/sandbox" \
        SANDBOX_TEST_DIR="$place" \
        ${cgroup:+SANDBOX_TEST_CGROUP="$cgroup"} \
        SANDBOX_TEST_IMAGES="$SANDBOX_TEST_WORK/images" \
        timeout --foreground --signal=KILL 10m \
        setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all ./tests "$@"
}

if [ "${1:-}" = --test-binary ]; then
    test_binary "${@:2}"
else
    main
fi
