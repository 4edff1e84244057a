# One message at a time: data, next, drain, peek and type/, each compared with the native calls.
load ../helper

# sent FILE TYPE: the native receiver gets a message with the file's bytes and with that type.
sent() {
	{ printf '%s %s\n' "$2" "$(stat -c %s "$1")" && cat "$1" && echo; } >"$BATS_TEST_TMPDIR/expected"
	"$native" msg-receive "$key" 0 nowait >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/got"
}

@test "a write sends one message" {
	make a
	for length in 1 2 63 4096 8191 8192; do
		message "$length" >"$BATS_TEST_TMPDIR/sent"
		same "$length" "$("$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/sent")"
		sent "$BATS_TEST_TMPDIR/sent" 1
	done
	same 0 "$(cat "$q/qnum")"
}

@test "a read receives one message" {
	make a
	for length in 1 2 63 4096 8191 8192; do
		message "$length" >"$BATS_TEST_TMPDIR/sent"
		"$native" msg-send-stdin "$key" 5 <"$BATS_TEST_TMPDIR/sent"
		"$native" msg-send "$key" 5 other
		for file in data next; do
			"$native" read-once "$q/$file" >"$BATS_TEST_TMPDIR/got"
			[ "$file" = data ] || echo -n other >"$BATS_TEST_TMPDIR/sent"
			same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
		done
	done
}

@test "echo sends its newline, printf sends none" {
	make a
	echo hello >"$q/data"
	same $'1 6\nhello\n' "$("$native" msg-receive "$key")"$'\n'
	printf hello >"$q/data"
	same $'1 5\nhello' "$("$native" msg-receive "$key")"
}

@test "a message that is too large is refused, and why shows the limit" {
	make a
	message 8193 >"$BATS_TEST_TMPDIR/large"
	refused EMSGSIZE "$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/large"
	why_is "write sysv/msg/a/data: EMSGSIZE: message has 8193 bytes (limits/msgmax 8192)"
	echo 100 >"$q/qbytes"
	refused EMSGSIZE put "$(env printf '%0101d' 1)" "$q/data"
	why_is "message has 101 bytes (qbytes 100)"
	put "$(env printf '%0100d' 1)" "$q/data"
	same 1 "$(cat "$q/qnum")"
}

@test "a write that the kernel splits sends no part of a message that is too large" {
	make a
	for size in 100000 1048576 1048577 3000000; do
		head -c "$size" /dev/zero >"$BATS_TEST_TMPDIR/large"
		refused EMSGSIZE "$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/large"
		refused EMSGSIZE "$native" write-once "$q/data" append <"$BATS_TEST_TMPDIR/large"
		same 0 "$(cat "$q/qnum")"
	done
}

@test "large messages are sent and received after the limits are raised" {
	old=$(cat "$IPC/limits/msgmax") oldb=$(cat "$IPC/limits/msgmnb")
	echo 2000000 >"$IPC/limits/msgmax"
	echo 2000000 >"$IPC/limits/msgmnb"
	make a
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	"$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/sent"
	"$native" msg-receive-bytes "$key" >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
	"$native" msg-send-stdin "$key" 1 <"$BATS_TEST_TMPDIR/sent"
	put second "$q/data"
	cat "$q/next" >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
	same second "$(cat "$q/next")"
	# The message is as long as the largest single read. The kernel asks for more at once, and must not get the next message.
	head -c 1048576 /dev/zero | "$native" msg-send-stdin "$key" 1
	put second "$q/data"
	same 1048576 "$("$native" read-lengths "$q/data" 2097152 1)"
	same 1 "$(cat "$q/qnum")"
	echo "$old" >"$IPC/limits/msgmax"
	echo "$oldb" >"$IPC/limits/msgmnb"
}

@test "a reader with a small buffer receives a message in parts, then the next message" {
	make a
	put abcdefg "$q/data"
	put hij "$q/data"
	same $'3\n3\n1\n3' "$("$native" read-lengths "$q/data" 3 4)"
	put abcdef "$q/data"
	put ghi "$q/data"
	same $'3\n3\n3' "$("$native" read-lengths "$q/data" 3 3)"
	put $'one\n' "$q/data"
	put $'two\n' "$q/data"
	same one "$(dd bs=1 count=4 status=none <"$q/data")"
	same 1 "$(cat "$q/qnum")"
}

@test "next ends after one message" {
	make a
	put one "$q/data"
	put two "$q/data"
	same one "$(cat "$q/next")"
	same $'1\n1\n1\n0' "$("$native" read-lengths "$q/next" 1 4)"
	same 0 "$(cat "$q/qnum")"
}

@test "drain receives all queued messages as lines, and never waits" {
	make a
	same "" "$(cat "$q/drain")"
	put one "$q/data"
	put $'two\n' "$q/data"
	"$native" msg-send "$key" 9 three
	same $'one\ntwo\nthree' "$(cat "$q/drain")"
	same 0 "$(cat "$q/qnum")"
	message 8192 | tr '\n' x >"$BATS_TEST_TMPDIR/large"
	cat "$BATS_TEST_TMPDIR/large" | "$native" write-once "$q/data"
	same "$(cat "$BATS_TEST_TMPDIR/large"; echo)" "$(dd bs=100 status=none <"$q/drain")" 2>/dev/null
}

