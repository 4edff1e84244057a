# The examples of sockets, with each other and with programs that do not use ipcfs.
load ../socket/sockets

setup_file() {
	new_mount
	new_network
	export examples=$BATS_TEST_DIRNAME/../../../examples
	"${CC:-cc}" -Wall -Wextra -Werror -o "$dir/socket-chat" "$examples/c/socket-chat.c"
	ipcfs_start
}

# serving NAME COMMAND...: runs a server in the background and waits until it prints its address, which $where then has.
serving() {
	start "$@"
	eventually [ -s "$BATS_TEST_TMPDIR/$1" ]
	where=$(head -n 1 "$BATS_TEST_TMPDIR/$1")
}

# interrupted NAME: SIGINT ends the server, and its conversation is removed.
interrupted() {
	local status=0
	kill -INT "${pid[$1]}"
	eventually is_gone "${pid[$1]}"
	wait "${pid[$1]}" || status=$?
	unset "pid[$1]"
	same "" "$(find "$SOCK"/{tcp,udp,unix,unixgram,unixpacket} -mindepth 1 -maxdepth 1 ! -name dial ! -name clone)"
}

# Background commands of bash ignore SIGINT by default.
interruptible() {
	serving "$1" env --default-signal=INT "${@:2}"
}

# talking NAME COMMAND...: runs a command in the background whose standard input is the text that is written to descriptor 7. The
# inner shell opens it, because bash replaces the standard input of a background function.
talking() {
	local in=$BATS_TEST_TMPDIR/$1.in
	mkfifo "$in"
	exec 7<>"$in"
	# shellcheck disable=SC2016 # the inner shell's
	start "$1" sh -c 'in=$1; shift; exec "$@" <"$in"' sh "$in" "${@:2}"
}

@test "socket-serve answers nc, curl, socket_dial.py and socket-chat" {
	interruptible server "$examples/shell/socket-serve" "$TCP/upper" 127.0.0.1:0 tr a-z A-Z
	same HELLO "$(echo hello | "$net" nc -N 127.0.0.1 "${where##*:}")"
	same HELLO "$(echo hello | "$examples/python/socket_dial.py" "$TCP" "$where")"
	interrupted server

	interruptible server "$examples/shell/socket-serve" "$UNIX/page" @page sh -c '
		while read -r line && [ "$line" != "$(printf "\r")" ]; do :; done
		printf "HTTP/1.0 200 OK\r\n\r\nhello\n"'
	same hello "$("$net" curl -sS --abstract-unix-socket page http://any/)"
	same hello "$(printf 'GET / HTTP/1.0\r\n\r\n' | "$examples/python/socket_dial.py" "$UNIX" @page | tail -n 1)"
	interrupted server

	interruptible server "$examples/shell/socket-serve" "$UNIXPACKET/upper" @packets sed -u 's/^/you said /'
	talking caller ./socket-chat "$UNIXPACKET/dial/@packets"
	echo hello >&7
	eventually grep -q "you said hello" "$BATS_TEST_TMPDIR/caller"
	end_all
}

@test "socket-serve answers many connections at once" {
	interruptible server "$examples/shell/socket-serve" "$TCP/echo" 127.0.0.1:0 sed -u s/x/y/
	for i in {1..20}; do start "$i" sh -c 'echo "$2" | "$0" "$1" "$3"' "$examples/python/socket_dial.py" "$TCP" "$i" "$where"; done
	for i in {1..20}; do
		ended "$i"
		same "$i" "$(said "$i")"
	done
	# A silent connection does not delay others.
	exec 7<>"$TCP/dial/$where"
	same hello "$(echo hello | "$examples/python/socket_dial.py" "$TCP" "$where")"
	exec 7<&-
	# The server ends when its directory is removed.
	rmdir "$TCP/echo"
	eventually is_gone "${pid[server]}"
}

@test "socket_dial.py exchanges bulk data with socat, and reports a refused connection" {
	start server "$net" socat TCP6-LISTEN:7000,fork EXEC:cat
	eventually listening -t :7000
	"$examples/python/socket_dial.py" "$TCP" '[::1]:7000' <"$dir/bytes" >got
	same_bytes "$dir/bytes" got
	start server2 socat "UNIX-LISTEN:$dir/s" EXEC:cat
	eventually [ -S s ]
	"$examples/python/socket_dial.py" "$UNIX" "$dir/s" <"$dir/bytes" >got
	same_bytes "$dir/bytes" got
	run ! "$examples/python/socket_dial.py" "$TCP" 127.0.0.1:1
	[[ $output == *ConnectionRefusedError* ]]
	eventually same "clone dial" "$(ls "$TCP" | xargs)"
}

@test "socket-chat exchanges lines with socket-chat and with socat" {
	mkdir "$UNIX/talk"
	echo "announce @talk" >"$UNIX/talk/ctl"
	talking one ./socket-chat "$UNIX/talk/accept"
	exec 8>&7
	talking two ./socket-chat "$UNIX/dial/@talk"
	echo "it is me" >&7
	eventually grep -q "it is me" "$BATS_TEST_TMPDIR/one"
	echo "welcome" >&8
	eventually grep -q welcome "$BATS_TEST_TMPDIR/two"
	# The other program reads end of file.
	kill "${pid[two]}"
	ended two 143
	ended one
	talking three ./socket-chat "$UNIX/talk/accept"
	echo "from socat" | "$net" socat -u - ABSTRACT-CONNECT:talk
	ended three
	same "from socat" "$(said three)"
	exec 7>&- 8>&-
	run ! ./socket-chat "$UNIX/dial/@nobody"
	[[ $output == *"Connection refused"* ]]
}

@test "socket_records.py answers each datagram to its sender" {
	interruptible server "$examples/python/socket_records.py" "$UDP/numbers" 127.0.0.1:0
	talking caller "$net" nc -u 127.0.0.1 "${where##*:}"
	echo one >&7
	eventually grep -q '^1: one$' "$BATS_TEST_TMPDIR/caller"
	exec 7<>"$UDP/dial/$where"
	echo two >&7
	read -r line <&7
	exec 7<&-
	same "2: two" "$line"
	# A sender without an address gets no answer and does not delay others.
	interrupted server
	interruptible server "$examples/python/socket_records.py" "$UNIXGRAM/numbers" @numbers
	echo nobody | "$net" socat -u - ABSTRACT-SENDTO:numbers
	exec 7<>"$UNIXGRAM/dial/@numbers"
	echo three >&7
	read -r line <&7
	exec 7<&-
	same "2: three" "$line"
	interrupted server
	end_all
}

@test "each example prints its usage without arguments" {
	for program in "$examples"/shell/socket-serve "$examples"/python/socket_*.py ./socket-chat; do
		run ! "$program"
		[[ $output == *"usage: $(basename "$program") "* ]] || complain "$program printed: $output"
	done
}
