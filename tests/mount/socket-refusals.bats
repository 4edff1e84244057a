# What sockets refuse: for whom, with which errno, in which words, and that nothing is done all the same.

load sockets

# say CONVERSATION VERB...
say() {
	"$native" write-text "$1/ctl" "${*:2}"
}

# of_size BYTES COMMAND...: with so many on its standard input.
of_size() {
	head -c "$1" /dev/zero | "${@:2}"
}

# record ADDRESS BYTES: that record, of as many bytes.
record() {
	printf '%s %d\n' "$1" "$2"
	head -c "$2" /dev/zero
	echo
}

@test "listen takes the right to read and to write, however it is opened" {
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
