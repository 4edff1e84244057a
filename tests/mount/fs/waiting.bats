# Readers that block until a message arrives, and writers that block until the queue has room.
load ../helper

@test "a blocked reader wakes for a native sender" {
	make a
	for file in data next lines type/1/data type/upto-3/data type/except-2/data; do
		start_in read reader "$native" read-once "$q/$file"
		"$native" msg-send "$key" 1 hello
		ended reader
		same hello "$(said reader)"
	done
	same 0 "$(cat "$q/qnum")"
}

@test "a blocked native receiver wakes for a writer" {
	make a
	start reader "$native" msg-receive-bytes "$key"
	put hello "$q/data"
	ended reader
	same hello "$(said reader)"
}

@test "a blocked writer wakes when a native receiver makes room" {
	make a
	fill "$q"
	start_in write writer "$native" interruptible "$q/data" write last
	still writer
	"$native" msg-receive "$key" >/dev/null
	ended writer
	"$native" msg-receive "$key" >/dev/null
	same last "$(cat "$q/next")"
}

@test "a blocked writer wakes when qbytes is raised" {
	make a
	echo 10 >"$q/qbytes"
	put 1234567890 "$q/data"
	start_in write writer "$native" interruptible "$q/data" write last
	echo 100 >"$q/qbytes"
	ended writer
	same $'1234567890\nlast' "$(cat "$q/drain")"
}

@test "blocked readers receive messages in the order of their reads" {
	make a
	for i in 1 2 3; do start_in read "reader$i" "$native" read-once "$q/data"; done
	for i in 1 2 3; do
		put "message $i" "$q/data"
		ended "reader$i"
		same "message $i" "$(said "reader$i")"
	done
}

@test "with O_NONBLOCK, set at open or later, a read or write that would block fails with EAGAIN" {
	make a
	for call in nonblocking nonblocking-later; do
		for file in data next lines records type/2/data; do
			refused EAGAIN "$native" "$call" "$q/$file" read
		done
		put x "$q/data"
		same x "$("$native" "$call" "$q/data" read)"
	done
	fill "$q"
	for call in nonblocking nonblocking-later; do
		refused EAGAIN "$native" "$call" "$q/data" write x
		refused EAGAIN "$native" "$call" "$q/lines" write $'x\n'
		refused EAGAIN "$native" "$call" "$q/records" write $'1 1\nx\n'
	done
	rmdir "$q"
	make a
	"$native" nonblocking "$q/data" write hello
	same hello "$(cat "$q/next")"
}

@test "SIGINT ends a blocked read or write with EINTR, and no message is lost or added" {
	make a
	for file in data next lines records type/3/data; do
		start_in read reader "$native" interruptible "$q/$file" read
		kill -INT "${pid[reader]}"
		in_time 3000 ended reader 1
		same EINTR "$(errors reader)"
	done
	put kept "$q/data"
	same kept "$(cat "$q/next")"
	fill "$q"
	cp "$q/peek" "$BATS_TEST_TMPDIR/full"
	for file in data lines; do
		start_in write writer "$native" interruptible "$q/$file" write $'x\n'
		kill -INT "${pid[writer]}"
		in_time 3000 ended writer 1
		same EINTR "$(errors writer)"
	done
	same_bytes "$BATS_TEST_TMPDIR/full" "$q/peek"
}

@test "SIGKILL ends a process in a blocked read or write" {
	make a
	for file in data next lines records; do
		start_in read reader cat "$q/$file"
		kill -KILL "${pid[reader]}"
		in_time 3000 ended reader 137
	done
	fill "$q"
	for file in data lines records; do
		start_in write writer "$native" interruptible "$q/$file" write $'1 1\nx\n'
		kill -KILL "${pid[writer]}"
		in_time 3000 ended writer 137
	done
}

