# Conversations on datagram, seqpacket, unix and raw IP sockets: addresses and credentials of the peers.

load sockets

# -- Datagrams --------------------------------------------------------------------------------------------------------

@test "udp: records name the sender, and can be sent to any address" {
	announced udp a 127.0.0.1:0
	same Announced "$(field "$c" State)"
	start peers "$net" python3 -c '
import socket, sys
peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
for i, peer in enumerate(peers):
    peer.bind(("127.0.0.1", 5001 + i))
    peer.sendto(b"from %d" % i, ("127.0.0.1", int(sys.argv[1])))
for peer in peers:
    print(peer.recv(100).decode())' "$port"
	# Records are read in the format in which they are written.
	for i in 0 1 2; do
		"$native" read-once "$c/records" 27
	done >got
	printf '127.0.0.1:500%d 6\nfrom %d\n' 1 0 2 1 3 2 | diff - got
	sed 's/from/back to/; s/ 6$/ 9/' got >"$c/records"
	ended peers
	same "back to 0 back to 1 back to 2" "$(said peers | xargs)"
}

@test "udp: data, next, drain and lines receive messages, empty ones too; sending needs a destination" {
	announced udp a 127.0.0.1:0
	send() {
		"$net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for text in sys.argv[2:]:
    s.sendto(text.encode(), ("127.0.0.1", int(sys.argv[1])))' "$port" "$@"
	}
	send one two "" three
	same 3 "$(cat "$c/queued")"
	same 3 "$(stat -c %s "$c")"
	same one "$(cat "$c/next")"
	same two "$("$native" read-once "$c/data")"
	same "" "$("$native" read-once "$c/data")"
	send four five
	same "three four five" "$(xargs <"$c/drain")"
	send six seven
	same "six seven" "$(head -c 10 "$c/lines" | xargs)"
	refused EDESTADDRREQ "$native" write-text "$c/data" eight
	why_is "no destination"
	refused EINVAL "$native" write-text "$c/records" "localhost:7 1"$'\n7\n'
	refused EMSGSIZE bash -c 'head -c 70000 "$1" | cat "$1" - | "$2" write-once "$3"' - "$dir/bytes" "$native" "$c/data"
	start_in read reader "$native" read-once "$c/data"
	send nine
	ended reader
	same nine "$(said reader)"
	start_in read reader "$native" read-once "$c/data"
	kill -KILL "${pid[reader]}"
	in_time 5000 ended reader 137
	start_polling poller epoll read 20000 "$c/data"
	send ten
	ended poller
	same "$c/data" "$(said poller)"
}

@test "udp: connect selects the peer, and can select another one later" {
	local echo_after='
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    text, peer = s.recvfrom(100)
    s.sendto(sys.argv[2].encode() + text, peer)'
	start server "$net" python3 -c "$echo_after" 7001 "first "
	start server2 "$net" python3 -c "$echo_after" 7002 "second "
	eventually listening -u 127.0.0.1:7001
	eventually listening -u 127.0.0.1:7002
	converse udp a bind 127.0.0.1:5001
	same Bound "$(field "$c" State)"
	for address in 127.0.0.1:7001 127.0.0.1:7002; do
		say "$c" "connect $address"
		same "Connected 127.0.0.1:5001 $address $address" \
			"$(field "$c" State) $(cat "$c/local") $(cat "$c/remote") $(cat "$c/peer")"
		echo hello >"$c/data"
		"$native" read-once "$c/data"
	done >got
	same "first hello second hello" "$(xargs <got)"
	# No socket is bound at the address.
	say "$c" hangup
	say "$c" connect 127.0.0.1:1
	echo hello >"$c/data"
	refused ECONNREFUSED "$native" read-once "$c/data"
	end_all
}

# -- Unix sockets -----------------------------------------------------------------------------------------------------

