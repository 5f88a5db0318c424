#!/bin/sh
# A web server and a database that find each other by name, as a compose file has
# them: only the web server's port is published.
#
#   sh web-and-database.sh up|try|down
#
# WEB and DATABASE name the images, PORT the port on this machine (empty: a free one).
set -eu

: "${WEB:=nginx}" "${DATABASE:=postgres}" "${PORT=8080}" "${PASSWORD:=secret}"

up() {
    sandbox network create --internal back >/dev/null
    sandbox network create front >/dev/null
    # On `back` alone, which has no way out.
    sandbox run -d --name db --network back -e "POSTGRES_PASSWORD=$PASSWORD" "$DATABASE" >/dev/null
    wait_for_database
    # On both: it is reached from outside, and reaches the database.
    sandbox run -d --name web --network front --network back -p "127.0.0.1:$PORT:80" "$WEB" >/dev/null
    echo "http://$(sandbox port web 80)/"
}

# The name is there at once; the service behind it takes its time.
wait_for_database() {
    tries=0
    until client back pg_isready -q -h db; do
        tries=$((tries + 1))
        if [ $tries = 100 ]; then
            sandbox logs db >&2
            exit 1
        fi
        sleep 0.5
    done
}

# A sandbox on a network, which lives as long as its command.
client() {
    network=$1
    shift
    sandbox run --quiet --network "$network" -e "PGPASSWORD=$PASSWORD" "$DATABASE" "$@"
}

try() {
    client back pgbench -h db -U postgres --quiet --initialize postgres
    client back pgbench -h db -U postgres --client 4 --transactions 50 postgres
    sandbox exec web getent hosts db
    # `front` leads to the web server only.
    if client front pg_isready -q -h db; then
        echo 'the database is seen from outside' >&2
        exit 1
    fi
    curl --fail --silent --show-error "http://$(sandbox port web 80)/"
}

down() {
    sandbox rm -f web db >/dev/null
    sandbox network rm front back
}

"$1"
