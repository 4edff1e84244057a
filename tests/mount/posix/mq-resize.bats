# bats file_tags=mqueue
# Another maxmsg or msgsize for a POSIX queue, which recreates it.
load queues

setup() {
	declare -gA pid=()
	cd "$dir"
	can_resize || skip "this kernel has no leases on queues"
}

# sizes: maxmsg and msgsize, as mq_getattr says.
sizes() {
	"$native" mq-attr "/${q##*/}" | cut -d' ' -f1,2
}

@test "an empty queue gets another maxmsg and msgsize and keeps everything else" {
	make a 640
	chown 1000:2000 "$q"
	echo 5 >"$q/maxmsg"
	same "5 8192" "$(sizes)"
	printf 1K >"$q/msgsize"
	same "5 1024" "$(sizes)"
	same "1000 2000 drwxr-x---" "$(stat -c '%u %g %A' "$q")"
	same "5 1024" "$(cat "$q/maxmsg" "$q/msgsize" | xargs)"
	for i in 1 2 3 4 5; do put "$i" "$q/data"; done
	refused EAGAIN "$native" nonblocking "$q/data" write x
	same 1 "$(cat "$q/next")"
	same a "$(ls "$MQ")"
}

@test "the owner can resize, and only the new queue counts against the limit" {
	as 1000:2000,2001 sh -c 'mkdir "$1" && chgrp 2001 "$1"' sh "$MQ/a"
	q=$MQ/a
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		as 1000:2000 sh -c 'echo 9 >"$1/maxmsg" && echo 10 >"$1/maxmsg"' sh "$q"
	done
	same "1000 2001 10 8192" "$(stat -c '%u %g' "$q") $(sizes)"
	run ! as 1001 sh -c 'echo 9 >"$1"' sh "$q/maxmsg"
	chmod 666 "$q"
	refused EACCES as 1001 bash -c 'echo 9 >"$1"' sh "$q/maxmsg"
	same "10 8192" "$(sizes)"
}

@test "a shell in the directory of the queue is in the directory of the new one" {
	make a
	cd "$q"
	echo 5 >maxmsg
	echo 100 >msgsize
	echo hello >data
	same "5 100 1 hello" "$(cat maxmsg msgsize curmsgs next | xargs)"
	exec 8<>maxmsg
	echo 6 >&8
	echo 7 >&8
	exec 8>&-
	same 7 "$(cat maxmsg)"
	cd "$dir"
}

@test "resizing fails while messages are queued or the queue is open" {
	make a
	put x "$q/data"
	refused "Device or resource busy" put 5 "$q/maxmsg"
	why_is "1 messages are queued"
	cat "$q/drain"
	start holder "$native" mq-hold /a
	says holder open
	refused "Device or resource busy" put 5 "$q/maxmsg"
	why_is "a process has the queue open"
	kill "${pid[holder]}"
	ended holder 143
	exec 8<"$q/data"
	refused "Device or resource busy" put 5 "$q/maxmsg"
	why_is "a file of the queue is open in the tree"
	exec 8<&-
	start_in read reader "$native" read-once "$q/data"
	refused "Device or resource busy" put 100 "$q/msgsize"
	"$native" mq-send /a 0 hello
	ended reader
	same hello "$(said reader)"
	same "10 8192" "$(sizes)"
	eventually put 5 "$q/maxmsg"
	same "5 8192" "$(sizes)"
}

