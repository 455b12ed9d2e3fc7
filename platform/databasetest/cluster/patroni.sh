# Ends everything that a test started for a cluster under Patroni, once the test process is gone or closes the lifeline, and removes the folder.
# sh -c patroni.sh NAME FOLDER
#   fd 3  the lifeline: a pipe whose other end only the test process holds
#   fd 1  reaches its end when all is done
folder=$1
trap '' INT HUP TERM
cat <&3

# signal SIGNAL FILE: signals the process whose number is in the file's first line, if it works in our folder.
signal() {
	pid=$(head -n 1 "$2" 2>/dev/null) || return 0
	case $(readlink "/proc/$pid/cwd") in "$folder"*) kill "-$1" "$pid" ;; esac
}

for node in "$folder"/*/patroni.pid; do signal KILL "$node"; done 2>/dev/null # first: it would start its server again
for node in "$folder"/*/data/postmaster.pid; do signal QUIT "$node"; done 2>/dev/null
signal KILL "$folder/etcd.pid" 2>/dev/null
sleep 1
rm -rf "$folder" || { sleep 2 && rm -rf "$folder"; }