@test "unix: a file that announce makes belongs to the caller and has the caller's umask" {
	mkdir -m 777 place
	as 65534 mkdir -m 711 "$UNIX/a"
	c=$UNIX/a
	as 65534 bash -c 'umask 027; echo "announce $1" >"$2/ctl"' - "$dir/place/s" "$c"
	same "srwxr-x--- 65534 65534" "$(stat -c '%A %u %g' place/s)"
	same "$dir/place/s" "$(cat "$c/local")"
	# The client sees the caller's credentials, not the daemon's; the server sees those of the client.
	start client "$native" as 65534:1234 python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print("uid=%d gid=%d" % struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
s.recv(1)' "$dir/place/s"
	exec 7<>"$c/accept"
	same "pid=${pid[client]} uid=65534 gid=1234" "$(cat "$c/peer")"
	echo x >&7
	ended client
	same "uid=65534 gid=65534" "$(said client)"
	exec 7<&-
	say "$c" hangup
	refused EADDRINUSE say "$c" "announce $dir/place/s"
	why_is "a file with this name exists: remove it if no server uses it"
	refused ENOENT say "$c" "announce $dir/place/none/s"
	why_is "directory of the path does not exist: make it first"
	refused ELOOP say "$c" "announce $UNIX/s"
	why_is "leads back into $IPC"
	chmod 700 place
	refused EACCES as 65534 bash -c 'echo "announce $1" >"$2/ctl"' - "$dir/place/t" "$c"
	[[ "$(as 65534 cat "$IPC/why")" == *"check the modes of the directories of the path" ]]
	rm place/s
	say "$c" "announce $dir/place/s"
	same "root" "$(stat -c %U place/s)"
	chmod 755 place
	say "$c" hangup
	refused EACCES as 65534 "$native" write-text "$c/ctl" "announce $dir/place/t"
	refused ENOENT say "$c" "announce $dir/nowhere/t"
	refused ELOOP say "$c" "announce $UNIX/t"
	refused EINVAL say "$c" "announce relative"
	rm -r place
}

@test "unix: connect to a path or an abstract name shows the caller's credentials" {
	mkdir -m 755 place
	for where in "$dir/place/s" "@ipcfs-$BASHPID"; do
		start server "$net" python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1].replace("@", "\0"))
s.listen()
if sys.argv[1][0] == "/":
    import os
    os.chmod(sys.argv[1], 0o666)
open(sys.argv[2], "w").close()
c, _ = s.accept()
print("uid=%d gid=%d" % struct.unpack("3i", c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
print(c.recv(100).decode())
c.send(b"welcome")' "$where" ready
		eventually [ -e ready ]
		as 65534 bash -c '
			exec 7<>"$1/clone"
			read -r n <&7
			echo "connect $2" >&7
			echo "$2" | diff - "$1/$n/remote"
			exec 8<>"$1/$n/data"
			printf hello >&8
			cat <&8' - "$UNIX" "$where" >answer
		ended server
		same "uid=65534 gid=65534 hello" "$(said server | xargs)"
		same welcome "$(cat answer)"
		rm ready
	done
	refused ECONNREFUSED say "$(mkdir "$UNIX/x" && echo "$UNIX/x")" "connect $dir/place/s"
	rm -r place
}

@test "unix: connect waits for room in a full backlog until a signal or a hang-up" {
	announced unix a "@full-$BASHPID"
	echo 0 >"$c/options/backlog"
	exec 7<>"$UNIX/dial/$local"
	for end in 'kill -KILL ${pid[caller]}' 'kill -INT ${pid[caller]}' 'rmdir $UNIX/b'; do
		converse unix b
		start_in write caller "$native" interruptible "$UNIX/b/ctl" write "connect $local"
		same Connecting "$(field "$UNIX/b" State)"
		eval "$end"
		eventually is_gone "${pid[caller]}"
		[ ! -e "$UNIX/b" ] || rmdir "$UNIX/b"
	done
	exec 7<&-
	# A connect that was given up may still arrive and end at once, so a new listener is used.
	rmdir "$UNIX/a"
	announced unix a "@full2-$BASHPID"
	echo 0 >"$c/options/backlog"
	exec 7<>"$UNIX/dial/$local"
	converse unix b
	start_in write caller "$native" write-text "$c/ctl" "connect $local"
	exec 8<>"$UNIX/a/accept"
	ended caller
	exec 9<>"$UNIX/a/accept"
	echo hello >"$UNIX/b/data"
	read -r line <&9
	same hello "$line"
	exec 7<&- 8<&- 9<&-
	# With O_NONBLOCK the poller completes the connect.
	exec 7<>"$UNIX/dial/$local"
	say "$UNIX/b" hangup
	refused EINPROGRESS "$native" nonblocking "$UNIX/b/ctl" write "connect $local"
	same Connecting "$(field "$UNIX/b" State)"
	exec 8<>"$UNIX/a/accept" 9<>"$UNIX/a/accept"
	same "$UNIX/b/data" "$("$native" wait-for poll write 20000 "$UNIX/b/data" 2>/dev/null)"
	same Connected "$(field "$UNIX/b" State)"
	exec 7<&- 8<&- 9<&-
}

@test "unixpacket: accept and listen transfer one message per write" {
	announced unixpacket a "@packet-$BASHPID"
	start client "$net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect("\0" + sys.argv[1][1:])
for text in b"one", b"", b"three":
    s.send(text)
print(s.recv(100).decode(), s.recv(100).decode())' "$local"
	exec 7<>"$c/accept"
	same "b'one' b'' b'th' b'ree'" "$(python3 -c '
import os
print(*(os.read(7, size) for size in (100, 100, 2, 100)))')"
	printf hello >&7
	printf world >&7
	ended client
	same "hello world" "$(said client)"
	same "" "$(cat <&7)"
	exec 7<&-
	start client "$net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect("\0" + sys.argv[1][1:])
s.send(b"one"); s.send(b"two")
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())' "$local"
	exec 8<>"$c/listen"
	read -r n <&8
	same "one two" "$(xargs <"$UNIXPACKET/$n/lines")"
	echo "three" >"$UNIXPACKET/$n/lines"
	ended client
	same three "$(said client)"
	exec 8<&-
}

