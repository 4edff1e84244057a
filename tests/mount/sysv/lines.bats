# lines and records: several messages in one read or write.
load ../helper

@test "each line is a message" {
	make a
	printf 'one\ntwo\n\nfour' >"$q/lines"
	for record in $'1 3\none' $'1 3\ntwo' "1 0" $'1 4\nfour'; do
		same "$record" "$("$native" msg-receive "$key" 0 nowait)"
	done
	same 0 "$(cat "$q/qnum")"
}

@test "several writes can form one line" {
	make a
	{ printf 'a'; env printf 'b'; printf 'c\nd'; printf 'e\n'; } >"$q/lines"
	same $'1 3\nabc\n1 2\nde' "$(cat "$q/peek")"
}

@test "a line that is too long is not sent, not even a part of it" {
	make a
	{ echo first; message 9000 | tr -d '\n'; echo; echo last; } >"$BATS_TEST_TMPDIR/text"
	refused EMSGSIZE dd bs=1M status=none if="$BATS_TEST_TMPDIR/text" of="$q/lines"
	why_is "EMSGSIZE: line is too long: a line is a message"
	same first "$(cat "$q/next")"
	same 0 "$(cat "$q/qnum")"
	refused EMSGSIZE dd bs=4000 iflag=fullblock status=none if="$BATS_TEST_TMPDIR/text" of="$q/lines"
	same first "$(cat "$q/drain")"
}

@test "a read adds a newline to a message that does not end with one" {
	make a
	for text in one $'two\n' $'th\nree' ""; do put "$text" "$q/data"; done
	"$native" msg-send "$key" 1 ""
	"$native" read-once "$q/lines" >"$BATS_TEST_TMPDIR/got"
	printf 'one\ntwo\nth\nree\n\n' >"$BATS_TEST_TMPDIR/expected"
	same_bytes "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/got"
}

@test "a read receives as many messages as fit as whole lines, and no more" {
	make a
	printf 'one\ntwo\nthree\n' >"$q/lines"
	same $'one\ntwo' "$("$native" read-once "$q/lines" 9)"
	same $'1 5\nthree' "$(cat "$q/peek")"
	same $'2\n2\n2' "$("$native" read-lengths "$q/lines" 2 3)"
	same 0 "$(cat "$q/qnum")"
}

@test "a shell loop with read receives one message in each turn" {
	make a
	printf 'one\ntwo words\nthree\n' >"$q/lines"
	n=0
	while read -r line; do
		n=$((n + 1))
		last=$line
		[ "$line" != three ] || break
	done <"$q/lines"
	same "3 three" "$n $last"
	echo "x y" >"$q/data"
	read -r line <"$q/data"
	same "x y" "$line"
	put "z" "$q/data"
	read -r line <"$q/next" || true # what it says at the end of a file without a newline
	same z "$line"
}

@test "a reader of lines receives all that seq writes at the same time" {
	make a
	start reader head -n 100000 "$q/lines"
	seq 100000 >"$q/lines"
	ended reader
	cmp <(seq 100000) "$BATS_TEST_TMPDIR/reader"
	same 0 "$(cat "$q/qnum")"
}

@test "a native receiver receives all that seq writes at the same time" {
	make a
	start reader bash -c 'for i in $(seq 300); do "$1" msg-receive "$2" | tail -n 1; done' bash "$native" "$key"
	seq 300 >"$q/lines"
	ended reader
	cmp <(seq 300) "$BATS_TEST_TMPDIR/reader"
}

@test "a killed writer of lines has sent whole lines, and at most a part of its last one" {
	make a
	start_in write writer sh -c 'exec seq -f "line %06g" 100000 >"$1"' sh "$q/lines"
	kill -KILL "${pid[writer]}"
	ended writer 137
	# The kernel closes the file at the end of the writer. The close sends the unfinished line.
	cat "$q/drain" >"$BATS_TEST_TMPDIR/got"
	n=$(wc -l <"$BATS_TEST_TMPDIR/got")
	[ "$n" -gt 100 ]
	cmp <(seq -f 'line %06g' "$((n - 1))") <(head -n -1 "$BATS_TEST_TMPDIR/got")
	[[ $(printf 'line %06g' "$n") == "$(tail -n 1 "$BATS_TEST_TMPDIR/got")"* ]]
}

@test "records keep types, all bytes and empty messages, in both directions" {
	make a
	printf '3 5\nhe\0lo\n1 0\n\n9223372036854775807 1\n\n\n' >"$BATS_TEST_TMPDIR/records"
	cp "$BATS_TEST_TMPDIR/records" "$q/records"
	same_bytes "$BATS_TEST_TMPDIR/records" "$q/peek"
	for _ in 1 2 3; do "$native" msg-receive "$key" 0 nowait; done >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/records" "$BATS_TEST_TMPDIR/got"
	dd bs=1 status=none if="$BATS_TEST_TMPDIR/records" of="$q/records"
	same_bytes "$BATS_TEST_TMPDIR/records" "$q/peek"
	"$native" read-once "$q/records" >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/records" "$BATS_TEST_TMPDIR/got"
}

@test "copying records from one queue to another keeps all messages" {
	make b
	make a
	for i in $(seq 20); do message $((i * 31)) | "$native" msg-send-stdin "$key" "$i"; done
	cat "$q/peek" >"$BATS_TEST_TMPDIR/before"
	start copy sh -c 'exec cat "$1/a/records" >"$1/b/records"' sh "$MSG"
	copied() { [ "$(cat "$MSG/b/qnum")" = 20 ]; }
	eventually copied
	same_bytes "$BATS_TEST_TMPDIR/before" "$MSG/b/peek"
	same 0 "$(cat "$q/qnum")"
}

@test "bad records are refused and send nothing" {
	make a
	for text in $'x\n' $'1\n' $'0 1\na\n' $'-1 1\na\n' $'1 -1\na\n' $'1 1\nab' $'1 2 \nab\n' \
		$'99999999999999999999 1\na\n' 'no newline for more than forty-two characters'; do
		refused EINVAL put "$text" "$q/records"
	done
	why_is "a record"
	refused EMSGSIZE put $'1 8193\n' "$q/records"
	same 0 "$(cat "$q/qnum")"
	put $'1 5\nhel' "$q/records" # an unfinished record
	same 0 "$(cat "$q/qnum")"
}

@test "a reader with a small buffer receives a record in parts" {
	make a
	message 1000 | "$native" msg-send-stdin "$key" 42
	cat "$q/peek" >"$BATS_TEST_TMPDIR/expected"
	dd bs=1 count=1009 status=none if="$q/records" of="$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/got"
}
