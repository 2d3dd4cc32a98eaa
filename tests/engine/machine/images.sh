#!/usr/bin/env bash
# Prints the names of the stand-in base images as PYTHON_IMAGE=… and POSTGRES_IMAGE=… (sourced: sets them).
# The tag is a hash over everything that goes into the images, so another recipe is another name.
set -euo pipefail

machine_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ca_bundle=/etc/ssl/certs/ca-certificates.crt
standin_tag=$(
    cd "$machine_dir"
    cat debian/* python/* postgres/* "$ca_bundle" | sha256sum | cut -c 1-12
)
PYTHON_IMAGE=tenantship-standin/python:$standin_tag
POSTGRES_IMAGE=tenantship-standin/postgres:$standin_tag

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    printf 'PYTHON_IMAGE=%s\nPOSTGRES_IMAGE=%s\n' "$PYTHON_IMAGE" "$POSTGRES_IMAGE"
fi