@test "unixgram: records show the sender, and receivers see its credentials" {
	mkdir -m 777 place
	announced unixgram a "$dir/place/a"
	as 65534 mkdir -m 700 "$UNIXGRAM/b"
	as 65534 bash -c 'echo "bind $1/place/b" >"$2/ctl"' - "$dir" "$UNIXGRAM/b"
	same 65534 "$(stat -c %u place/b)"
	refused EACCES as 65534 "$native" write-text "$UNIXGRAM/b/ctl" "connect $dir/place/a"
	chmod 777 place/a
	as 65534 bash -c 'echo "connect $1/place/a" >"$2/ctl"' - "$dir" "$UNIXGRAM/b"
	as 65534 bash -c 'printf hello >"$1/data"' - "$UNIXGRAM/b"
	same "$dir/place/b 5 hello" "$("$native" read-once "$c/records" | xargs)"
	printf '%s 5\nworld\n' "$dir/place/b" >"$c/records"
	same world "$("$native" read-once "$UNIXGRAM/b/data")"
	# A receiver that asks for credentials sees those of the caller.
	start receiver "$net" python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("\0" + sys.argv[1])
open(sys.argv[2], "w").close()
data, control, _, _ = s.recvmsg(100, 100)
print(data.decode(), "uid=%d gid=%d" % struct.unpack("3i", control[0][2])[1:])' "gram-$BASHPID" ready
	eventually [ -e ready ]
	as 65534 bash -c 'printf "connect @%s" "$1" >"$2/ctl" && printf psst >"$2/data"' - "gram-$BASHPID" "$UNIXGRAM/b"
	ended receiver
	same "psst uid=65534 gid=65534" "$(said receiver)"
	rm -r place ready
}

