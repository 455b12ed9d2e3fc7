# Runs a throwaway PostgreSQL server for as long as the test process lives, and removes its folder when the server has ended.
# sh -c supervise.sh NAME BIN FOLDER PRIMARY [-c SETTING=VALUE]...
#   PRIMARY  the folder of another such server, for a streaming replica of it; empty: a server of its own
#   fd 3  the lifeline: a pipe whose other end only the test process holds, so that it ends when that process does, by whatever death; a line on it
#         stops the server and keeps its data, the next line starts it again
#   fd 4  the locked folder, inherited by every process below: the lock is free when the last of them has ended
#   fd 1  hears the end of the server's log, then EOF when all is done
bin=$1 folder=$2 primary=$3
shift 3

# Nothing but the lifeline ends this shell: it has to outlive the test process in order to clean up.
trap '' INT HUP TERM

# end PID: waits for the lifeline's end, or a line, then has the process end too.
end() {
	read -r _ <&3 && touch "$folder/paused"
	n=0
	# Again and again, as a program that is just starting does not listen yet; after 5 seconds without checkpoint and farewells.
	while kill -INT "$1" && [ $n -lt 50 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	kill -QUIT "$1"
}

# run PROGRAM ARGUMENTS...: runs it until it ends, or until the lifeline does.
run() {
	"$@" >"$folder/log" 2>&1 &
	program=$!
	end $program >/dev/null 2>&1 &
	ender=$!
	wait $program
	status=$?
	kill -KILL $ender # else it would later signal whoever has the program's number by then
	return $status
}

# The port only names the socket in our own folder, so 5432 is always free. Shared memory is in that folder too (mmap), so that even a
# crash leaves none behind. Durability is off, for nothing here outlives the tests, unless the settings at the end say otherwise: of two the later
# counts.
make_data() {
	if [ -n "$primary" ]; then
		run "$bin/pg_basebackup" -D "$folder/data" -h "$primary" -p 5432 -U app --write-recovery-conf --checkpoint=fast --no-sync
	else
		run "$bin/initdb" -D "$folder/data" -U app -A trust -E UTF8 --locale=C.UTF-8 --no-sync
	fi
}

serve() {
	run "$bin/postgres" -D "$folder/data" -k "$folder" -p 5432 -c listen_addresses= -c max_connections=200 -c shared_buffers=64MB \
		-c dynamic_shared_memory_type=mmap -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
		-c autovacuum=off -c log_min_messages=log -c log_error_verbosity=terse "$@"
}

if make_data; then
	serve "$@"
	while [ -e "$folder/paused" ] && read -r _ <&3; do
		rm "$folder/paused"
		serve "$@"
	done
fi

tail -n 5 "$folder/log"
rm -rf "$folder" || { sleep 1 && rm -rf "$folder"; } # a backend that outlives a crashed server may still write for a moment
