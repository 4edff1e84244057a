# shellcheck shell=bash
# Shared by the tests of conversations.

load "${BASH_SOURCE[0]%/*}/sockets"

setup_file() {
	new_mount
	new_network
	ipcfs_start
	serve_without_answer 127.0.0.1 9
	# An echo server at port 7000.
	serve socat TCP4-LISTEN:7000,bind=127.0.0.1,fork,reuseaddr,backlog=1024 EXEC:cat
	eventually listening -t 127.0.0.1:7000
}

# no_connection ADDRESS: whether no connection to it is open.
no_connection() {
	[ -z "$("$net" ss -Htn state established dst "$1")" ]
}

# open_connections N CONVERSATION: whether N of the connections accepted there are still open.
open_connections() {
	[ "$(wc -l <"$2/peer")" = "$1" ]
}

# one_waits CONVERSATION: whether one connection waits to be accepted.
one_waits() {
	[ "$(field "$1" Recvq)" = 1 ]
}

state_is() {
	[ "$(field "$1" State)" = "$2" ]
}
