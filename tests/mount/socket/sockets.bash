# shellcheck shell=bash
# What the tests of sockets share, beside helper.bash. The daemon is in a network namespace of the file's own, where every
# port is free. What is dialled through the tree is in there; `$net COMMAND...` runs the native other side in there.

load "${BASH_SOURCE[0]%/*}/../helper"

setup_file() {
	new_mount
	new_network
	ipcfs_start
}

teardown_file() {
	end_servers && ipcfs_stop && umount "$dir/network" && rm -r "$dir"
}

setup() {
	declare -gA pid=()
	cd "$dir" || return
}

teardown() {
	local bad=0
	end_all || bad=1
	remove_sockets || bad=1
	quiet_log || bad=1
	return "$bad"
}

new_network() {
	export SOCK=$IPC/socket net=$dir/net
	export TCP=$SOCK/tcp UDP=$SOCK/udp UNIX=$SOCK/unix UNIXGRAM=$SOCK/unixgram UNIXPACKET=$SOCK/unixpacket
	export IP=$SOCK/ip
	: >"$dir/network"
	unshare --net="$dir/network" ip link set lo up
	printf '#!/bin/sh\nexec nsenter --net="%s" "$@"\n' "$dir/network" >"$net"
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$net" "$IPCFS" >"$dir/ipcfs"
	chmod 755 "$net" "$dir/ipcfs"
	export IPCFS=$dir/ipcfs
}

# Conversations, and sockets bound in the tree.
remove_sockets() {
	find "$TCP" "$UDP" "$UNIX" "$UNIXGRAM" "$UNIXPACKET" "$IP"/*/ -mindepth 1 -maxdepth 1 ! -name dial \
		\( -type d -exec rmdir {} + -o -type s -delete \)
}

# converse NETWORK NAME [VERB...]: a conversation, what it is told; then $c is its directory.
converse() {
	c=$SOCK/$1/$2
	mkdir "$c"
	[ $# = 2 ] || echo "${*:3}" >"$c/ctl"
}

# say CONVERSATION VERB...
say() {
	"$native" write-text "$1/ctl" "${*:2}"
}

# field CONVERSATION NAME: a line of its status.
field() {
	sed -n "s/^$2:\t//p" "$1/status"
}

# announced NETWORK NAME ADDRESS: a conversation that can be called; then $c is its directory, $local where.
announced() {
	converse "$1" "$2" announce "$3"
	local=$(cat "$c/local")
	port=${local##*:}
}

# listening NETWORK-OPTION ADDRESS: whether a native server listens there, by ss(8): listening -t :8080.
listening() {
	"$net" ss -Hln "$1" | grep -qF -- "$2"
}

# serve COMMAND...: a server for all tests of a file; what it says is in $dir/servers.log.
serve() {
	"$net" "$@" >>"$dir/servers.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >>"$dir/servers"
}

# serve_nobody ADDRESS PORT: a call there gets no answer: the kernel drops it, since the listener's queue is full.
serve_nobody() {
	serve python3 -c '
import signal, socket, sys
listener = socket.socket()
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(0)
socket.create_connection(listener.getsockname())
print("nobody answers at", *sys.argv[1:], flush=True)
signal.pause()' "$@"
	eventually grep -q "nobody answers at $*" "$dir/servers.log"
	eventually no_answer "$@"
}

# no_answer ADDRESS PORT: a native call gets none.
no_answer() {
	local status=0
	"$net" timeout 0.3 nc -z "$@" || status=$?
	[ "$status" = 124 ]
}

# Nobody is calling.
no_calls() {
	[ -z "$("$net" ss -Htn state syn-sent)" ]
}

end_servers() {
	local server
	[ -e "$dir/servers" ] || return 0
	while read -r server; do
		kill "$server" 2>/dev/null || true
		eventually is_gone "$server" || return
	done <"$dir/servers"
}

# start_polling NAME ARGUMENT...: wait-for (see `native`), and waits until it has opened the files.
start_polling() {
	start "$1" "$native" wait-for "${@:2}"
	eventually grep -q waiting "$BATS_TEST_TMPDIR/$1.err"
}