@test "an invalid size or one above the limits changes nothing" {
	make a
	before=$(stat -c %i "$q")
	for text in 0 -1 x "5 6" 65537 5K; do
		refused EINVAL put "$text" "$q/maxmsg"
	done
	why_is "maxmsg is a number"
	for text in 0 x 17M 1x; do
		refused EINVAL put "$text" "$q/msgsize"
	done
	chown 1000 "$q"
	refused EINVAL as 1000 bash -c 'echo 11 >"$1"' sh "$q/maxmsg"
	same "write posix/mq/a/maxmsg: EINVAL: 11 messages of 8192 bytes: limits/mq_msg_max is 10 and limits/mq_msgsize_max 8192" \
		"$(as 1000 cat "$IPC/why")"
	refused EINVAL as 1000 bash -c 'echo 8193 >"$1"' sh "$q/msgsize"
	as 1001 mkdir "$MQ/b"
	refused "Too many open files" as 1001 bash -c 'ulimit -q 100000 && echo 9 >"$1"' sh "$MQ/b/maxmsg"
	[[ "$(as 1001 cat "$IPC/why")" == *"the old one included, may take 100000 together"* ]]
	same "10 8192 $before" "$(sizes) $(stat -c %i "$q")"
	put 10 "$q/maxmsg" # the present size
	same "$before" "$(stat -c %i "$q")"
}

@test "a limit that root has raised" {
	make a
	chown 1000 "$q"
	echo 50 >"$IPC/limits/mq_msg_max"
	as 1000 sh -c 'echo 50 >"$1"' sh "$q/maxmsg"
	echo 10 >"$IPC/limits/mq_msg_max"
	same "50 8192" "$(sizes)"
}

# drain: appends the queued messages to the file `got`, a line each.
drain() {
	cat "$q/drain" >>"$BATS_TEST_TMPDIR/got"
}

# got_all COUNT: each number up to COUNT has arrived once. A resize may change the order.
got_all() {
	cmp <(seq "$1") <(sort -n "$BATS_TEST_TMPDIR/got")
}

# Each resize races with the sender, and fails while a message is queued or the sender has the queue open.
@test "no message is lost while a native sender opens, sends and closes" {
	make a
	start sender "$native" mq-send-each /a 300 1
	local resized=0
	while ! is_gone "${pid[sender]}"; do
		if put $((resized % 2 + 5)) "$q/maxmsg" 2>"$BATS_TEST_TMPDIR/error"; then
			resized=$((resized + 1))
		else
			grep -q "busy" "$BATS_TEST_TMPDIR/error"
		fi
		drain
	done
	ended sender
	drain
	got_all 300
	eventually put 9 "$q/maxmsg"
	same "9 8192" "$(sizes)"
}

@test "no message is lost while a sender without pauses and a resizer run" {
	make a
	start sender "$native" mq-send-each /a 1000
	start resizer bash -c 'while :; do for i in 5 6; do echo $i >"$1"; done; done' bash "$q/maxmsg"
	while ! is_gone "${pid[sender]}"; do
		drain
	done
	ended sender
	drain
	got_all 1000
}

@test "a refused resize changes nothing while a process has the queue open" {
	make a
	before=$(stat -c %i "$q")
	start holder "$native" mq-hold /a
	says holder open
	for _ in {1..20}; do
		refused EBUSY put 5 "$q/maxmsg"
	done
	same "10 8192 $before" "$(sizes) $(stat -c %i "$q")"
	kill "${pid[holder]}"
	ended holder 143
	eventually put 5 "$q/maxmsg"
	same "5 8192 a" "$(sizes) $(ls "$MQ")"
}

# The second one opens the queue that the first one replaces.
@test "concurrent resizes leave one queue with one of the sizes" {
	make a
	for i in 1 2 3; do
		start "resizer$i" bash -c 'for i in {1..50}; do echo $((i % 3 + 5)) >"$1"; done' bash "$q/maxmsg"
	done
	for i in 1 2 3; do
		eventually is_gone "${pid[resizer$i]}"
		run ! grep -v busy "$BATS_TEST_TMPDIR/resizer$i.err"
	done
	same a "$(ls "$MQ")"
	[[ "$(sizes)" == [567]" 8192" ]]
	put kept "$q/data"
	same kept "$(cat "$q/next")"
}

@test "a write to maxmsg can be killed" {
	make a
	start sizer bash -c 'while :; do echo 5 >"$1"; echo 6 >"$1"; done' bash "$q/maxmsg"
	sized() { [ "$(cat "$q/maxmsg")" != 10 ]; }
	eventually sized
	kill -KILL "${pid[sizer]}"
	in_time 2000 ended sizer 137
}
