# options/ of a conversation: setsockopt(2) before the conversation has a socket, and after.

load sockets

option() {
	cat "$c/options/$1"
}

# native_default FAMILY TYPE LEVEL OPTION: the value of a new native socket.
native_default() {
	"$net" python3 -c '
import socket, sys
family, kind, level, option = (getattr(socket, name) for name in sys.argv[1:])
print(socket.socket(family, kind).getsockopt(level, option))' "$@"
}

@test "each network has its own options, which begin with the kernel's values" {
	converse tcp a
	same "backlog bindtodevice cork dontroute keepalive keepcnt keepidle keepintvl linger mark maxseg nodelay oobinline priority rcvbuf rcvlowat reuseaddr reuseport sndbuf tos ttl user_timeout v6only" \
		"$(ls "$c/options" | xargs)"
	same "$(native_default AF_INET6 SOCK_STREAM SOL_SOCKET SO_RCVBUF)" "$(option rcvbuf)"
	same "$(native_default AF_INET6 SOCK_STREAM SOL_SOCKET SO_SNDBUF)" "$(option sndbuf)"
	same "$(native_default AF_INET6 SOCK_STREAM IPPROTO_TCP TCP_KEEPIDLE)" "$(option keepidle)"
	same "$(native_default AF_INET SOCK_STREAM IPPROTO_IP IP_TTL)" "$(option ttl)"
	same "0 off 0 4096" "$(option nodelay) $(option linger) $(option v6only) $(option backlog)"
	same "" "$(option bindtodevice)"
	converse udp a
	same "bindtodevice broadcast dontroute join leave mark multicast_if multicast_loop multicast_ttl priority rcvbuf reuseaddr reuseport sndbuf tos ttl v6only" \
		"$(ls "$c/options" | xargs)"
	same "1 1" "$(option multicast_ttl) $(option multicast_loop)"
	converse unix a
	same "backlog rcvbuf sndbuf" "$(ls "$c/options" | xargs)"
	converse unixgram a
	same "rcvbuf sndbuf" "$(ls "$c/options" | xargs)"
	mkdir "$IP/icmp/a"
	[ -e "$IP/icmp/a/options/hdrincl" ]
}

# set_and_see FILE TEXT EXPECTED: sets an option while the conversation is idle and while it has a socket, and reads it.
set_and_see() {
	local file=$c/options/$1 before
	before=$(cat "$file")
	echo "$2" >"$file"
	same "$1: $3" "$1: $(cat "$file")" || return
	say "$c" "bind 127.0.0.1:0"
	same "$1: $3" "$1: $(cat "$file")" || return
	echo "$before" >"$file"
	same "$1: $before" "$1: $(cat "$file")" || return
	echo "$2" >"$file"
	same "$1: $3" "$1: $(cat "$file")" || return
	say "$c" hangup
	same "$1: $3" "$1: $(cat "$file")"
}

@test "an option is set before and on a socket, and kept for the next socket" {
	converse tcp a
	set_and_see nodelay on 1
	set_and_see cork 1 1
	set_and_see keepalive on 1
	set_and_see keepidle 77 77
	set_and_see keepintvl 7 7
	set_and_see keepcnt 3 3
	set_and_see user_timeout 5000 5000
	set_and_see reuseaddr 1 1
	set_and_see reuseport 1 1
	set_and_see ttl 9 9
	set_and_see tos 16 16
	set_and_see oobinline 1 1
	set_and_see dontroute 1 1
	set_and_see priority 5 5
	set_and_see mark 4000000000 4000000000
	set_and_see bindtodevice lo lo
	set_and_see rcvlowat 100 100
	set_and_see linger 0 0
	# The kernel doubles the value, for its own bookkeeping.
	echo 16K >"$c/options/rcvbuf"
	same 32768 "$(option rcvbuf)"
	say "$c" "bind 127.0.0.1:0"
	same 32768 "$(option rcvbuf)"
	echo 20000 >"$c/options/sndbuf"
	same 40000 "$(option sndbuf)"
	converse udp a
	set_and_see broadcast 1 1
	set_and_see multicast_ttl 3 3
	set_and_see multicast_loop off 0
	set_and_see multicast_if lo lo
	c=$IP/icmp/a
	mkdir "$c"
	echo 1 >"$c/options/hdrincl"
	say "$c" "bind 127.0.0.1"
	same 1 "$(option hdrincl)"
}

