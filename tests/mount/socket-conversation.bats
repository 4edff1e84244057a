# Conversations: ctl and its verbs, data, clone, accept and listen; what the other end sees is asked of native programs.

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

# field CONVERSATION NAME: a line of its status.
field() {
	sed -n "s/^$2:\t//p" "$1/status"
}

one_waits() {
	[ "$(field "$1" Recvq)" = 1 ]
}

state_is() {
	[ "$(field "$1" State)" = "$2" ]
}

# -- The directory ----------------------------------------------------------------------------------------------------

@test "mkdir, ls, mv, chmod, rmdir" {
	umask 022
	mkdir "$TCP/a"
	same "drwxr-xr-x root" "$(stat -c '%A %U' "$TCP/a")"
	same "accept ctl data error listen local options peer queued remote status" "$(ls "$TCP/a" | xargs)"
	same Idle "$(field "$TCP/a" State)"
	same "" "$(cat "$TCP/a/local" "$TCP/a/remote" "$TCP/a/peer" | tr -d '\n')"
	same none "$(cat "$TCP/a/error")"
	refused EEXIST mkdir "$TCP/a"
	refused EEXIST mkdir "$TCP/dial"
	mv "$TCP/a" "$TCP/b"
	same "b clone dial" "$(ls "$TCP" | xargs)"
	same b "$(field "$TCP/b" Name)"
	chmod 700 "$TCP/b"
	same drwx------ "$(stat -c %A "$TCP/b")"
	refused EACCES as 65534 cat "$TCP/b/status"
	refused EPERM as 65534 rmdir "$TCP/b"
	refused EPERM rm "$TCP/b/ctl"
	rmdir "$TCP/b"
	refused ENOENT cat "$TCP/b/status"
	mkdir "$IP/17/x"
	same "icmp ipv6-icmp udp" "$(ls "$IP" | xargs)"
	same x "$(basename "$IP"/udp/x)"
	same 17 "$(field "$IP/udp/x" Protocol)"
	rmdir "$IP/17/x"
	refused ENOENT ls "$IP/256"
	refused ENOENT ls "$IP/nonsense"
}

@test "clone: the lowest number that is free, until its last file is closed" {
	exec 7<>"$TCP/clone" 8<>"$TCP/clone"
	read -r first <&7
	read -r second <&8
	same "0 1" "$first $second"
	same drwx------ "$(stat -c %A "$TCP/0")"
	exec 9<>"$TCP/0/ctl"
	same 0 "$(cat <&9)"
	exec 7<&-
	[ -d "$TCP/0" ]
	exec 9<&-
	eventually [ ! -d "$TCP/0" ]
	mkdir "$TCP/2"
	exec 7<>"$TCP/clone" 9<>"$TCP/clone"
	read -r first <&7
	same "0 0 1 2 3 clone dial" "$first $(ls "$TCP" | xargs)"
	rmdir "$TCP/2"
	rmdir "$TCP/3"
	refused EIDRM cat <&9
	run ! bash -c 'echo "announce 127.0.0.1:0" >&9' 2>/dev/null
	exec 9<>"$TCP/clone"
	read -r second <&9
	same 2 "$second"
	# One that has another name goes as well.
	mv "$TCP/2" "$TCP/two"
	exec 7<&- 8<&- 9<&-
	eventually [ ! -e "$TCP/two" ]
	same "clone dial" "$(ls "$TCP" | xargs)"
}

@test "clone by an ordinary user: what is made is that user's, and nobody else's" {
	as 65534 bash -c '
		exec 7<>"$1/clone"
		read -r n <&7
		stat -c "%a %u" "$1/$n"
		echo "announce 127.0.0.1:0" >&7
		cat "$1/$n/local"' - "$TCP" >out
	same "700 65534" "$(head -1 out)"
	grep -q '^127.0.0.1:[1-9]' out
	as 65534 mkdir -m 700 "$TCP/theirs"
	refused EACCES as 1000 cat "$TCP/theirs/status"
	refused EPERM as 1000 rmdir "$TCP/theirs"
	as 65534 rmdir "$TCP/theirs"
}

