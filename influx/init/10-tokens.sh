#!/bin/bash
# Run by InfluxDB's image once, after its set-up: the bucket for what stays of runs beside that of live points, a token that
# may only write both for the suite, and one that may only read both for Grafana, each in the volume of whoever uses it. If
# this fails the image undoes the set-up, so the next start tries again.
set -euo pipefail

# field NAME: the value of a field of the JSON on standard input.
field() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

# InfluxQL reads the bucket lab/runs as the retention policy "runs" of the database lab.
runs_bucket_id=$(influx bucket create --org "$DOCKER_INFLUXDB_INIT_ORG" --name "$DOCKER_INFLUXDB_INIT_BUCKET/runs" \
    --retention "${INFLUX_RUNS_RETENTION:-365d}" --json | field id)
if [ -z "$runs_bucket_id" ]; then
    echo "influx bucket create gave no bucket for what stays of runs" >&2
    exit 1
fi

# make_token FILE MODE DESCRIPTION PERMISSION
make_token() {
    local token
    token=$(influx auth create --org "$DOCKER_INFLUXDB_INIT_ORG" --description "$3" \
        "$4" "$DOCKER_INFLUXDB_INIT_BUCKET_ID" "$4" "$runs_bucket_id" --json | field token)
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
