#!/usr/bin/env bash
# Writes the files beside it, which TestTrailOfEightChainsGoesOn loads: the databases and the checkpoints of an
# installation of release 52c28f6, the last one whose audit trail consists of eight chains. All data and keys are those
# of tests. Needs Git, Go, curl, sqlite3, pg_dump, and an empty database at DATABASE_URL:
#   DATABASE_URL=postgres://… bash cmd/healthcare/testdata/eight_chains/make.sh
set -euo pipefail
umask 077
here="$(cd "$(dirname "$0")" && pwd)"
release=52c28f6804e023742a9357ae5c17aa555449bc30
work="$(mktemp -d)"
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$work"' EXIT

mkdir "$work/source"
git -C "$(git -C "$here" rev-parse --show-toplevel)" archive "$release" | tar -x -C "$work/source"
(cd "$work/source" && go build -trimpath -buildvcs=false -o "$work/healthcare" ./cmd/healthcare)

# call TOKEN METHOD PATH [BODY]: prints the response.
call() {
	curl -s -X "$2" "$api$3" -H "Authorization: Bearer $1" -H 'Content-Type: application/json' ${4:+-d "$4"}
}

# field NAME: prints the first text field of that name in a JSON document.
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

# sign_up NAME EMAIL: registers and signs in a user, and prints the access token.
sign_up() {
	call '' POST /auth/register/ "{\"name\":\"$1\",\"email\":\"$2\",\"password\":\"correct horse\"}" > /dev/null
	call '' POST /auth/login/ "{\"email\":\"$2\",\"password\":\"correct horse\"}" | field access
}

# record NAME [VARIABLE=VALUE]: runs the release in an empty folder, sends requests and stops it. The keys are those of
# cmd/internal/harness.
record() {
	local name=$1 asha vikram verma khan doctor
	shift
	mkdir "$work/$name"
	env -i DATA_DIR="$work/$name" HTTP_ADDRESS=127.0.0.1:0 PASSWORD_HASH_MEMORY=64 PASSWORD_HASH_ITERATIONS=1 \
		SECRET_KEY=kT5z0qPwX1v8Lr3Jc7Hd9Mb2Ny4Gf6Sa-of-the-tests \
		AUDIT_KEY=Wm4sQz7cVb1nKx9pRt3yHd6fJg0lUe5a-of-the-tests "$@" \
		"$work/healthcare" > "$work/$name/output" &
	server=$!
	until grep -q 'listens on' "$work/$name/output"; do kill -0 "$server" && sleep 0.1; done
	api="$(grep -o 'http://[^ ,]*' "$work/$name/output" | head -n 1)/api"

	asha="$(sign_up 'Asha Rao' asha@clinic.example)"
	vikram="$(sign_up 'Vikram Iyer' vikram@clinic.example)"
	verma="$(call "$asha" POST /patients/ '{"name":"Ananya Verma","age":31,"gender":"Female"}' | field id)"
	khan="$(call "$vikram" POST /patients/ '{"name":"Imran Khan","age":52,"gender":"Male"}' | field id)"
	doctor="$(call "$asha" POST /doctors/ \
		'{"name":"Dr. Vikram Khanna","specialization":"Dermatology","experience":9}' | field id)"
	call "$asha" POST /mappings/ "{\"patient\":\"$verma\",\"doctor\":\"$doctor\"}"
	call "$asha" PATCH "/patients/$verma/" '{"notes":"Allergic to penicillin"}'
	call "$asha" GET "/patients/?search=verma"
	call "$asha" GET "/patients/$khan/" # refused
	call "$vikram" GET "/patients/$khan/"
	call "$vikram" DELETE "/patients/$khan/"
	call "$asha" GET "/mappings/$verma/"
	call "$asha" GET "/patients/$verma/"
	seq 8 | xargs -P 8 -I '{}' curl -s "$api/patients/" -H "Authorization: Bearer $vikram" \
		-H 'Content-Type: application/json' -d '{"name":"Patient {}","age":40,"gender":"Other"}' # in several chains
	kill "$server" && wait "$server"
	server=
	cp "$work/$name/audit-checkpoints.jsonl" "$here/$name.jsonl"
}

record sqlite > /dev/null
sqlite3 "$work/sqlite/healthcare.db" .dump > "$here/sqlite.sql"
record postgres "DATABASE_URL=$DATABASE_URL" > /dev/null
# Without comments, empty lines, settings of the session and commands of psql.
pg_dump --no-owner --no-privileges --no-comments --inserts --rows-per-insert=100 "$DATABASE_URL" |
	grep -vE '^((--|SET |SELECT pg_catalog.set_config|\\).*)?$' > "$here/postgres.sql"