@test "a user has 1024 conversations of a network at most, of ip's protocols all together" {
	as 1000 python3 -c '
import os, sys
for i in range(1024):
    os.mkdir(f"{sys.argv[1]}/{i}")
for i in range(1024):
    os.mkdir(f"{sys.argv[2]}/{i % 256}/{i}")' "$UDP" "$IP"
	refused ENOSPC as 1000 mkdir "$UDP/more"
	same "mkdir socket/udp/more: ENOSPC: you have 1024 conversations here already" "$(as 1000 cat "$IPC/why")"
	refused ENOSPC as 1000 cat "$UDP/clone"
	refused ENOSPC as 1000 mkdir "$IP/1/more"
	as 1001 mkdir "$UDP/more" "$IP/1/more"
	as 1000 rmdir "$UDP/7"
	as 1000 bash -c 'exec 7<>"$1/clone"; read -r n <&7; [ "$n" = 7 ]' - "$UDP"
	in_time 20000 remove_sockets

}

# -- Verbs ------------------------------------------------------------------------------------------------------------

@test "connect in bash, the way of Plan 9" {
	exec 7<>"$TCP/clone"
	read -r n <&7
	echo "connect 127.0.0.1:7000" >&7
	c=$TCP/$n
	same "127.0.0.1:7000" "$(cat "$c/remote")"
	same Connected "$(field "$c" State)"
	same ESTABLISHED "$(field "$c" Tcp_state)"
	same "$(cat "$c/local")" "$("$net" ss -Htn dst 127.0.0.1:7000 | awk '{ print $4 }')"
	exec 8<>"$c/data"
	echo hello >&8
	read -r line <&8
	same hello "$line"
	exec 7<&- 8<&-
	eventually [ ! -d "$c" ]
	eventually no_connection 127.0.0.1:7000
}

@test "connect to a name; several verbs in a write; no newline at the end" {
	converse tcp a
	printf 'connect localhost:7000' >"$c/ctl"
	same "127.0.0.1:7000" "$(cat "$c/remote")"
	printf 'hangup\nbind 127.0.0.1:0\nconnect 127.0.0.1:7000\n' >"$c/ctl"
	same Connected "$(field "$c" State)"
	echo hangup >"$c/ctl"
	same Idle "$(field "$c" State)"
	same "" "$(cat "$c/remote")"
}

@test "bind, then connect: from that address" {
	converse tcp a bind 127.0.0.5:0
	same Bound "$(field "$c" State)"
	local=$(cat "$c/local")
	[[ $local == 127.0.0.5:[1-9]* ]]
	echo "connect 127.0.0.1:7000" >"$c/ctl"
	same "$local 127.0.0.1:7000" "$(cat "$c/local") $(cat "$c/remote")"
	# A bound socket stays bound when it is refused.
	converse tcp b bind 127.0.0.5:5001
	local=$(cat "$c/local")
	refused ECONNREFUSED "$native" write-text "$c/ctl" "connect 127.0.0.1:1"
	same "Bound $local" "$(field "$c" State) $(cat "$c/local")"
	echo "connect 127.0.0.1:7000" >"$c/ctl"
	same "$local" "$(cat "$c/local")"
}

# say CONVERSATION VERB...
say() {
	"$native" write-text "$1/ctl" "${*:2}"
}

