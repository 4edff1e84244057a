# The connections of conversations: accept and listen, data, how connections end, and verbs that take long.

load conversations

# begin CONVERSATION VERB...: writes the verb with O_NONBLOCK. A short look-up may be over at once, with success or an
# error.
begin() {
	begun=$("$native" nonblocking "$1/ctl" write "${*:2}" 2>&1) || [ "$begun" = EINPROGRESS ] ||
		[ "$begun" = ECONNREFUSED ] || [ "$begun" = EADDRINUSE ]
}

# -- Accepting ---------------------------------------------------------------------------------------------------------

@test "an open of accept is the accepted connection" {
	announced tcp a 127.0.0.1:0
	same "Announced LISTEN" "$(field "$c" State) $(field "$c" Tcp_state)"
	start_in open server bash -c 'exec 7<>"$1" && read -r line <&7 && echo "you said $line" >&7' - "$c/accept"
	same "you said hello" "$(echo hello | "$net" nc -N 127.0.0.1 "$port")"
	ended server
	same 1 "$(field "$c" Accepted)"
	same "" "$(cat "$c/peer")"
	# A client waits until its connection is accepted.
	start client "$net" nc 127.0.0.1 "$port"
	eventually one_waits "$c"
	exec 7<>"$c/accept" 8<>"$TCP/dial/$local" 9<>"$c/accept"
	same 2 "$(wc -l <"$c/peer")"
	same "$("$net" ss -Htn src "$local" | awk '{ print $5 }' | sort)" "$(sort "$c/peer")"
	exec 7<&-
	eventually open_connections 1 "$c"
	exec 8<&- 9<&-
	ended client
}

@test "accept: O_NONBLOCK fails with EAGAIN, poll on data reports a client, and a signal leaves no trace" {
	announced tcp a 127.0.0.1:0
	refused EAGAIN "$native" nonblocking "$c/accept" read
	same timeout "$("$native" wait-for poll read 50 "$c/data" 2>/dev/null)"
	start_in open hung env --default-signal=INT "$native" read-once "$c/accept"
	start_in open hung2 "$native" read-once "$c/accept"
	start_polling poller epoll read 20000 "$c/data"
	kill -INT "${pid[hung]}"
	in_time 5000 ended hung 130
	kill -KILL "${pid[hung2]}"
	in_time 5000 ended hung2 137
	exec 8<>"$TCP/dial/$local"
	ended poller
	same "$c/data" "$(said poller)"
	exec 7<>"$c/accept"
	echo hello >&8
	read -r line <&7
	same hello "$line"
	exec 7<&- 8<&-
}

@test "an open of listen is the ctl of a new conversation" {
	announced tcp a 127.0.0.1:0
	start_in open server bash -c '
		exec 7<>"$1/a/listen" && read -r n <&7 && c=$1/$n && echo 1 >"$c/options/nodelay" &&
		cat "$c/peer" && exec 8<>"$c/data" && read -r line <&8 && echo "$n said $line" >&8' - "$TCP"
	same "0 said hello" "$(echo hello | "$net" nc -N -p 5555 127.0.0.1 "$port")"
	ended server
	same 127.0.0.1:5555 "$(said server)"
	eventually [ ! -d "$TCP/0" ]
	same "" "$(cat "$c/peer")"
	# If no conversation can be made, the connection is not lost.
	as 1000 python3 -c 'import os, sys; [os.mkdir(f"{sys.argv[1]}/{i}") for i in range(1024)]' "$TCP"
	chmod 777 "$c"
	exec 8<>"$TCP/dial/$local"
	refused ENOSPC as 1000 cat "$c/listen"
	exec 7<>"$c/listen"
	read -r n <&7
	same 1024 "$n"
	same 1 "$(wc -l <"$c/peer")"
	echo hangup >&7
	same "" "$(cat "$c/peer")"
	same "" "$(cat <&8)"
	exec 7<&- 8<&-
}

# -- Half a connection, and its end ------------------------------------------------------------------------------------

@test "either end can close its half of the connection" {
	announced tcp a 127.0.0.1:0
	# The peer closes its half: all bytes can be read, and a write arrives.
	start client "$net" bash -c 'echo question | nc -N 127.0.0.1 "$1"' - "$port"
	exec 7<>"$c/accept"
	same question "$(cat <&7)"
	echo answer >&7
	exec 7<&-
	ended client
	same answer "$(said client)"
	# The conversation closes its half.
	exec 7<>"$TCP/dial/$local" 8<>"$c/listen"
	read -r n <&8
	d=$TCP/$n
	echo "last words" >"$d/data"
	echo "shutdown write" >&8
	same "last words" "$(cat <&7)"
	refused EPIPE bash -c 'trap "" PIPE; echo more >"$1/data"' - "$d"
	echo "still heard" >&7
	read -r line <"$d/data"
	same "still heard" "$line"
	same Connected "$(field "$d" State)"
	exec 7<&-
	eventually state_is "$d" Closed
	exec 8<&-
}

@test "shutdown read wakes a reader" {
	converse tcp a connect 127.0.0.1:7000
	start_in read reader "$native" read-once "$c/data"
	echo "shutdown read" >"$c/ctl"
	ended reader
	same "" "$(said reader)"
}

