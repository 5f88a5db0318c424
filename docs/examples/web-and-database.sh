#!/bin/sh
# A web server and a database that find each other by name, as a compose file has
# them: only the web server's port is published.
#
#   sh web-and-database.sh up|down
#
# WEB and DATABASE name the images, PORT the port on this machine.
set -eu

: "${WEB:=nginx}" "${DATABASE:=postgres}" "${PORT:=8080}"

up() {
    sandbox network create --internal back >/dev/null
    sandbox network create front >/dev/null
    # On `back` alone, which has no way out.
    sandbox run -d --name db --network back -e POSTGRES_PASSWORD=secret "$DATABASE"
    # On both: it is reached from outside, and reaches the database.
    sandbox run -d --name web --network front --network back -p "127.0.0.1:$PORT:80" "$WEB"
}

down() {
    sandbox rm -f web db
    sandbox network rm front back
}

"$1"