@test "refusals of verbs, in words" {
	converse tcp a
	refused EINVAL say "$c" nonsense
	why_is "connect ADDRESS, announce ADDRESS, bind ADDRESS, hangup, shutdown read, shutdown write"
	refused EINVAL say "$c" connect
	why_is "connect what?"
	refused EINVAL say "$c" "hangup now"
	refused EINVAL say "$c" "connect nowhere"
	refused EINVAL say "$c" "$(printf '%2000d' 7)"
	refused ENOTCONN say "$c" "shutdown write"
	refused ECONNREFUSED say "$c" "connect 127.0.0.1:1"
	why_is "write socket/tcp/a/ctl: ECONNREFUSED: nobody listens at 127.0.0.1:1"
	same "ECONNREFUSED Connection refused" "$(cat "$c/error")"
	refused ENOTCONN "$native" read-once "$c/data"
	why_is "write connect ADDRESS to ctl first"
	say "$c" "connect 127.0.0.1:7000"
	refused EISCONN say "$c" "connect 127.0.0.1:7000"
	refused EINVAL say "$c" "announce 127.0.0.1:0"
	refused EINVAL say "$c" "bind 127.0.0.1:0"
	why_is "it is connected already; hangup ends that"
	refused EINVAL say "$c" "shutdown sideways"
	refused EINVAL "$native" read-once "$c/accept"
	why_is "write announce ADDRESS to ctl first"
	say "$c" hangup
	say "$c" hangup
	say "$c" "announce 127.0.0.1:0"
	refused EINVAL say "$c" "announce 127.0.0.1:0"
	why_is "it is announced already"
	refused EISCONN say "$c" "connect 127.0.0.1:7000"
	refused ENOTCONN "$native" read-once "$c/data"
}

@test "addresses in use, not there, of others: the kernel's verdict for the caller" {
	converse tcp a
	refused EADDRINUSE say "$c" "announce 127.0.0.1:7000"
	refused EADDRNOTAVAIL say "$c" "announce 192.0.2.1:80"
	refused EADDRNOTAVAIL say "$c" "bind 192.0.2.1:80"
	refused ENETUNREACH say "$c" "connect 192.0.2.1:80"
	same Idle "$(field "$c" State)"
	as 65534 mkdir "$TCP/b"
	refused EACCES as 65534 "$native" write-text "$TCP/b/ctl" "announce 127.0.0.1:80"
	same "write socket/tcp/b/ctl: EACCES: ports below net.ipv4.ip_unprivileged_port_start (1024) are for root" \
		"$(as 65534 cat "$IPC/why")"
	say "$TCP/b" "announce 127.0.0.1:80"
	same 127.0.0.1:80 "$(cat "$TCP/b/local")"
	as 65534 mkdir "$IP/icmp/a"
	refused EPERM as 65534 "$native" write-text "$IP/icmp/a/ctl" "connect 127.0.0.1"
	refused EPERM as 65534 "$native" write-text "$IP/icmp/a/ctl" "announce *"
	rmdir "$IP/icmp/a"
}

@test "any address: both families; a name: IPv4 of the two" {
	announced tcp a :0
	same "[::]:$port" "$local"
	"$net" nc -z 127.0.0.1 "$port"
	"$net" nc -z ::1 "$port"
	announced tcp b "*:0"
	announced tcp c localhost:0
	same "127.0.0.1:$port" "$local"
	announced udp a :0
	same "[::]:$port" "$local"
}

# begin CONVERSATION VERB...: with O_NONBLOCK. A name takes its time, but it may be short: then it is done, or refused, at once.
begin() {
	begun=$("$native" nonblocking "$1/ctl" write "${*:2}" 2>&1) || [ "$begun" = EINPROGRESS ] ||
		[ "$begun" = ECONNREFUSED ] || [ "$begun" = EADDRINUSE ]
}

# -- Being called ------------------------------------------------------------------------------------------------------

@test "accept: the descriptor is the connection" {
	announced tcp a 127.0.0.1:0
	same "Announced LISTEN" "$(field "$c" State) $(field "$c" Tcp_state)"
	start_in open server bash -c 'exec 7<>"$1" && read -r line <&7 && echo "you said $line" >&7' - "$c/accept"
	same "you said hello" "$(echo hello | "$net" nc -N 127.0.0.1 "$port")"
	ended server
	same 1 "$(field "$c" Accepted)"
	same "" "$(cat "$c/peer")"
	# A caller waits until somebody accepts.
	start client "$net" nc 127.0.0.1 "$port"
	eventually one_waits "$c"
	exec 7<>"$c/accept" 8<>"$TCP/dial/$local" 9<>"$c/accept"
	same 2 "$(wc -l <"$c/peer")"
	same "$("$net" ss -Htn src "$local" | awk '{ print $5 }' | sort)" "$(sort "$c/peer")"
	exec 7<&-
	eventually count 1 "$c"
	exec 8<&- 9<&-
	ended client
}

