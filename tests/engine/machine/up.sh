#!/usr/bin/env bash
# Turns a fresh Debian 12 machine without an image registry into one where `make test-engine` can run:
# a Docker engine, the compose and buildx plugins, and stand-ins for the base images. Run as often as you like.
set -euo pipefail

# shellcheck source=tests/engine/machine/images.sh
source "$(dirname "${BASH_SOURCE[0]}")/images.sh"
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/tenantship/engine
plugin_dir=/usr/local/lib/docker/cli-plugins
mirror=http://deb.debian.org/debian
trixie_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
export DEBIAN_FRONTEND=noninteractive DOCKER_BUILDKIT=1

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'tests/engine/machine/up.sh: %s\n' "$*" >&2; exit 1; }

retry() {
    local attempt
    for attempt in 1 2 3; do
        "$@" && return
        say "attempt $attempt of 3 failed: $*"
        sleep $((attempt * 5))
    done
    die "gave up: $*"
}

# Runs a command quietly; shows its output only when it fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

apt_get() { quietly apt-get -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 "$@"; }

# need_packages COMMAND=PACKAGE…: installs the packages whose command is missing.
need_packages() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    [[ $(id -u) == 0 ]] || die "missing: ${missing[*]}; run me as root or install them first"
    say "install ${missing[*]}"
    retry apt_get update
    retry apt_get install -y --no-install-recommends "${missing[@]}"
}

# --- the engine -------------------------------------------------------------------------------------------------

engine_answers() { timeout 20 docker info >/dev/null 2>&1; }

# A machine image taken while an engine ran leaves pid files behind; their numbers may belong to others by now.
remove_stale_pid_file() {
    local file=$1 name=$2 pid
    [[ -e $file ]] || return 0
    pid=$(<"$file")
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$name" ]] || rm -f "$file"
}

start_engine() {
    if command -v docker >/dev/null && engine_answers; then
        say "engine: running ($(docker version --format '{{.Server.Version}}'))"
        return
    fi
    [[ -z ${DOCKER_HOST:-} ]] || die "no engine answers at DOCKER_HOST=$DOCKER_HOST"
    need_packages dockerd=docker.io iptables=iptables
    if [[ -d /run/systemd/system ]]; then
        systemctl start docker
    elif ! engine_answers; then
        remove_stale_pid_file /var/run/docker.pid dockerd
        remove_stale_pid_file /var/run/docker/containerd/containerd.pid containerd
        engine_log=$(mktemp -d -t tenantship-engine.XXXXXX)/dockerd.log
        say "engine: start dockerd, log $engine_log"
        setsid nohup dockerd >"$engine_log" 2>&1 9>&- </dev/null &
        disown
    fi
    local deadline=$((SECONDS + 90))
    until engine_answers; do
        if ((SECONDS > deadline)); then
            [[ -z ${engine_log:-} ]] || tail -n 40 "$engine_log" >&2
            die "the engine did not answer within 90 s"
        fi
        sleep 0.5
    done
    say "engine: answers ($(docker version --format '{{.Server.Version}}'))"
}

# --- compose and buildx: Debian 12's compose is version 1, so both come from Debian 13's packages --------------------

install_plugins() {
    if docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1; then
        say "plugins: $(docker compose version --short), $(docker buildx version | cut -d ' ' -f 2)"
        return
    fi
    [[ $(id -u) == 0 ]] || die "docker compose and docker buildx are missing; run me as root or install them"
    local work=$work_dir/plugins
    mkdir "$work"
    say "plugins: download docker-compose and docker-buildx"
    retry download_plugins "$work"
    local deb
    for deb in "$work"/*.deb; do dpkg -x "$deb" "$work/root"; done
    mkdir -p "$plugin_dir"
    find "$work/root" -type f -path '*/cli-plugins/docker-*' -exec install -m 0755 -t "$plugin_dir" {} +
    docker compose version >/dev/null || die "the compose plugin does not run"
    docker buildx version >/dev/null || die "the buildx plugin does not run"
    say "plugins: $(docker compose version --short), $(docker buildx version | cut -d ' ' -f 2)"
}

