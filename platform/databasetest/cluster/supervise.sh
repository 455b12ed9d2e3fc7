# Runs a throwaway PostgreSQL server until the test process ends, then stops the server and removes its folder.
# sh -c supervise.sh NAME BIN FOLDER PRIMARY [-c SETTING=VALUE]...
#   PRIMARY  the folder of the server to replicate; empty: no replica
#   fd 3  the lifeline: a pipe whose other end only the test process has open, so that the kernel closes it when that
#         process ends; a line on it stops the server and keeps its data, the next line starts it again
#   fd 4  the locked folder, inherited by every process below: the lock is free when the last of them has ended
#   fd 1  receives the end of the server's log, then EOF at the end
bin=$1 folder=$2 primary=$3
shift 3

# Only the lifeline ends this shell: it cleans up after the test process has ended.
trap '' INT HUP TERM

# end PID: waits for the end of the lifeline, or for a line, then ends the process.
end() {
	read -r _ <&3 && touch "$folder/paused"
	n=0
	# Repeated, as a program that is starting ignores the signal. After 5 seconds it is ended without a checkpoint.
	while kill -INT "$1" && [ $n -lt 50 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	kill -QUIT "$1"
}

# run PROGRAM ARGUMENTS...: runs it until it ends, or until the lifeline ends.
run() {
	"$@" >"$folder/log" 2>&1 &
	program=$!
	end $program >/dev/null 2>&1 &
	ender=$!
	wait $program
	status=$?
	kill -KILL $ender # else it could signal a later process with the same id
	return $status
}

# The port only names the socket in our own folder, so 5432 is always free. Shared memory is in that folder too (mmap),
# so that a crash leaves none behind. Durability is off, unless the settings at the end turn it on: the last value of a
# setting applies.
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
