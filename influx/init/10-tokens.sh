#!/bin/bash
# Run by InfluxDB's image once, after its set-up: a token that may only write for the suite, one that may only read for
# Grafana, each in the volume of whoever uses it. If this fails the image undoes the set-up, so the next start tries again.
set -euo pipefail

# make_token FILE MODE DESCRIPTION PERMISSION
make_token() {
    local token
    token=$(influx auth create --org "$DOCKER_INFLUXDB_INIT_ORG" --description "$3" "$4" "$DOCKER_INFLUXDB_INIT_BUCKET_ID" --json |
        sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
    if [ -z "$token" ]; then
        echo "influx auth create gave no token for $3" >&2
        return 1
    fi
    rm -f "$1.new"
    (umask 077 && printf '%s' "$token" >"$1.new")
    chmod "$2" "$1.new"
    mv "$1.new" "$1"
}

make_token /run/lab/suite/influx-write-token 0400 "the load suite writes" --write-bucket
make_token /run/lab/grafana/influx-read-token 0444 "Grafana reads" --read-bucket
