# Refusals of sockets: the errno, the reason in why, and that nothing was done.

load sockets

# of_size BYTES COMMAND...: runs the command with that many bytes on its standard input.
of_size() {
	head -c "$1" /dev/zero | "${@:2}"
}

# record ADDRESS BYTES: prints a record with that many bytes.
record() {
	printf '%s %d\n' "$1" "$2"
	head -c "$2" /dev/zero
	echo
}

@test "listen needs read and write permission, whatever the flags of the open are" {
	as 1000 mkdir -m 755 "$TCP/a"
	c=$TCP/a
	say "$c" "announce 127.0.0.1:0"
	exec 7<>"$TCP/dial/$(cat "$c/local")"
	refused EACCES as 65534 cat "$c/listen"
	chmod 722 "$c"
	refused EACCES as 65534 bash -c ': >"$1"' - "$c/listen"
	chmod 766 "$c"
	same 0 "$(as 65534 cat "$c/listen")"
	chgrp 1234 "$c"
	chmod 770 "$c"
	exec 7<>"$TCP/dial/$(cat "$c/local")"
	refused EACCES as 65534 cat "$c/listen"
	as 65534:1234 cat "$c/listen"
	exec 7<&-
}

@test "data of an announced conversation fails with ENOTCONN, and raises no signal" {
	for network in tcp unix unixpacket; do
		address=@refusals
		[ "$network" != tcp ] || address=127.0.0.1:0
		converse "$network" a announce "$address"
		refused ENOTCONN cat "$c/data"
		why_is "announced conversation transfers no data: open accept"
		# SIGPIPE would kill the program.
		refused ENOTCONN "$native" write-text "$c/data" hello
		rmdir "$c"
	done
}

# waits_in_vain COMMAND...: whether an open of accept waits and fails once the command has run. It fails at once if the
# command is first.
waits_in_vain() {
	announced tcp a 127.0.0.1:0
	start_in open acceptor "$native" read-once "$c/accept"
	"$@"
	ended acceptor 1
	[ ! -e "$c" ] || rmdir "$c"
	[ "$(errors acceptor)" = EINVAL ]
}

@test "why explains the end of a waiting accept" {
	waits_in_vain say "$TCP/a" hangup
	why_is "open socket/tcp/a/accept: EINVAL: conversation is not announced: write announce ADDRESS to ctl first"
	eventually waits_in_vain rmdir "$TCP/a"
	why_is "conversation was removed: it accepts no connections"
}

@test "udp and ip: the longest message is sent, and why gives the limit for a longer one" {
	mkdir "$UDP/a"
	for case in "127.0.0.1 65507" "[::1] 65527"; do
		read -r host most <<<"$case"
		announced udp "$most" "$host:0"
		same "$most" "$(of_size "$most" "$native" write-once "$UDP/dial/$local")"
		same "$most" "$(wc -c <"$c/next")"
		refused EMSGSIZE of_size $((most + 1)) "$native" write-once "$UDP/dial/$local"
		why_is "udp/dial/$local: EMSGSIZE: a message here has at most $most bytes"
		record "$local" "$most" | "$native" write-once "$c/records" >/dev/null
		same "$most" "$(wc -c <"$c/next")"
		refused EMSGSIZE eval 'record "$local" $((most + 1)) | "$native" write-once "$c/records"'
		why_is "EMSGSIZE: a message here has at most $most bytes"
	done
	refused EMSGSIZE of_size 2000000 "$native" write-once "$UDP/dial/$local"
	why_is "EMSGSIZE: a message here has at most $most bytes"
	# An IPv6 socket that sends to an IPv4 address.
	say "$UDP/a" announce :0
	same $((18 + 65507 + 1)) "$(record 127.0.0.1:9 65507 | "$native" write-once "$UDP/a/records")"
	refused EMSGSIZE eval 'record 127.0.0.1:9 65508 | "$native" write-once "$UDP/a/records"'
	why_is "EMSGSIZE: a message here has at most 65507 bytes"
	converse ip/253 a connect 127.0.0.1
	refused EMSGSIZE of_size 65516 "$native" write-once "$c/data"
	why_is "EMSGSIZE: a message here has at most 65515 bytes"
	same 65515 "$(of_size 65515 "$native" write-once "$c/data")"
	rmdir "$c"
}

@test "why explains an address that messages cannot be sent to" {
	converse udp a announce 127.0.0.1:0
	refused EAFNOSUPPORT bash -c 'printf "[::1]:9 3\nabc\n" >"$1"' - "$c/records"
	why_is "address is of IPv6, but the socket is of the other family"
	refused EACCES bash -c 'printf "127.255.255.255:9 3\nabc\n" >"$1"' - "$c/records"
	why_is "broadcast address: write 1 to options/broadcast first"
	refused EAFNOSUPPORT say "$c" "connect [::1]:9"
	why_is "conversation is bound to another family than that of [::1]:9"
	refused EACCES cat "$UDP/dial/127.255.255.255:9"
	why_is "127.255.255.255:9 is a broadcast address: write 1 to options/broadcast first"
	refused EINVAL cat "$UDP/dial/[fe80::1]:9"
	why_is "add it, as in [fe80::1%eth0]:80"
	converse udp b connect 127.0.0.1:1
	echo hello >"$c/data"
	refused ECONNREFUSED "$native" read-once "$c/data"
	why_is "no socket received an earlier message at this address"
}

@test "records: after a refused header no later line is read as a header" {
	announced udp a 127.0.0.1:0
	to_itself=$(printf '%s 3\nabc\n' "$local")
	# bash writes each line with a write(2) of its own.
	refused EINVAL bash -c 'printf "localhost:9 %d\n%s\n" "${#2}" "$2" >"$1"' - "$c/records" "$to_itself"
	why_is "records take no names"
	refused EMSGSIZE bash -c 'printf "127.0.0.1:9 70000\n%s\n" "$2" >"$1"' - "$c/records" "$to_itself"
	why_is "a message here has at most 65507 bytes"
	same "" "$(cat "$c/drain")"
	echo "$to_itself" >"$c/records"
	same abc "$(cat "$c/next")"
}

@test "after a hang-up, message files return end of file, and writes fail with EPIPE" {
	announced udp a 127.0.0.1:0
	exec 7<>"$c/records" 8<>"$c/lines" 9<"$c/drain"
	say "$c" hangup
	same "" "$(cat <&9)"
	same "" "$(cat <&7)"
	refused EPIPE bash -c 'trap "" PIPE; printf "127.0.0.1:9 3\nabc\n" >&7'
	refused EPIPE bash -c 'trap "" PIPE; printf abc >&8'
	exec 7<&- 8<&- 9<&-
}