@test "each of two blocked writers that share a descriptor can be killed" {
	make a
	fill "$q"
	for file in data lines; do
		exec 8>"$q/$file"
		start_in write first sh -c 'exec env printf "x\n" >&8'
		start_in write second sh -c 'exec env printf "x\n" >&8'
		exec 8>&-
		kill -KILL "${pid[second]}"
		in_time 3000 ended second 137
		still first
		kill -KILL "${pid[first]}"
		in_time 3000 ended first 137
	done
}

@test "rmdir ends blocked reads and writes with EIDRM" {
	make a
	make b
	start_in read reader "$native" read-once "$q/data"
	start_in read typed "$native" read-once "$q/type/7/lines"
	rmdir "$q"
	ended reader 1
	ended typed 1
	same "EIDRM EIDRM" "$(errors reader) $(errors typed)"
	q=$MSG/a
	fill "$q"
	start_in write writer "$native" interruptible "$q/data" write x
	rmdir "$q"
	ended writer 1
	same EIDRM "$(errors writer)"
}

@test "ipcrm ends blocked reads and writes with EIDRM" {
	make a
	fill "$q"
	start_in write writer "$native" interruptible "$q/lines" write $'x\n'
	start_in read typed "$native" read-once "$q/type/7/data"
	ipcrm -Q "$key"
	ended writer 1
	ended typed 1
	same "EIDRM EIDRM" "$(errors writer) $(errors typed)"
	make a
	start_in read reader "$native" read-once "$q/next"
	ipcrm -Q "$key"
	ended reader 1
	same EIDRM "$(errors reader)"
}

@test "reads and writes of an open file of a removed queue fail with EIDRM" {
	make a
	exec 8>"$q/data" 9<"$q/data"
	rmdir "$q"
	make a
	refused EIDRM eval 'env printf x >&8'
	refused EIDRM eval 'dd bs=1 count=1 <&9'
	exec 8>&- 9<&-
	same 0 "$(cat "$q/qnum")"
}

@test "a smaller message is sent while a larger one waits for room" {
	make a
	echo 100 >"$q/qbytes"
	env printf '%090d' 0 >"$q/data"
	start_in write large "$native" interruptible "$q/data" write "$(env printf '%050d' 1)"
	put small "$q/data"
	same 2 "$(cat "$q/qnum")"
	still large
	cat "$q/next" >/dev/null
	ended large
	same "small" "$(cat "$q/next")"
}

@test "an unfinished line is sent after close, when the queue has room" {
	make a
	fill "$q"
	printf 'unfinished' >"$q/lines"
	n=$(cat "$q/qnum")
	for ((; n > 0; n--)); do cat "$q/next" >/dev/null; done
	same unfinished "$(limit 5 cat "$q/next")"
}

@test "a file that is open for writing can be opened again through /dev/fd" {
	make a
	echo hello | tee /dev/stdout >"$q/data"
	exec 9>"$q/data"
	echo one >/dev/fd/9
	echo two >>/dev/fd/9
	exec 9>&-
	exec 9<>"$q/lines"
	echo three >/dev/fd/9
	exec 9>&-
	same "$(printf 'hello\nhello\none\ntwo\nthree')" "$(cat "$q/drain")"
}

# The writers open the file with O_TRUNC at the same moment and block. If they shared an inode, some of them would hang in
# open(2), where SIGKILL has no effect.
@test "writers that open a full queue at the same moment can all be killed" {
	make a
	fill "$q"
	for round in 1 2 3 4 5; do
		for i in 1 2 3 4 5 6 7 8; do start "writer$i" sh -c 'echo 123 >"$1"' sh "$q/data"; done
		for i in 1 2 3 4 5 6 7 8; do eventually "$native" is-in write "${pid[writer$i]}"; done
		for i in 1 2 3 4 5 6 7 8; do kill -KILL "${pid[writer$i]}"; done
		for i in 1 2 3 4 5 6 7 8; do in_time 2000 eventually is_gone "${pid[writer$i]}"; done
	done
}
