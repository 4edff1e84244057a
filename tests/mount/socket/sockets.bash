# shellcheck shell=bash
# Shared by the tests of sockets, beside helper.bash. The daemon of a test file runs in a network namespace of its own,
# where every port is free. A dial through the tree connects inside that namespace; `$net COMMAND...` runs a native
# program there.

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

# Removes conversations, and sockets bound in the tree.
remove_sockets() {
	find "$TCP" "$UDP" "$UNIX" "$UNIXGRAM" "$UNIXPACKET" "$IP"/*/ -mindepth 1 -maxdepth 1 ! -name dial \
		\( -type d -exec rmdir {} + -o -type s -delete \)
}

# converse NETWORK NAME [VERB...]: makes a conversation and writes the verb to its ctl. Sets $c to its directory.
converse() {
	c=$SOCK/$1/$2
	mkdir "$c"
	[ $# = 2 ] || echo "${*:3}" >"$c/ctl"
}

# say CONVERSATION VERB...: writes a verb to ctl.
say() {
	"$native" write-text "$1/ctl" "${*:2}"
}

# field CONVERSATION NAME: prints the value of a line of its status.
field() {
	sed -n "s/^$2:\t//p" "$1/status"
}

# announced NETWORK NAME ADDRESS: makes an announced conversation. Sets $c to its directory, $local to its address and
# $port.
announced() {
	converse "$1" "$2" announce "$3"
	local=$(cat "$c/local")
	port=${local##*:}
}

# listening OPTION ADDRESS: whether a native server listens at the address, by ss(8): listening -t :8080.
listening() {
	"$net" ss -Hln "$1" | grep -qF -- "$2"
}

# serve COMMAND...: starts a server for all tests of a file. Its output goes to $dir/servers.log.
serve() {
	"$net" "$@" >>"$dir/servers.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >>"$dir/servers"
}

# serve_without_answer ADDRESS PORT: a connect to that port gets no answer. The kernel drops it, because the backlog is
# full.
serve_without_answer() {
	serve python3 -c '
import signal, socket, sys
listener = socket.socket()
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(0)
socket.create_connection(listener.getsockname())
print("no program answers at", *sys.argv[1:], flush=True)
signal.pause()' "$@"
	eventually grep -q "no program answers at $*" "$dir/servers.log"
	eventually no_answer "$@"
}

# no_answer ADDRESS PORT: whether a native connect gets no answer.
no_answer() {
	local status=0
	"$net" timeout 0.3 nc -z "$@" || status=$?
	[ "$status" = 124 ]
}

# Whether no connect is in progress.
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

# start_polling NAME ARGUMENT...: starts wait-for (see `native`), and waits until it has opened the files.
start_polling() {
	start "$1" "$native" wait-for "${@:2}"
	eventually grep -q waiting "$BATS_TEST_TMPDIR/$1.err"
}
