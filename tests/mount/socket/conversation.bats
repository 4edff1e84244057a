# Conversations: their directory, ctl and its verbs. Native programs check the other end.

load conversations

# -- The directory ----------------------------------------------------------------------------------------------------

@test "mkdir, ls, mv, chmod and rmdir work on a conversation" {
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

@test "clone makes a conversation with the lowest free number, which ends with its last close" {
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
	# A renamed one ends as well.
	mv "$TCP/2" "$TCP/two"
	exec 7<&- 8<&- 9<&-
	eventually [ ! -e "$TCP/two" ]
	same "clone dial" "$(ls "$TCP" | xargs)"
}

@test "a conversation of clone belongs to the user that opens it, and to no other user" {
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

@test "a user can have 1024 conversations on each network, and on all protocols of ip together" {
	as 1000 python3 -c '
import os, sys
for i in range(1024):
    os.mkdir(f"{sys.argv[1]}/{i}")
for i in range(1024):
    os.mkdir(f"{sys.argv[2]}/{i % 256}/{i}")' "$UDP" "$IP"
	refused ENOSPC as 1000 mkdir "$UDP/more"
	same "mkdir socket/udp/more: ENOSPC: limit reached: 1024 conversations per user: remove some" "$(as 1000 cat "$IPC/why")"
	refused ENOSPC as 1000 cat "$UDP/clone"
	refused ENOSPC as 1000 mkdir "$IP/1/more"
	as 1001 mkdir "$UDP/more" "$IP/1/more"
	as 1000 rmdir "$UDP/7"
	as 1000 bash -c 'exec 7<>"$1/clone"; read -r n <&7; [ "$n" = 7 ]' - "$UDP"
	in_time 20000 remove_sockets

}

# -- Verbs ------------------------------------------------------------------------------------------------------------

@test "bash connects through clone" {
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

@test "connect accepts a name; a write may have several verbs, and no newline at its end" {
	converse tcp a
	printf 'connect localhost:7000' >"$c/ctl"
	same "127.0.0.1:7000" "$(cat "$c/remote")"
	printf 'hangup\nbind 127.0.0.1:0\nconnect 127.0.0.1:7000\n' >"$c/ctl"
	same Connected "$(field "$c" State)"
	echo hangup >"$c/ctl"
	same Idle "$(field "$c" State)"
	same "" "$(cat "$c/remote")"
}

@test "connect after bind uses the bound address" {
	converse tcp a bind 127.0.0.5:0
	same Bound "$(field "$c" State)"
	local=$(cat "$c/local")
	[[ $local == 127.0.0.5:[1-9]* ]]
	echo "connect 127.0.0.1:7000" >"$c/ctl"
	same "$local 127.0.0.1:7000" "$(cat "$c/local") $(cat "$c/remote")"
	# A bound socket stays bound after a refused connect.
	converse tcp b bind 127.0.0.5:5001
	local=$(cat "$c/local")
	refused ECONNREFUSED "$native" write-text "$c/ctl" "connect 127.0.0.1:1"
	same "Bound $local" "$(field "$c" State) $(cat "$c/local")"
	echo "connect 127.0.0.1:7000" >"$c/ctl"
	same "$local" "$(cat "$c/local")"
}

@test "why explains each refused verb" {
	converse tcp a
	refused EINVAL say "$c" nonsense
	why_is "connect ADDRESS, announce ADDRESS, bind ADDRESS, hangup, shutdown read, shutdown write"
	refused EINVAL say "$c" connect
	why_is "connect needs an argument"
	refused EINVAL say "$c" "hangup now"
	refused EINVAL say "$c" "connect nowhere"
	refused EINVAL say "$c" "$(printf '%2000d' 7)"
	refused ENOTCONN say "$c" "shutdown write"
	refused ECONNREFUSED say "$c" "connect 127.0.0.1:1"
	why_is "write socket/tcp/a/ctl: ECONNREFUSED: no socket listens at 127.0.0.1:1"
	same "ECONNREFUSED Connection refused" "$(cat "$c/error")"
	refused ENOTCONN "$native" read-once "$c/data"
	why_is "write connect ADDRESS to ctl first"
	say "$c" "connect 127.0.0.1:7000"
	refused EISCONN say "$c" "connect 127.0.0.1:7000"
	refused EINVAL say "$c" "announce 127.0.0.1:0"
	refused EINVAL say "$c" "bind 127.0.0.1:0"
	why_is "conversation is connected: write hangup first"
	refused EINVAL say "$c" "shutdown sideways"
	refused EINVAL "$native" read-once "$c/accept"
	why_is "write announce ADDRESS to ctl first"
	say "$c" hangup
	say "$c" hangup
	say "$c" "announce 127.0.0.1:0"
	refused EINVAL say "$c" "announce 127.0.0.1:0"
	why_is "conversation is announced: write hangup first"
	refused EISCONN say "$c" "connect 127.0.0.1:7000"
	refused ENOTCONN "$native" read-once "$c/data"
}

@test "the kernel checks each address with the caller's credentials" {
	converse tcp a
	refused EADDRINUSE say "$c" "announce 127.0.0.1:7000"
	refused EADDRNOTAVAIL say "$c" "announce 192.0.2.1:80"
	refused EADDRNOTAVAIL say "$c" "bind 192.0.2.1:80"
	refused ENETUNREACH say "$c" "connect 192.0.2.1:80"
	same Idle "$(field "$c" State)"
	as 65534 mkdir "$TCP/b"
	refused EACCES as 65534 "$native" write-text "$TCP/b/ctl" "announce 127.0.0.1:80"
	same "write socket/tcp/b/ctl: EACCES: port is reserved for root: see net.ipv4.ip_unprivileged_port_start (1024)" \
		"$(as 65534 cat "$IPC/why")"
	say "$TCP/b" "announce 127.0.0.1:80"
	same 127.0.0.1:80 "$(cat "$TCP/b/local")"
	as 65534 mkdir "$IP/icmp/a"
	refused EPERM as 65534 "$native" write-text "$IP/icmp/a/ctl" "connect 127.0.0.1"
	refused EPERM as 65534 "$native" write-text "$IP/icmp/a/ctl" "announce *"
	rmdir "$IP/icmp/a"
}

@test "a wildcard address accepts both families; a name with both is bound to IPv4" {
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