# refuse OPTION ERRNO TEXT: the write fails, and the value stays.
refuse() {
	local before
	before=$(option "$1")
	refused "$2" "$native" write-text "$c/options/$1" "$3" || return
	same "$before" "$(option "$1")"
}

@test "why explains each refused value" {
	converse tcp a
	for state in idle bound; do
		refuse nodelay EINVAL 2
		why_is "write socket/tcp/a/options/nodelay: EINVAL: invalid value: nodelay is 1 or 0 (on or off)"
		refuse nodelay EINVAL $'\n'
		refuse ttl EINVAL 300
		why_is "the kernel refuses this value of ttl"
		refuse ttl EINVAL ten
		refuse keepcnt EINVAL 0
		refuse rcvbuf EINVAL 1X
		refuse rcvbuf EINVAL 3G
		refuse linger EINVAL 10
		why_is "invalid value: linger is off, or 0 for a reset; no close waits here"
		refuse bindtodevice ENODEV nothere
		why_is "no such network interface"
		refuse bindtodevice EINVAL a-name-that-is-too-long
		refuse backlog EINVAL -1
		[ "$state" = bound ] || say "$c" "bind 127.0.0.1:0"
	done
	refuse v6only ENOPROTOOPT 1
	chmod 777 "$c"
	refused EPERM as 65534 "$native" write-text "$c/options/mark" 7
	why_is "" # of root
	same "write socket/tcp/a/options/mark: EPERM: this value of mark needs CAP_NET_ADMIN" \
		"$(as 65534 cat "$IPC/why")"
	say "$c" hangup
	refused EPERM as 65534 "$native" write-text "$c/options/mark" 7
	refused EPERM as 65534 "$native" write-text "$c/options/priority" 7
	as 65534 "$native" write-text "$c/options/priority" 6
	chmod 755 "$c"
	refused EACCES as 65534 "$native" write-text "$c/options/priority" 5
	# A value that root has set applies to a socket that another user makes.
	chmod 777 "$c"
	echo 7 >"$c/options/mark"
	as 65534 "$native" write-text "$c/ctl" "bind 127.0.0.1:0"
	same 7 "$(option mark)"
}

@test "the peer sees ttl and tos" {
	start peer "$net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 12, 1)
s.setsockopt(socket.IPPROTO_IP, 13, 1)
s.bind(("127.0.0.1", 5001))
for _ in range(2):
    data, control, _, _ = s.recvmsg(100, 100)
    values = {kind: value[0] for _, kind, value in control} # IP_TTL is 2, IP_TOS 1
    print(data.decode(), values[2], values[1])'
	eventually listening -u 127.0.0.1:5001
	converse udp a
	echo 9 >"$c/options/ttl"
	echo 16 >"$c/options/tos"
	say "$c" "connect 127.0.0.1:5001"
	printf one >"$c/data"
	say "$c" hangup
	# The IPv4 side of an IPv6 socket.
	say "$c" "bind :0"
	printf '127.0.0.1:5001 3\ntwo\n' >"$c/records"
	ended peer
	same "one 9 16 two 9 16" "$(said peer | xargs)"
}

@test "keepalive and buffer sizes apply to the connection" {
	serve socat TCP4-LISTEN:7000,bind=127.0.0.1,fork,reuseaddr EXEC:cat
	eventually listening -t 127.0.0.1:7000
	converse tcp a
	echo 1 >"$c/options/keepalive"
	echo 300 >"$c/options/keepidle"
	echo 8K >"$c/options/rcvbuf"
	say "$c" "connect 127.0.0.1:7000"
	"$net" ss -Htnom dst 127.0.0.1:7000 >out
	grep -q 'timer:(keepalive,[45]min' out
	grep -q 'rb16384' out
}

