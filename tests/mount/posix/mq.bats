# bats file_tags=mqueue
# POSIX message queues as files, with mq_open on the other side: messages, priorities, attributes.
load queues

@test "mkdir makes a queue that mq_open finds, rmdir unlinks it" {
	mkdir -m 640 "$MQ/a"
	same "10 8192 0" "$("$native" mq-attr /a)"
	same drwxr-x--- "$(stat -c %A "$MQ/a")"
	refused EEXIST mkdir "$MQ/a"
	refused EEXIST "$native" mq-make /a
	rmdir "$MQ/a"
	refused ENOENT "$native" mq-attr /a
	refused ENOENT ls "$MQ/a"
}

@test "one that mq_open made is there until mq_unlink" {
	"$native" mq-make /b 640 3 100
	same b "$(ls "$MQ")"
	same "3 100" "$(cat "$MQ/b/maxmsg" "$MQ/b/msgsize" | xargs)"
	same -rw-r----- "$(stat -c %A "$MQ/b/data")"
	"$native" mq-remove /b
	same "" "$(ls "$MQ")"
	refused ENOENT cat "$MQ/b/maxmsg"
}

@test "a queue made anew under a name is another queue" {
	make a
	cd "$q"
	before=$(stat -c %i .)
	"$native" mq-remove /a
	make a
	[ "$(stat -c %i "$q")" != "$before" ]
	refused ENOENT cat maxmsg
	cd "$dir"
}

@test "the directory of a queue lists its files, and wrong names below prio do not exist" {
	make a
	same "curmsgs data drain lines maxmsg msgsize next notify prio qsize records status" "$(ls "$q" | xargs)"
	same "" "$(ls "$q/prio")"
	same "data lines" "$(ls "$q/prio/0" | xargs)"
	same "data lines" "$(ls "$q/prio/32767" | xargs)"
	for name in 32768 -1 x 01 00 99999999999999999999 ""; do
		[ -z "$name" ] || refused ENOENT ls "$q/prio/$name"
	done
	same "--w------- --w-------" "$(stat -c %A "$q"/prio/3/{data,lines} | xargs)"
	refused EACCES cat "$q/prio/3/data"
	refused EPERM touch "$q/file"
	refused EPERM touch "$MQ/file"
	refused EPERM rm -f "$q/data"
	refused EPERM mkdir "$q/prio/x"
	run -0 ls -lR "$MQ"
	[[ $output == *"/posix/mq/a/prio:"* ]]
}

@test "any name that mq_open takes" {
	long=$(printf '%0255d' 0)
	for name in "$long" "a b" .hidden 0x12 sem.x $'new\nline'; do
		mkdir "$MQ/$name"
		"$native" mq-send "/$name" 0 hello
		same hello "$(cat "$MQ/$name/next")"
		rmdir "$MQ/$name"
		"$native" mq-make "/$name"
		put back "$MQ/$name/data"
		same back "$("$native" mq-receive-bytes "/$name")"
		rmdir "$MQ/$name"
	done
	refused "File name too long" mkdir "$MQ/${long}0"
	refused "File name too long" ls "$MQ/${long}0"
}

@test "a write is a message" {
	make a
	for length in 1 2 63 4096 8191 8192; do
		message "$length" >"$BATS_TEST_TMPDIR/sent"
		same "$length" "$("$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/sent")"
		"$native" mq-receive-bytes /a >"$BATS_TEST_TMPDIR/got"
		same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
	done
	same 0 "$(cat "$q/curmsgs")"
}

@test "a read is a message, whatever the buffer" {
	make a
	for length in 1 2 63 4096 8191 8192; do
		message "$length" >"$BATS_TEST_TMPDIR/sent"
		"$native" mq-send-stdin /a 5 <"$BATS_TEST_TMPDIR/sent"
		"$native" mq-send /a 5 other
		for file in data next; do
			"$native" read-once "$q/$file" >"$BATS_TEST_TMPDIR/got"
			[ "$file" = data ] || echo -n other >"$BATS_TEST_TMPDIR/sent"
			same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
		done
	done
	put abcdefg "$q/data"
	put hij "$q/data"
	same $'3\n3\n1\n3' "$("$native" read-lengths "$q/data" 3 4)"
	put one "$q/data"
	same $'1\n1\n1\n0' "$("$native" read-lengths "$q/next" 1 4)"
	# bash reads byte by byte, and receives the rest of its own message only.
	put $'one\n' "$q/data"
	put $'two\n' "$q/data"
	read -r line <"$q/data"
	same one "$line"
	same two "$(cat "$q/next")"
	same 0 "$(cat "$q/curmsgs")"
}

