# bats file_tags=mqueue
# POSIX queues: readers that wait for a message, writers that wait for room, polls, and what becomes of them all when the
# queue is removed.
load queues

@test "a reader wakes for a native sender, a native receiver for a writer" {
	make a
	for file in data next lines records; do
		start_in read reader "$native" read-once "$q/$file"
		"$native" mq-send /a 1 hello
		ended reader
		[[ $(said reader) == *hello* ]]
	done
	start reader "$native" mq-receive-bytes /a
	put hello "$q/data"
	ended reader
	same hello "$(said reader)"
}

@test "a writer wakes when a native receiver makes room, a native sender when a reader does" {
	make a
	fill a
	start_in write writer "$native" interruptible "$q/data" write last
	still writer
	same 1 "$("$native" mq-receive-bytes /a)"
	ended writer
	start sender "$native" mq-send /a 9 native
	same 2 "$(cat "$q/next")"
	ended sender
	same native "$(cat "$q/next")"
	same last "$(tail -n 1 "$q/drain")"
}

@test "readers are served in the order they came" {
	make a
	for i in 1 2 3; do start_in read "reader$i" "$native" read-once "$q/data"; done
	for i in 1 2 3; do
		"$native" mq-send /a 0 "message $i"
		ended "reader$i"
		same "message $i" "$(said "reader$i")"
	done
}

@test "O_NONBLOCK at open, or set later: EAGAIN" {
	make a
	for call in nonblocking nonblocking-later; do
		for file in data next lines records; do
			refused EAGAIN "$native" "$call" "$q/$file" read
		done
		put x "$q/data"
		same x "$("$native" "$call" "$q/data" read)"
	done
	fill a
	for call in nonblocking nonblocking-later; do
		refused EAGAIN "$native" "$call" "$q/data" write x
		refused EAGAIN "$native" "$call" "$q/prio/9/data" write x
		refused EAGAIN "$native" "$call" "$q/lines" write $'x\n'
		refused EAGAIN "$native" "$call" "$q/records" write $'1 1\nx\n'
	done
	same 10 "$(cat "$q/curmsgs")"
}

@test "SIGINT ends a wait with EINTR, and takes no message" {
	make a
	for file in data next lines records; do
		start_in read reader "$native" interruptible "$q/$file" read
		kill -INT "${pid[reader]}"
		in_time 3000 ended reader 1
		same EINTR "$(errors reader)"
	done
	put kept "$q/data"
	same kept "$(cat "$q/next")"
	fill a
	for file in data lines prio/9/data prio/9/lines; do
		start_in write writer "$native" interruptible "$q/$file" write $'x\n'
		kill -INT "${pid[writer]}"
		in_time 3000 ended writer 1
		same EINTR "$(errors writer)"
	done
	cmp <(seq 10) "$q/drain"
}

@test "SIGKILL ends a wait" {
	make a
	for file in data next lines records; do
		start_in read reader cat "$q/$file"
		kill -KILL "${pid[reader]}"
		in_time 3000 ended reader 137
	done
	fill a
	for file in data lines records; do
		start_in write writer "$native" interruptible "$q/$file" write $'1 1\nx\n'
		kill -KILL "${pid[writer]}"
		in_time 3000 ended writer 137
	done
}

@test "two long writes of lines to a full queue take turns, and a message of another writer passes between them" {
	make a
	fill a
	start_in write first sh -c 'exec seq -f "first %g" 3000 >"$1"' sh "$q/lines"
	start_in write second sh -c 'exec seq -f "second %g" 3000 >"$1"' sh "$q/lines"
	start_in write third "$native" interruptible "$q/data" write third
	start reader head -n 6011 "$q/lines"
	for name in first second third reader; do ended "$name"; done
	cmp <(seq 10) <(head -n 10 "$BATS_TEST_TMPDIR/reader")
	for name in first second; do
		cmp <(seq -f "$name %g" 3000) <(grep "^$name" "$BATS_TEST_TMPDIR/reader")
	done
	# In the first of the many rounds that the long ones take.
	[ "$(grep -n third "$BATS_TEST_TMPDIR/reader" | cut -d: -f1)" -lt 200 ]
	[ "$(grep -n second "$BATS_TEST_TMPDIR/reader" | head -n 1 | cut -d: -f1)" -lt 200 ]
}

@test "the last piece of a line waits for room after close" {
	make a
	fill a
	printf 'unfinished' >"$q/lines"
	for _ in $(seq 10); do cat "$q/next" >/dev/null; done
	same unfinished "$(limit 5 cat "$q/next")"
}

@test "poll, select and epoll wake for the queue that a native sender sent to" {
	make a
	make b
	make c
	for call in poll select epoll epoll-edge; do
		for name in a b c; do
			start waiter "$native" wait-for "$call" read 10000 "$MQ/a/data" "$MQ/b/data" "$MQ/c/data"
			eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
			still waiter
			"$native" mq-send "/$name" 0 x
			ended waiter
			same "$MQ/$name/data" "$(said waiter)"
			same x "$(cat "$MQ/$name/next")"
		done
		same timeout "$("$native" wait-for "$call" read 20 "$MQ/a/data" || true)"
		same "$MQ/a/data" "$("$native" wait-for "$call" write 0 "$MQ/a/data")"
	done
}

@test "room in a full queue wakes" {
	make a
	for call in poll select epoll epoll-edge; do
		fill a
		same timeout "$("$native" wait-for "$call" write 20 "$q/data" || true)"
		start waiter "$native" wait-for "$call" write 10000 "$q/data" "$q/prio/3/lines"
		eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
		still waiter
		"$native" mq-receive /a >/dev/null
		ended waiter
		[[ $(said waiter) == *"$q/data"* ]]
		cat "$q/drain" >/dev/null
	done
}

