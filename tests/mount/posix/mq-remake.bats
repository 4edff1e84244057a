# bats file_tags=mqueue
# Another maxmsg or msgsize: a POSIX queue is made anew.
load queues

# sizes: maxmsg and msgsize, as mq_getattr says.
sizes() {
	"$native" mq-attr "/${q##*/}" | cut -d' ' -f1,2
}

@test "an empty queue gets another maxmsg and msgsize, and keeps all else" {
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

@test "its owner may, and is charged for the new one alone" {
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

@test "who stands in its directory stands in the new one" {
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

@test "not while messages are queued, or somebody has it open" {
	make a
	put x "$q/data"
	refused "Device or resource busy" put 5 "$q/maxmsg"
	why_is "1 messages are queued"
	cat "$q/drain"
	start holder "$native" mq-hold /a
	says holder open
	refused "Device or resource busy" put 5 "$q/maxmsg"
	why_is "process ${pid[holder]} has it open"
	kill "${pid[holder]}"
	ended holder 143
	exec 8<"$q/data"
	refused "Device or resource busy" put 5 "$q/maxmsg"
	why_is "it is open here"
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

@test "what is no size, or above the limits, changes nothing" {
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
	[[ "$(as 1001 cat "$IPC/why")" == *"the old one still among them, may take 100000 together"* ]]
	same "10 8192 $before" "$(sizes) $(stat -c %i "$q")"
	put 10 "$q/maxmsg" # as it is
	same "$before" "$(stat -c %i "$q")"
}

@test "limits that root has raised" {
	make a
	chown 1000 "$q"
	echo 50 >"$IPC/limits/mq_msg_max"
	as 1000 sh -c 'echo 50 >"$1"' sh "$q/maxmsg"
	echo 10 >"$IPC/limits/mq_msg_max"
	same "50 8192" "$(sizes)"
}

@test "while others open it, send and close again, nothing is lost" {
	make a
	start sender "$native" mq-send-each /a 1000
	start sizer bash -c 'for i in {1..500}; do echo $((i % 5 + 5)) >"$1"; done' bash "$q/maxmsg"
	while [ "$(wc -l <"$BATS_TEST_TMPDIR/got")" -lt 1000 ] 2>/dev/null || [ ! -e "$BATS_TEST_TMPDIR/got" ]; do
		cat "$q/drain" >>"$BATS_TEST_TMPDIR/got"
	done
	ended sender
	wait "${pid[sizer]}" || true
	unset "pid[sizer]"
	cmp <(seq 1000) "$BATS_TEST_TMPDIR/got"
	[ "$(grep -c 'busy' "$BATS_TEST_TMPDIR/sizer.err")" -lt 500 ]
}

# It takes a while to look at all processes; this one opens the queue after it was looked at, and sends later.
@test "who opens it while others are still being looked at keeps it" {
	make a
	start sender "$native" mq-send-each /a 150 10
	for i in $(seq 150); do start "sleeper$i" sleep 60; done
	start sizer bash -c 'while :; do for i in 5 6; do echo $i >"$1"; done; done' bash "$q/maxmsg"
	while ! is_gone "${pid[sender]}"; do
		cat "$q/drain" >>"$BATS_TEST_TMPDIR/got"
	done
	ended sender
	cat "$q/drain" >>"$BATS_TEST_TMPDIR/got"
	cmp <(seq 150) "$BATS_TEST_TMPDIR/got"
}

@test "a write to maxmsg can be killed" {
	make a
	start sizer bash -c 'while :; do echo 5 >"$1"; echo 6 >"$1"; done' bash "$q/maxmsg"
	sized() { [ "$(cat "$q/maxmsg")" != 10 ]; }
	eventually sized
	kill -KILL "${pid[sizer]}"
	in_time 2000 ended sizer 137
}
