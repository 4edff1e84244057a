# shellcheck shell=bash
# What the tests of conversations share.

load "${BASH_SOURCE[0]%/*}/sockets"

setup_file() {
	new_mount
	new_network
	ipcfs_start
	serve_nobody 127.0.0.1 9
	# At port 7000 a server says what it is told.
	serve socat TCP4-LISTEN:7000,bind=127.0.0.1,fork,reuseaddr,backlog=1024 EXEC:cat
	eventually listening -t 127.0.0.1:7000
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