@test "a message that is too large is refused whole, and why says so" {
	"$native" mq-make /a 600 4 100
	q=$MQ/a
	put "$(printf '%0100d' 1)" "$q/data"
	refused EMSGSIZE put "$(env printf '%0101d' 1)" "$q/data"
	why_is "write posix/mq/a/data: EMSGSIZE: message of 101 bytes is longer than the queue's msgsize 100"
	refused EMSGSIZE put "$(env printf '%0101d' 1)" "$q/prio/7/data"
	why_is "write posix/mq/a/prio/7/data: EMSGSIZE"
	refused EMSGSIZE put $'0 101\n' "$q/records"
	for size in 9000 1048576 3000000; do
		head -c "$size" /dev/zero >"$BATS_TEST_TMPDIR/large"
		refused EMSGSIZE "$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/large"
	done
	{ echo first; printf '%0101d\n' 1; echo last; } >"$BATS_TEST_TMPDIR/text"
	refused EMSGSIZE dd bs=1M status=none if="$BATS_TEST_TMPDIR/text" of="$q/lines"
	why_is "EMSGSIZE: line is too long: a line is a message"
	same 2 "$(cat "$q/curmsgs")"
	"$native" mq-receive-bytes /a
	same first "$(cat "$q/drain")"
}

@test "large messages pass where the limit is raised" {
	old=$(cat "$IPC/limits/mq_msgsize_max")
	echo 400000 >"$IPC/limits/mq_msgsize_max"
	"$native" mq-make /a 600 2 400000
	q=$MQ/a
	head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	"$native" write-once "$q/data" <"$BATS_TEST_TMPDIR/sent"
	"$native" mq-receive-bytes /a >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
	head -c 400000 /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	"$native" mq-send-stdin /a 1 <"$BATS_TEST_TMPDIR/sent"
	put second "$q/data"
	cat "$q/next" >"$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
	same second "$(cat "$q/next")"
	echo "$old" >"$IPC/limits/mq_msgsize_max"
}

@test "the highest priority first, and in order within one" {
	make a
	put zero "$q/data"
	put three "$q/prio/3/data"
	printf 'nine\nnine again\n' >"$q/prio/9/lines"
	"$native" mq-send /a 32767 most
	put last "$q/prio/32767/data"
	same $'32767 4\nmost' "$("$native" mq-receive /a)"
	same $'32767 4\nlast' "$("$native" mq-receive /a)"
	same $'9 4\nnine' "$("$native" mq-receive /a)"
	same $'nine again\nthree\nzero' "$(cat "$q/drain")"
}

@test "records carry priorities, bytes and empty messages, both ways" {
	make a
	printf '32767 1\n\n\n3 5\nhe\0lo\n0 0\n\n' >"$BATS_TEST_TMPDIR/records"
	for write in "dd bs=1" "dd bs=1M"; do
		$write status=none if="$BATS_TEST_TMPDIR/records" of="$q/records"
		for _ in 1 2 3; do "$native" mq-receive /a nowait; done >"$BATS_TEST_TMPDIR/got"
		same_bytes "$BATS_TEST_TMPDIR/records" "$BATS_TEST_TMPDIR/got"
		$write status=none if="$BATS_TEST_TMPDIR/records" of="$q/records"
		"$native" read-once "$q/records" >"$BATS_TEST_TMPDIR/got"
		same_bytes "$BATS_TEST_TMPDIR/records" "$BATS_TEST_TMPDIR/got"
	done
	cat "$BATS_TEST_TMPDIR/records" >"$q/records"
	dd bs=1 count=25 status=none if="$q/records" of="$BATS_TEST_TMPDIR/got"
	same_bytes "$BATS_TEST_TMPDIR/records" "$BATS_TEST_TMPDIR/got"
	for text in $'1 1\nab' $'x\n' $'-1 1\na\n' $'32768 1\na\n'; do
		refused EINVAL put "$text" "$q/records"
	done
	why_is "PRIORITY from 0 to 32767"
	same 0 "$(cat "$q/curmsgs")"
}

@test "empty messages are messages" {
	make a
	"$native" mq-send /a 3 ""
	same 0 "$("$native" read-lengths "$q/data" 100 1)"
	"$native" mq-send /a 3 ""
	same 1 "$("$native" read-lengths "$q/lines" 10000 1)"
	"$native" mq-send /a 3 ""
	same 1 "$("$native" read-lengths "$q/lines" 10 1)"
	echo >"$q/lines"
	same "0 0" "$("$native" mq-receive /a)"
}