@test "accept: O_NONBLOCK, poll on data, and what a signal leaves" {
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

@test "listen: the descriptor is the ctl of a new conversation" {
	announced tcp a 127.0.0.1:0
	start_in open server bash -c '
		exec 7<>"$1/a/listen" && read -r n <&7 && c=$1/$n && echo 1 >"$c/options/nodelay" &&
		cat "$c/peer" && exec 8<>"$c/data" && read -r line <&8 && echo "$n said $line" >&8' - "$TCP"
	same "0 said hello" "$(echo hello | "$net" nc -N -p 5555 127.0.0.1 "$port")"
	ended server
	same 127.0.0.1:5555 "$(said server)"
	eventually [ ! -d "$TCP/0" ]
	same "" "$(cat "$c/peer")"
	# Who has called is not lost where there can be no conversation.
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

@test "half-close, of each end" {
	announced tcp a 127.0.0.1:0
	# The peer's: all is read, and what is written arrives.
	start client "$net" bash -c 'echo question | nc -N 127.0.0.1 "$1"' - "$port"
	exec 7<>"$c/accept"
	same question "$(cat <&7)"
	echo answer >&7
	exec 7<&-
	ended client
	same answer "$(said client)"
	# One's own.
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

@test "hangup and rmdir wake whoever waits" {
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
		grep -q "Broken pipe" "$BATS_TEST_TMPDIR/writer.err"
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

@test "an open data belongs to the connection that it was opened for" {
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

@test "connect: interrupted, killed; nothing is left of it" {
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
	# Bound before.
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

@test "connect, of datagrams with an address, to a path that does not answer: interrupted, nothing is left of it" {
	# What a path is in the mount of another daemon, which is stopped.
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
	# The name is free again, and nobody but who is connected from now on is sent anything.
	say "$c" "bind @a"
	say "$c" "connect @a"
	same @a "$(cat "$c/remote")"
	kill "${pid[receiver]}"
	ended receiver 143
	umount other
	ended other
}

@test "connect: O_NONBLOCK says EINPROGRESS, data's POLLOUT and status tell the rest" {
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
	# One that is refused: who uses the conversation next is told, and so is `error`.
	for i in {1..50}; do
		begin "$c" connect localhost:1
		[ "$begun" = ECONNREFUSED ] || break
	done
	same EINPROGRESS "$begun"
	same "$c/data" "$("$native" wait-for poll write 20000 "$c/data" 2>/dev/null)"
	refused ECONNREFUSED "$native" read-once "$c/data"
	same "ECONNREFUSED Connection refused" "$(cat "$c/error")"
	same Idle "$(field "$c" State)"
	# Whatever goes on by itself ends with the conversation.
	refused EINPROGRESS "$native" nonblocking "$c/ctl" write "connect 127.0.0.1:9"
	rmdir "$c"
	eventually no_calls
}

@test "announce: O_NONBLOCK; who opens accept meanwhile waits" {
	converse tcp a
	begin "$c" announce localhost:0
	start_in open acceptor "$native" read-once "$c/accept"
	eventually state_is "$c" Announced
	echo hello | "$net" nc -N 127.0.0.1 "$(sed 's/.*://' "$c/local")"
	ended acceptor
	same hello "$(said acceptor)"
	say "$c" hangup
	# What comes of it is told by status and error.
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

@test "error: what the connection has met" {
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

@test "data opened before there is a connection is for the first there is" {
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

@test "linger 0: hangup is a reset" {
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

@test "what is written is all there when the last file is closed" {
	announced tcp a 127.0.0.1:0
	start peer "$net" bash -c 'nc -d 127.0.0.1 "$1" | sha256sum' - "$port"
	cat "$dir/bytes" "$dir/bytes" "$dir/bytes" "$dir/bytes" >"$c/accept"
	ended peer
	same "$(cat "$dir/bytes" "$dir/bytes" "$dir/bytes" "$dir/bytes" | sha256sum)" "$(said peer)"
}

@test "a connect that its writer does not wait for goes on by itself, though it takes a look-up" {
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
# Nobody looks at the conversation until it calls.
assert select.select([at], [], [], 20)[0]' "$c"
}
