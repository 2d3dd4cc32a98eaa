#!/usr/bin/env bash
# build.sh MIRROR OUT.tar: writes the root file system that both stand-ins start from.
set -euo pipefail
exec mmdebstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Retries "5"' \
    bookworm "$2" "$1"