@test "drain gives all that is there as lines, and never waits" {
	make a
	same "" "$(cat "$q/drain")"
	put one "$q/data"
	put $'two\n' "$q/data"
	"$native" mq-send /a 9 three
	same $'three\none\ntwo' "$(cat "$q/drain")"
	same 0 "$(cat "$q/curmsgs")"
}

@test "lines: as many whole ones as fit, and not one more is taken" {
	make a
	printf 'one\ntwo\nthree\n' >"$q/lines"
	same one "$("$native" read-once "$q/lines" 100)" # less than msgsize: none can be looked at without being taken
	same $'two\nthree' "$("$native" read-once "$q/lines" 100000)"
	{ printf 'a'; env printf 'b'; printf 'c\nd'; } >"$q/lines"
	becomes "$q/curmsgs" 2
	same $'abc\nd' "$(cat "$q/drain")"
	printf 'one\ntwo words\n' >"$q/lines"
	{
		read -r first
		read -r second
	} <"$q/lines"
	same "one, two words" "$first, $second"
}

@test "seq into lines while others read, here and natively" {
	make a
	start reader head -n 100000 "$q/lines"
	seq 100000 >"$q/lines"
	ended reader
	cmp <(seq 100000) "$BATS_TEST_TMPDIR/reader"
	start reader bash -c 'for i in $(seq 300); do "$1" mq-receive-bytes /a; echo; done' bash "$native"
	seq 300 >"$q/lines"
	ended reader
	cmp <(seq 300) "$BATS_TEST_TMPDIR/reader"
}

@test "attributes are mq_getattr's, and status has them all" {
	make a 640
	chown 1000:1001 "$q"
	put 12345 "$q/prio/2/data"
	"$native" mq-send /a 0 123
	same "10 8192 2" "$("$native" mq-attr /a)"
	same "10 8192 2 8 none" "$(cat "$q"/{maxmsg,msgsize,curmsgs,qsize,notify} | xargs)"
	same "1000 1001 0640" "$(of_status Uid) $(of_status Gid) $(of_status Mode)"
	for field in maxmsg msgsize curmsgs qsize notify; do
		same "$(cat "$q/$field")" "$(of_status "${field^}")"
	done
	same "$(date -d "$(of_status Mtime)" +%s)" "$(stat -c %Y "$q")"
	same /a "$(of_status Name)"
	same 10 "$(grep -c $'^[A-Z][a-z]*:\t' "$q/status")"
	for file in curmsgs qsize notify status next drain; do
		refused EACCES put 1 "$q/$file"
	done
}

@test "ls -l: bytes held, the time of the last message, owner and mode" {
	before=$(date +%s)
	make a
	put 12345 "$q/data"
	same "5 0 0 drwx------" "$(stat -c '%s %u %g %A' "$q")"
	[ "$(stat -c %Y "$q")" -ge "$before" ] && [ "$(stat -c %Y "$q")" -le "$(date +%s)" ]
	same "0 regular empty file" "$(stat -c '%s %F' "$q/data")"
	[ "$(stat -c %o "$q/data")" -gt 8192 ]
	: >"$q/data" # opening with O_TRUNC takes nothing away
	same 1 "$(cat "$q/curmsgs")"
	touch "$q" "$q/data"
	refused EPERM touch -d 2020-01-01 "$q"
}

@test "a queue has no other name" {
	make a
	refused EPERM mv "$q" "$MQ/b"
	why_is "cannot be renamed"
	same a "$(ls "$MQ")"
}

@test "notify says who registered" {
	make a
	start watcher "$native" mq-notify /a signal
	says watcher registered
	same "pid=${pid[watcher]} signal=USR1" "$(cat "$q/notify")"
	same "pid=${pid[watcher]} signal=USR1" "$(of_status Notify)"
	put x "$q/data"
	ended watcher
	same told "$(said watcher | tail -n 1)"
	same none "$(cat "$q/notify")"
	cat "$q/drain"
	start watcher "$native" mq-notify /a thread
	says watcher registered
	same "pid=${pid[watcher]} thread" "$(cat "$q/notify")"
	put x "$q/data"
	ended watcher
	start watcher "$native" mq-notify /a none
	says watcher registered
	same "pid=${pid[watcher]} none" "$(cat "$q/notify")"
	kill "${pid[watcher]}"
	ended watcher 143
	same none "$(cat "$q/notify")"
}
