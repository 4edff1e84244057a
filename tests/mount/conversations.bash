# shellcheck shell=bash
# What the tests of conversations share.

load sockets

setup_file() {
	new_mount
	new_network
	ipcfs_start
	# Nobody answers a call at port 9: the kernel drops it, since the listener's queue is full.
	serve python3 -c '
import signal, socket
listener = socket.socket()
listener.bind(("127.0.0.1", 9))
listener.listen(0)
socket.create_connection(("127.0.0.1", 9))
print("nobody answers", flush=True)
signal.pause()'
	eventually grep -q "nobody answers" "$dir/servers.log"
	eventually no_answer
	# At port 7000 a server says what it is told.
	serve socat TCP4-LISTEN:7000,bind=127.0.0.1,fork,reuseaddr,backlog=1024 EXEC:cat
	eventually listening -t 127.0.0.1:7000
}

no_answer() {
	local status=0
	"$net" timeout 0.3 nc -z 127.0.0.1 9 || status=$?
	[ "$status" = 124 ]
}

no_calls() {
	[ -z "$("$net" ss -Htn state syn-sent)" ]
}

# no_connection ADDRESS: nobody is connected with it.
no_connection() {
	[ -z "$("$net" ss -Htn state established dst "$1")" ]
}

# count N CONVERSATION: as many connections accepted there are still open.
count() {
	[ "$(wc -l <"$2/peer")" = "$1" ]
}

one_waits() {
	[ "$(field "$1" Recvq)" = 1 ]
}

state_is() {
	[ "$(field "$1" State)" = "$2" ]
}