@test "reuseaddr, reuseport and v6only decide which addresses can be shared" {
	announced tcp a :0
	converse tcp b
	echo 1 >"$c/options/v6only"
	refused EADDRINUSE say "$c" "announce :$port"
	rmdir "$TCP/a"
	say "$c" "announce :$port"
	"$net" nc -z ::1 "$port"
	run ! "$net" nc -z 127.0.0.1 "$port"
	say "$c" hangup
	echo 0 >"$c/options/v6only"
	say "$c" "announce :$port"
	"$net" nc -z 127.0.0.1 "$port"

	announced udp a 127.0.0.1:0
	converse udp b
	refused EADDRINUSE say "$c" "announce $local"
	for option in reuseaddr reuseport; do
		say "$UDP/a" hangup
		echo 1 >"$UDP/a/options/$option"
		say "$UDP/a" "announce $local"
		refused EADDRINUSE say "$c" "announce $local"
		echo 1 >"$c/options/$option"
		say "$c" "announce $local"
		say "$c" hangup
		echo 0 >"$c/options/$option"
	done
	# A server is restarted while connections of the earlier one exist.
	for reuse in 0 1; do
		converse tcp server$reuse
		echo $reuse >"$c/options/reuseaddr"
		say "$c" "announce 127.0.0.1:710$reuse"
		exec 7<>"$TCP/dial/127.0.0.1:710$reuse" 8<>"$c/accept"
		say "$c" hangup
		if [ $reuse = 0 ]; then
			refused EADDRINUSE say "$c" "announce 127.0.0.1:710$reuse"
		else
			say "$c" "announce 127.0.0.1:710$reuse"
		fi
		exec 7<&- 8<&-
	done
}

@test "join and leave change the multicast groups" {
	send() {
		"$net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
s.sendto(sys.argv[2].encode(), ("239.1.2.3", int(sys.argv[1])))' "$port" "$1"
	}
	joined() {
		"$net" ip maddr show dev lo | grep -q "$1"
	}
	converse udp a
	echo 239.1.2.3%lo >"$c/options/join"
	echo ff02::123%lo >"$c/options/join"
	same "239.1.2.3%lo ff02::123%lo" "$(option join | xargs)"
	run ! joined 239.1.2.3
	say "$c" "announce :0"
	port=$(sed 's/.*://' "$c/local")
	joined 239.1.2.3
	joined ff02::123
	send one
	same one "$("$native" read-once "$c/data")"
	echo 239.1.2.3%lo >"$c/options/leave"
	run ! joined 239.1.2.3
	same ff02::123%lo "$(option join)"
	echo 239.1.2.3%lo >"$c/options/join"
	joined 239.1.2.3
	say "$c" hangup
	run ! joined 239.1.2.3
	say "$c" "announce :$port"
	send two
	same two "$("$native" read-once "$c/data")"
	refused EADDRNOTAVAIL "$native" write-text "$c/options/leave" 239.1.2.9%lo
	refused EINVAL "$native" write-text "$c/options/join" 127.0.0.1%lo
	refused EINVAL "$native" write-text "$c/options/join" nonsense
	refused ENODEV "$native" write-text "$c/options/join" 239.1.2.9%nothere
	same "ff02::123%lo 239.1.2.3%lo" "$(option join | xargs)"
	rmdir "$c"
	run ! joined 239.1.2.3
	# A conversation can join 64 groups.
	converse udp b
	for i in {1..64}; do echo "239.1.2.$i%lo" >"$c/options/join"; done
	refused ENOBUFS "$native" write-text "$c/options/join" 239.1.2.65%lo
	# The kernel allows one socket fewer groups.
	refused ENOBUFS say "$c" "announce 127.0.0.1:0"
	why_is "join"
}

@test "backlog is the argument of listen(2)" {
	announced tcp a 127.0.0.1:0
	same 4096 "$("$net" ss -Hltn src "$local" | awk '{ print $3 }')"
	echo 3 >"$c/options/backlog"
	same "3 3" "$("$net" ss -Hltn src "$local" | awk '{ print $3 }') $(sed -n 's/^Backlog:\t//p' "$c/status")"
	say "$c" hangup
	say "$c" "announce $local"
	same 3 "$("$net" ss -Hltn src "$local" | awk '{ print $3 }')"
}