@test "hangup and rmdir wake all waiting requests" {
	for end in 'echo hangup >$c/ctl' 'rmdir $c'; do
		announced tcp a 127.0.0.1:0
		start_in open acceptor "$native" read-once "$c/accept"
		start_in open listener "$native" read-once "$c/listen"
		start_polling poller poll read 20000 "$c/data"
		eval "$end"
		ended acceptor 1
		same EINVAL "$(errors acceptor)"
		ended listener 1
		ended poller
		"$net" bash -c '! nc -z 127.0.0.1 "$1"' - "$port"
		[ ! -e "$c" ] || rmdir "$c"

		converse tcp a connect 127.0.0.1:7000
		exec 7<>"$c/data"
		start_in read reader "$native" read-once "$c/data"
		start writer bash -c 'trap "" PIPE; exec "$2" if=/dev/zero of="$1" bs=1M count=1000 conv=notrunc' - "$c/data" dd
		eventually "$native" is-in write "${pid[writer]}"
		eval "$end"
		ended reader
		ended writer 1
		# Bytes that the server sends too late may reset the connection.
		grep -qE "Broken pipe|Connection reset" "$BATS_TEST_TMPDIR/writer.err" || complain "$(errors writer)"
		exec 7<&-
		[ ! -e "$c" ] || rmdir "$c"

		converse tcp a
		start_in write caller "$native" write-text "$c/ctl" "connect 127.0.0.1:9"
		refused EALREADY say "$c" "announce 127.0.0.1:0"
		eval "$end"
		ended caller 1
		same ECONNABORTED "$(errors caller)"
		eventually no_calls
		[ ! -e "$c" ] || rmdir "$c"

		converse udp a announce 127.0.0.1:0
		start_in read reader "$native" read-once "$c/data"
		start_in read reader2 "$native" read-once "$c/records"
		eval "$end"
		ended reader
		ended reader2
		same "" "$(said reader)$(said reader2)"
		[ ! -e "$c" ] || rmdir "$c"
	done
}

@test "an open data belongs to the connection of its open" {
	converse tcp a connect 127.0.0.1:7000
	exec 7<>"$c/data"
	echo first >&7
	read -r line <&7
	echo hangup >"$c/ctl"
	echo "connect 127.0.0.1:7000" >"$c/ctl"
	exec 8<>"$c/data"
	echo second >&8
	same "" "$(cat <&7)"
	run ! bash -c 'trap "" PIPE; echo lost >&7' 2>/dev/null
	read -r line <&8
	same second "$line"
	exec 7<&- 8<&-
}

@test "an interrupted or killed connect leaves no trace" {
	converse tcp a
	start_in write hung env --default-signal=INT "$native" write-text "$c/ctl" "connect 127.0.0.1:9"
	same Connecting "$(field "$c" State)"
	refused EALREADY say "$c" "connect 127.0.0.1:7000"
	kill -INT "${pid[hung]}"
	in_time 5000 ended hung 130
	eventually no_calls
	same Idle "$(field "$c" State)"
	start_in write hung "$native" write-text "$c/ctl" "connect 127.0.0.1:9"
	kill -KILL "${pid[hung]}"
	in_time 5000 ended hung 137
	eventually no_calls
	say "$c" "connect 127.0.0.1:7000"
	say "$c" "hangup"
	# The same for a bound socket.
	say "$c" "bind 127.0.0.1:0"
	start_in write hung "$native" write-text "$c/ctl" "connect 127.0.0.1:9"
	kill -KILL "${pid[hung]}"
	in_time 5000 ended hung 137
	eventually no_calls
	eventually state_is "$c" Idle
	start_in write hung "$native" interruptible "$c/ctl" write "connect 127.0.0.1:9"
	kill -INT "${pid[hung]}"
	ended hung 1
	same EINTR "$(errors hung)"
}

@test "an interrupted connect of a bound datagram socket to a hanging path leaves no trace" {
	# The path is in the mount of another daemon, which is stopped.
	mkdir other
	start other "$IPCFS" -f --names "$dir/names2" "$dir/other"
	eventually is_mounted other
	start receiver python3 -c '
import signal, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
signal.pause()' "$dir/other/socket/unixgram/there"
	eventually [ -S other/socket/unixgram/there ]
	converse unixgram a bind @a
	kill -STOP "${pid[other]}"
	start_in write hung "$native" write-text "$c/ctl" "connect $dir/other/socket/unixgram/there"
	same Connecting "$(field "$c" State)"
	kill -KILL "${pid[hung]}"
	in_time 5000 ended hung 137
	eventually state_is "$c" Idle
	kill -CONT "${pid[other]}"
	# The name is free again, and messages go to the new peer only.
	say "$c" "bind @a"
	say "$c" "connect @a"
	same @a "$(cat "$c/remote")"
	kill "${pid[receiver]}"
	ended receiver 143
	umount other
	ended other
}