@test "a native poll wakes for what is written and read here" {
	make a
	start waiter "$native" mq-poll /a read 10000
	put x "$q/data"
	ended waiter
	fill a
	same timeout "$("$native" mq-poll /a write 20 || true)"
	start waiter "$native" mq-poll /a write 10000
	cat "$q/next" >/dev/null
	ended waiter
	same ready "$(said waiter)"
}

@test "removed while open: what is left, then the end; writers EIDRM" {
	for remove in "rmdir $MQ/a" "$native mq-remove /a"; do
		make a
		exec 7<"$q/lines" 8>"$q/data" 9<"$q/data"
		put one "$q/data"
		put two "$q/data"
		$remove
		refused EIDRM eval 'env printf x >&8'
		why_is "the object was removed after the file was opened"
		same one "$(dd bs=10000 count=1 status=none <&9)"
		make a
		same two "$(limit 5 cat <&7)"
		same "" "$(limit 5 cat <&9)"
		same 0 "$(cat "$q/curmsgs")"
		exec 7<&- 8>&- 9<&-
		rmdir "$q"
	done
}

@test "removal wakes everybody who waits" {
	for remove in "rmdir $MQ/a" "$native mq-remove /a"; do
		make a
		for file in data next lines records; do
			start_in read "$file" "$native" read-once "$q/$file"
		done
		start poller "$native" wait-for poll read 10000 "$q/data"
		eventually grep waiting "$BATS_TEST_TMPDIR/poller.err"
		$remove
		for file in data next lines records poller; do
			in_time 3000 ended "$file"
		done
		same "" "$(said data)$(said next)$(said lines)$(said records)"
		same "$q/data" "$(said poller)"
		make a
		fill a
		for file in data lines; do
			start_in write "$file" "$native" interruptible "$q/$file" write $'x\n'
		done
		start poller "$native" wait-for epoll write 10000 "$q/data"
		eventually grep waiting "$BATS_TEST_TMPDIR/poller.err"
		printf unfinished >"$q/lines"
		$remove
		for file in data lines; do
			in_time 3000 ended "$file" 1
			same EIDRM "$(errors "$file")"
		done
		ended poller
		# Nothing of the queue is left in the daemon, not even for the unfinished line.
		eventually nothing_held
	done
}

nothing_held() {
	! ls -l "/proc/$(ipcfs_pid)/fd" | grep -q '/a (deleted)'
}

@test "300 readers, each gets one of 300 messages" {
	make a
	for i in $(seq 300); do start "reader$i" "$native" read-once "$q/data"; done
	seq 300 | "$native" mq-send-lines /a 0
	for i in $(seq 300); do ended "reader$i"; done
	cmp <(seq 300) <(for i in $(seq 300); do said "reader$i"; echo; done | sort -n)
	same 0 "$(cat "$q/curmsgs")"
}

# The operations that must stay quick. They run in a separate process, while the crowd is blocked.
everyday() {
	ls -lR "$IPC/posix" >/dev/null &&
		mkdir "$MQ/other" &&
		for i in 1 2 3 4 5; do
			put "$i" "$MQ/other/data" && same "$i" "$(cat "$MQ/other/next")" || return
		done &&
		rmdir "$MQ/other"
}

everyday_in_time() {
	in_time 5000 everyday
}

@test "1000 readers and 100 writers wait: all else is quick, and all die at once" {
	make empty
	make full
	fill full
	export -f everyday everyday_in_time in_time same put complain
	"$native" crowd 1000 read "$MQ/empty/data" 5000 \
		"$native" crowd 100 write "$MQ/full/data" 5000 \
		bash -c everyday_in_time
	cmp <(seq 10) "$MQ/full/drain"
	put kept "$MQ/empty/data"
	same kept "$(cat "$MQ/empty/next")"
}

@test "however many have a queue open, it takes few descriptors" {
	make a
	held() { ls -l "/proc/$(ipcfs_pid)/fd" | grep -c ' /a$' || true; }
	for i in $(seq 20); do start_in read "reader$i" "$native" read-once "$q/data"; done
	[ "$(held)" -le 2 ]
	for i in $(seq 20); do
		kill -KILL "${pid[reader$i]}"
		ended "reader$i" 137
	done
	gone() { [ "$(held)" = 0 ]; }
	eventually gone
}

# Nobody stands for them any more, so each user's have a bound; beyond it none is taken, and none is lost.
@test "unfinished lines of closed files wait for room, about 1024 of a user" {
	make a 777
	for i in {1..10}; do put full "$q/data"; done
	as 1000 python3 -c '
import errno, os, sys
sent = 0
try:
    while sent < 3000:
        fd = os.open(sys.argv[1], os.O_WRONLY)
        os.write(fd, b"%d" % sent)
        os.close(fd)
        sent += 1
except OSError as error:
    assert error.errno == errno.ENFILE
print(sent)' "$q/lines" >"$BATS_TEST_TMPDIR/sent"
	sent=$(cat "$BATS_TEST_TMPDIR/sent")
	[ "$sent" -ge 1024 ] && [ "$sent" -lt 3000 ]
	[[ "$(as 1000 cat "$IPC/why")" == *"limit reached: 1024 closed files with data to send"* ]]
	as 1001 bash -c ': >"$1"' - "$q/lines"
	printf last >"$q/lines"
	all_sent() { cat "$q/drain" >>got && grep -q last got; }
	eventually all_sent
	cmp <({ seq 0 $((sent - 1)); echo last; } | sort) <(grep -v full got | sort)
	eventually as 1000 bash -c ': >"$1"' - "$q/lines"
	rm got
}