@test "every file sends and receives empty messages" {
	make a
	"$native" msg-send "$key" 3 ""
	same "3 0" "$(cat "$q/peek")"
	same 0 "$("$native" read-lengths "$q/data" 100 1)"
	same 0 "$(cat "$q/qnum")"
	"$native" msg-send "$key" 3 ""
	same "" "$(cat "$q/next")"
	"$native" msg-send "$key" 3 ""
	same "3 0" "$("$native" read-once "$q/records")"
	"$native" msg-send "$key" 3 ""
	same 1 "$("$native" read-lengths "$q/lines" 100 1)"
	printf '4 0\n\n' >"$q/records"
	same "4 0" "$("$native" msg-receive "$key")"
	echo >"$q/lines"
	same "1 0" "$("$native" msg-receive "$key")"
}

@test "a blocked reader receives an empty message" {
	make a
	for file in data next records lines type/3/data; do
		start_in read reader "$native" read-once "$q/$file"
		"$native" msg-send "$key" 3 ""
		ended reader
		same 0 "$(cat "$q/qnum")"
	done
	same "" "$(said reader)"
}

@test "type/N receives and sends messages of type N" {
	make a
	for type in 1 2 3; do put "of $type" "$q/type/$type/data"; done
	same "1 2 3" "$(ls "$q/type" | xargs)"
	same "of 2" "$(cat "$q/type/2/next")"
	same $'3 4\nof 3' "$("$native" msg-receive "$key" 3)"
	same $'1 4\nof 1' "$("$native" msg-receive "$key")"
	same "" "$(ls "$q/type")"
	put max "$q/type/9223372036854775807/data"
	same $'9223372036854775807 3\nmax' "$("$native" msg-receive "$key")"
	printf 'a\nb\n' >"$q/type/6/lines"
	same $'6 1\na' "$("$native" msg-receive "$key")"
	same b "$(cat "$q/type/6/drain")"
}

@test "upto-N receives the lowest type first, as msgrcv does" {
	make a
	for type in 5 3 9 1 3; do "$native" msg-send "$key" "$type" "$type"; done
	same 1 "$(cat "$q/type/upto-5/next")"
	same "3 1" "$("$native" msg-receive "$key" -5 | head -1)"
	same $'3\n5' "$(cat "$q/type/upto-5/drain")"
	same 9 "$(cat "$q/next")"
}

@test "except-N receives the messages of all other types" {
	make a
	for type in 2 1 2 3; do "$native" msg-send "$key" "$type" "$type"; done
	same $'1\n3' "$(cat "$q/type/except-2/drain")"
	same 2 "$(cat "$q/qnum")"
	same $'2 1\n2\n2 1\n2' "$(cat "$q/type/2/peek")"
	refused EACCES put x "$q/type/except-2/data"
	refused EACCES put x "$q/type/upto-2/data"
	why_is "write to type/N"
}

@test "a reader blocked on a type does not wake for another type" {
	make a
	start_in read reader "$native" read-once "$q/type/7/data"
	put other "$q/data"
	start_in read except "$native" read-once "$q/type/except-1/data"
	same other "$(cat "$q/next")"
	still reader
	"$native" msg-send "$key" 8 eight
	ended except
	same eight "$(said except)"
	still reader
	"$native" msg-send "$key" 7 seven
	ended reader
	same seven "$(said reader)"
}

@test "peek shows the messages and leaves them in the queue" {
	make a
	same "" "$(cat "$q/peek")"
	for type in 3 1; do message 300 | "$native" msg-send-stdin "$key" "$type"; done
	cat "$q/peek" >"$BATS_TEST_TMPDIR/peeked"
	same 2 "$(cat "$q/qnum")"
	for type in 3 1; do "$native" msg-receive "$key" "$type"; done >"$BATS_TEST_TMPDIR/taken"
	same_bytes "$BATS_TEST_TMPDIR/taken" "$BATS_TEST_TMPDIR/peeked"
}

@test "printf of a new shell sends one message" {
	make a
	bash -c 'printf "%06000d" 1 >"$1"' bash "$q/data"
	same $'1\n6000' "$(cat "$q/qnum" "$q/cbytes")"
	same 6000 "$(cat "$q/next" | wc -c)"
}

@test "one open file can be read and written" {
	make a
	same hello "$("$native" exchange "$q/data" hello)"
	same hello "$("$native" exchange "$q/lines" $'hello\n')"
}

# For each message, the kernel counts from the first one. The whole read would take many seconds.
@test "a signal ends a read of peek of a long queue" {
	make a
	echo 209715200 >"$IPC/limits/msgmnb"
	echo 40M >"$q/qbytes"
	seq 60000 >"$q/lines"
	start_in read peek cat "$q/peek"
	kill -KILL "${pid[peek]}"
	in_time 2000 eventually is_gone "${pid[peek]}"
	echo 16384 >"$IPC/limits/msgmnb"
}