# Lists and sources of its own, so that the machine never sees Debian 13 among its packages.
download_plugins() {
    local work=$1
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    printf 'deb [signed-by=%s] %s trixie main\n' "$trixie_keyring" "$mirror" >"$work/trixie.list"
    local apt_options=(
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
        -o "Dir::Etc::sourcelist=$work/trixie.list" -o Dir::Etc::sourceparts=/dev/null
        -o APT::Sandbox::User=root
    )
    (cd "$work" && apt_get "${apt_options[@]}" update \
        && apt_get "${apt_options[@]}" download docker-compose docker-buildx)
}

# --- PgBouncer and a PostgreSQL older than the images', for tests that start them by themselves ----------------------

need_servers() {
    local policy=/usr/sbin/policy-rc.d postgres=/usr/lib/postgresql/15/bin/postgres
    if [[ -x /usr/sbin/pgbouncer && -x $postgres ]]; then
        say "servers: $(/usr/sbin/pgbouncer --version | head -n 1), $("$postgres" --version)"
        return
    fi
    [[ $(id -u) == 0 ]] || die "pgbouncer or PostgreSQL 15 is missing; run me as root or install them"
    # Debian's packages start what they install, and make a cluster of their own: neither is wanted.
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 0755 "$policy"
        policy_is_ours=$policy
    fi
    install -d /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/tenantship.conf
    need_packages /usr/sbin/pgbouncer=pgbouncer "$postgres=postgresql-15"
}

# --- the stand-in base images ---------------------------------------------------------------------------------------

images_present() { docker image inspect "$PYTHON_IMAGE" "$POSTGRES_IMAGE" >/dev/null 2>&1; }

provide_images() {
    local tarball=$cache_dir/standins-$standin_tag.tar
    if images_present; then
        say "images: present ($standin_tag)"
        return
    fi
    if [[ -e $tarball ]]; then
        say "images: load $tarball"
        if quietly docker load --input "$tarball" && images_present; then
            say "images: loaded"
            return
        fi
        say "images: the tarball is damaged, build anew"
        rm -f "$tarball"
    fi
    build_images
    mkdir -p "$cache_dir"
    docker save --output "$tarball.part" "$PYTHON_IMAGE" "$POSTGRES_IMAGE"
    find "$cache_dir" -name 'standins-*.tar' -delete
    mv "$tarball.part" "$tarball"
    say "images: saved to $tarball ($(du -h "$tarball" | cut -f 1))"
}

build_images() {
    local work=$work_dir/images debian_image=tenantship-standin/debian:$standin_tag
    mkdir "$work"
    need_packages mmdebstrap=mmdebstrap
    say "images: debian root file system (about 40 s)"
    retry quietly "$machine_dir/debian/build.sh" "$mirror" "$work/root.tar"
    docker import "$work/root.tar" "$debian_image" >/dev/null
    say "images: python stand-in"
    cp -r "$machine_dir/python" "$machine_dir/postgres" "$work/"
    cp "$ca_bundle" "$work/python/ca-certificates.crt"
    retry quietly docker build --build-arg "DEBIAN_IMAGE=$debian_image" -t "$PYTHON_IMAGE" "$work/python"
    say "images: postgres stand-in"
    retry quietly docker build --build-arg "PYTHON_IMAGE=$PYTHON_IMAGE" -t "$POSTGRES_IMAGE" "$work/postgres"
}

mkdir -p "$cache_dir"
exec 9>"$cache_dir/lock"
flock 9 # two runs at once would install and build twice
work_dir=$(mktemp -d -t tenantship-machine.XXXXXX)
policy_is_ours=
trap 'rm -rf "$work_dir" ${policy_is_ours:+"$policy_is_ours"}' EXIT
start_engine
install_plugins
need_servers
provide_images
say "ready: $PYTHON_IMAGE $POSTGRES_IMAGE"