# A second ipcfs, stopped, is a file system that does not answer, not even to signals.
@test "unixgram: a write to a path in a file system that does not answer can be interrupted and killed" {
	converse unixgram a
	mkdir other
	start other "$IPCFS" -f --names "$dir/other.names" "$dir/other"
	eventually is_mounted "$dir/other"
	start receiver "$net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
for n in range(2): print(s.recv(100).decode(), flush=True)' "$dir/other/socket/unixgram/s"
	eventually [ -S other/socket/unixgram/s ]
	echo "bind @sender-$BASHPID" >"$c/ctl"
	printf '%s 5\nfirst\n' "$dir/other/socket/unixgram/s" >"$c/records"
	kill -STOP "${pid[other]}"
	start_in write waits "$native" write-text "$c/records" "$dir/other/socket/unixgram/s 4"$'\nlost\n'
	start_in write killed "$native" write-text "$c/records" "$dir/other/socket/unixgram/s 4"$'\nlost\n'
	printf -- '@sender-%s 5\nquick\n' "$BASHPID" >"$c/records"
	same quick "$("$native" read-once "$c/data")"
	kill "${pid[waits]}"
	kill -KILL "${pid[killed]}"
	in_time 10000 ended killed 137
	in_time 10000 ended waits 143
	kill -CONT "${pid[other]}"
	eventually is_mounted "$dir/other"
	printf '%s 4\nlast\n' "$dir/other/socket/unixgram/s" >"$c/records"
	ended receiver
	same "first last" "$(said receiver | xargs)"
	rm other/socket/unixgram/s
	umount other
	ended other
	rm -rf other other.names*
}

@test "unixgram: a record reaches its address, also from a socket that is connected to another one" {
	mkdir place
	announced unixgram a "$dir/place/a"
	announced unixgram b "$dir/place/b"
	announced unixgram c "@third-$BASHPID"
	converse unixgram d "connect $dir/place/a"
	printf '%s 2\nto\n%s 4\nthem\n- 3\nall\n' "$dir/place/b" "@third-$BASHPID" >"$c/records"
	same "all to them" "$(for name in a b c; do cat "$UNIXGRAM/$name/next"; echo; done | xargs)"
	rm -r place
}

@test "unixgram: with O_NONBLOCK records reach a path, or fail with EAGAIN if there is no room" {
	mkdir place
	announced unixgram a "$dir/place/a"
	converse unixgram b bind "@sender-$BASHPID"
	python3 -c '
import errno, os, select, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
sent = 0
try:
    while sent < 100000:
        os.write(fd, b"%s 5\n%05d\n" % (sys.argv[2].encode(), sent))
        sent += 1
except BlockingIOError:
    print(sent)' "$c/records" "$dir/place/a" >sent
	[ "$(cat sent)" -gt 0 ]
	same "$(seq -f %05.0f 0 $(($(cat sent) - 1)))" "$(cat "$UNIXGRAM/a/drain")"
	rm -r place sent
}

@test "an accepted connection belongs to the user that accepts it" {
	announced tcp a 127.0.0.1:0
	chmod 777 "$c"
	start client "$net" nc 127.0.0.1 "$port"
	start server as 65534 bash -c 'exec 7<>"$1/accept" && echo hello >&7 && read -r line <&7' - "$c"
	eventually grep -q hello "$BATS_TEST_TMPDIR/client"
	same "uid:65534" "$("$net" ss -Htne src "$local" | grep -o 'uid:[0-9]*')"
	end_all
}

# -- Raw IP -----------------------------------------------------------------------------------------------------------

@test "ip: an echo request and its reply are received with their IP headers" {
	c=$IP/icmp/a
	mkdir "$c"
	say "$c" "connect 127.0.0.1"
	same "127.0.0.1 1" "$(cat "$c/remote") $(field "$c" Protocol)"
	exec 7<>"$c/data"
	exec 8<>"$IP/1/a/data"
	# Echo request, id 1, sequence 1. The request and the reply are received, each after an IP header of 20 bytes.
	printf '\x08\x00\xf7\xfd\x00\x01\x00\x01' >&7
	same "08 00" "$(dd bs=100 count=2 <&7 2>/dev/null | od -An -v -tx1 -w28 | awk '{ print $21 }' | sort -r | xargs)"
	exec 7<&- 8<&-
	refused EAFNOSUPPORT say "$(mkdir "$IP/icmp/b" && echo "$IP/icmp/b")" "announce ::1"
	mkdir "$IP/ipv6-icmp/c"
	say "$IP/ipv6-icmp/c" "announce *"
	same :: "$(cat "$IP/ipv6-icmp/c/local")"
	say "$IP/icmp/b" "announce *"
	same 0.0.0.0 "$(cat "$IP/icmp/b/local")"
	printf '\x08\x00\xf7\xfd\x00\x01\x00\x01' >"$c/data"
	same "127.0.0.1 28" "$("$native" read-once "$IP/icmp/b/records" 50 | head -1 | tr -d '\0')"
}
