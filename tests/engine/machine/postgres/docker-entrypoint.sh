#!/usr/bin/env bash
# What the official image's entrypoint does with an empty data folder, in the same order: initdb, a temporary
# server on the socket only, the database, /docker-entrypoint-initdb.d, stop; then the real server.
set -euo pipefail

die() { printf 'Error: %s\n' "$*" >&2; exit 1; }

# NAME or the content of the file that NAME_FILE points to; both at once is a mistake.
file_env() {
    local name=$1 fallback=${2:-} from_file="${1}_FILE"
    [[ -z ${!name:-} || -z ${!from_file:-} ]] || die "both $name and $from_file are set (but are exclusive)"
    local value=${!name:-$fallback}
    if [[ -n ${!from_file:-} ]]; then value=$(<"${!from_file}"); fi
    export "$name=$value"
    unset "$from_file"
}

process_init_file() {
    local file=$1
    printf '%s: running %s\n' "$0" "$file"
    case $file in
        *.sh)
            if [[ -x $file ]]; then
                "$file"
            else
                # shellcheck source=/dev/null
                . "$file"
            fi
            ;;
        *.sql) psql_here -f "$file" ;;
        *.sql.gz) gunzip -c "$file" | psql_here ;;
        *) printf '%s: ignoring %s\n' "$0" "$file" ;;
    esac
}

psql_here() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"; }

initialise() {
    file_env POSTGRES_PASSWORD
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    [[ -n $POSTGRES_PASSWORD || $method == trust ]] \
        || die "Database is uninitialized and superuser password is not specified. Set POSTGRES_PASSWORD."

    # shellcheck disable=SC2086  # POSTGRES_INITDB_ARGS is a list of words, as in the official image
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p ${PGPORT:-5432}" -w start
    if [[ $POSTGRES_DB != postgres ]]; then
        psql_here --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
    fi
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        [[ -e $file ]] || continue
        process_init_file "$file"
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

[[ ${1:-} == -* ]] && set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
    if [[ $(id -u) == 0 ]]; then
        install -d -m 0700 "$PGDATA"
        find "$PGDATA" \! -user postgres -exec chown postgres {} +
        find /var/run/postgresql \! -user postgres -exec chown postgres {} +
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    chmod 0700 "$PGDATA"
    if [[ ! -s $PGDATA/PG_VERSION ]]; then initialise; fi
    unset POSTGRES_PASSWORD
fi
exec "$@"
