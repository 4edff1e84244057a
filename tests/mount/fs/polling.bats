# Waiting with poll(2), select(2) and epoll(7).
load ../helper

@test "poll, select and epoll wake when a native sender sends to one of three queues" {
	make a
	make b
	make c
	for call in poll select epoll epoll-edge; do
		for name in a b c; do
			start waiter "$native" wait-for "$call" read 10000 "$MSG/a/data" "$MSG/b/data" "$MSG/c/data"
			eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
			still waiter
			"$native" msg-send "$(cat "$MSG/$name/key")" 1 x
			ended waiter
			same "$MSG/$name/data" "$(said waiter)"
			same x "$(cat "$MSG/$name/next")"
		done
	done
}

@test "a file is ready for reading if a message is queued, and for writing if there is room" {
	make a
	for call in poll select epoll epoll-edge; do
		same timeout "$("$native" wait-for "$call" read 20 "$q/data" || true)"
		same "$q/data" "$("$native" wait-for "$call" write 0 "$q/data")"
		put x "$q/data"
		same "$q/lines" "$("$native" wait-for "$call" read 0 "$q/lines")"
		cat "$q/next"
		fill "$q"
		same timeout "$("$native" wait-for "$call" write 20 "$q/data" || true)"
		cat "$q/drain" >/dev/null
	done
}

@test "poll, select and epoll for writing wake when a full queue gets room" {
	make a
	for call in poll select epoll epoll-edge; do
		fill "$q"
		start waiter "$native" wait-for "$call" write 10000 "$q/data"
		eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
		still waiter
		"$native" msg-receive "$key" >/dev/null
		ended waiter
		same "$q/data" "$(said waiter)"
		cat "$q/drain" >/dev/null
	done
}

@test "a selection is ready when the queue has a message of its types" {
	make a
	put other "$q/type/5/data"
	same timeout "$("$native" wait-for poll read 20 "$q/type/7/data" "$q/type/upto-4/data" "$q/type/except-5/data" || true)"
	start waiter "$native" wait-for epoll read 10000 "$q/type/7/data" "$q/type/upto-4/data" "$q/type/9/data"
	eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
	still waiter
	"$native" msg-send "$key" 7 x
	ended waiter
	same "$q/type/7/data" "$(said waiter)"
	same 2 "$(cat "$q/qnum")"
}

@test "an empty message makes a file ready, and stays in the queue" {
	make a
	for call in poll select epoll; do
		start waiter "$native" wait-for "$call" read 10000 "$q/data" "$q/type/3/data"
		eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
		"$native" msg-send "$key" 3 ""
		ended waiter
		[[ $(said waiter) == *"$q"* ]]
		eventually grep -x 1 "$q/qnum"
		same "3 0" "$("$native" msg-receive "$key" 0 nowait)"
	done
}

@test "poll, select and epoll wake when the queue is removed" {
	for call in poll select epoll; do
		make a
		start waiter "$native" wait-for "$call" read 10000 "$q/data"
		eventually grep waiting "$BATS_TEST_TMPDIR/waiter.err"
		rmdir "$q"
		ended waiter
		same "$q/data" "$(said waiter)"
	done
}

@test "text files are always ready" {
	make a
	for file in qnum status peek; do
		same "$q/$file" "$("$native" wait-for poll read 0 "$q/$file")"
	done
}

@test "one message wakes every polling process, and one process receives it" {
	make a
	for i in 1 2 3; do
		start "waiter$i" "$native" wait-for poll read 10000 "$q/data"
		eventually grep waiting "$BATS_TEST_TMPDIR/waiter$i.err"
	done
	put x "$q/data"
	for i in 1 2 3; do ended "waiter$i"; done
	same x "$(cat "$q/next")"
}

# said_ready N: the program has printed `ready` N times.
said_ready() {
	[ "$(grep -c ready "$BATS_TEST_TMPDIR/edges")" = "$1" ]
}

@test "edge-triggered epoll wakes for each message that arrives after EAGAIN" {
	make a
	cat >"$BATS_TEST_TMPDIR/edges.py" <<-'END'
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
		poll = select.epoll()
		poll.register(fd, select.EPOLLIN | select.EPOLLET)
		for message in b"one", b"two", b"three":
		    print("ready", flush=True)
		    assert poll.poll(20)
		    got = []
		    try:
		        while True:
		            got.append(os.read(fd, 100))
		    except BlockingIOError:
		        assert got == [message], got
	END
	start edges python3 "$BATS_TEST_TMPDIR/edges.py" "$q/data"
	n=0
	for message in one two three; do
		n=$((n + 1))
		eventually said_ready "$n"
		"$native" msg-send "$key" 1 "$message"
	done
	ended edges
}