@test "connect with O_NONBLOCK fails with EINPROGRESS; POLLOUT on data and status report the end" {
	converse tcp a
	refused EINPROGRESS "$native" nonblocking "$c/ctl" write "connect 127.0.0.1:9"
	same Connecting "$(field "$c" State)"
	same timeout "$("$native" wait-for poll write 50 "$c/data" 2>/dev/null)"
	start_in read reader "$native" read-once "$c/data"
	say "$c" hangup
	ended reader 1
	same ENOTCONN "$(errors reader)"
	eventually no_calls
	begin "$c" connect localhost:7000
	same "$c/data" "$("$native" wait-for epoll write 20000 "$c/data" 2>/dev/null)"
	same Connected "$(field "$c" State)"
	exec 7<>"$c/data"
	echo hello >&7
	read -r line <&7
	same hello "$line"
	exec 7<&-
	say "$c" hangup
	# The next use of the conversation reports a refused connect, and so does `error`.
	for i in {1..50}; do
		begin "$c" connect localhost:1
		[ "$begun" = ECONNREFUSED ] || break
	done
	same EINPROGRESS "$begun"
	same "$c/data" "$("$native" wait-for poll write 20000 "$c/data" 2>/dev/null)"
	refused ECONNREFUSED "$native" read-once "$c/data"
	same "ECONNREFUSED Connection refused" "$(cat "$c/error")"
	same Idle "$(field "$c" State)"
	# A connect in progress ends with the conversation.
	refused EINPROGRESS "$native" nonblocking "$c/ctl" write "connect 127.0.0.1:9"
	rmdir "$c"
	eventually no_calls
}

@test "announce with O_NONBLOCK continues; an open of accept waits for it" {
	converse tcp a
	begin "$c" announce localhost:0
	start_in open acceptor "$native" read-once "$c/accept"
	eventually state_is "$c" Announced
	echo hello | "$net" nc -N 127.0.0.1 "$(sed 's/.*://' "$c/local")"
	ended acceptor
	same hello "$(said acceptor)"
	say "$c" hangup
	# status and error report the result.
	begin "$c" announce localhost:7000
	eventually state_is "$c" Idle
	same "EADDRINUSE Address already in use" "$(cat "$c/error")"
	mkdir place
	converse unix b
	begin "$c" announce "$dir/place/s"
	eventually state_is "$c" Announced
	[ -S place/s ]
	rm -r place
}

@test "error shows the last error of the connection" {
	announced tcp a 127.0.0.1:0
	start peer "$net" python3 -c '
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.recv(1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))' "$port"
	exec 7<>"$c/listen"
	read -r n <&7
	exec 8<>"$TCP/$n/data"
	echo x >&8
	ended peer
	refused ECONNRESET "$native" read-once "$TCP/$n/data"
	same "ECONNRESET Connection reset by peer" "$(cat "$TCP/$n/error")"
	same Closed "$(field "$TCP/$n" State)"
	exec 7<&- 8<&-
}

@test "data opened before a connection belongs to the first connection" {
	converse tcp a
	exec 7<>"$c/data"
	start_in write caller "$native" write-text "$c/ctl" "connect 127.0.0.1:9"
	start_in read reader "$native" read-once "$c/data"
	start_in write writer "$native" write-text "$c/data" hello
	say "$c" hangup
	ended caller 1
	ended reader 1
	ended writer 1
	same ENOTCONN "$(errors writer)"
	say "$c" "connect 127.0.0.1:7000"
	echo hello >&7
	read -r line <&7
	same hello "$line"
	exec 7<&-
	end_all
}

@test "hangup with linger 0 resets the connection" {
	announced tcp a 127.0.0.1:0
	for linger in off 0; do
		start peer "$net" python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
try:
    print(s.recv(100))
except OSError as e:
    print(e.strerror)' "$port"
		exec 7<>"$c/listen"
		read -r n <&7
		echo "$linger" >"$TCP/$n/options/linger"
		echo hangup >&7
		ended peer
		said peer
		exec 7<&-
	done >out
	same "b'' Connection reset by peer" "$(xargs -d '\n' <out)"
}

@test "all written bytes arrive after the last close" {
	announced tcp a 127.0.0.1:0
	start peer "$net" bash -c 'nc -d 127.0.0.1 "$1" | sha256sum' - "$port"
	cat "$dir/bytes" "$dir/bytes" "$dir/bytes" "$dir/bytes" >"$c/accept"
	ended peer
	same "$(cat "$dir/bytes" "$dir/bytes" "$dir/bytes" "$dir/bytes" | sha256sum)" "$(said peer)"
}

@test "a connect with O_NONBLOCK and a look-up completes without a waiting request" {
	converse tcp a
	"$net" python3 -c '
import errno, os, select, socket, sys
at = socket.create_server(("127.0.0.1", 0))
ctl = os.open(sys.argv[1] + "/ctl", os.O_WRONLY | os.O_NONBLOCK)
try:
    os.write(ctl, b"connect localhost:%d" % at.getsockname()[1])
except OSError as error:
    assert error.errno == errno.EINPROGRESS
os.close(ctl)
# The conversation is not used until its connection arrives.
assert select.select([at], [], [], 20)[0]' "$c"
}
