# Stress test: semaphores under load, with processes that are killed at any moment.
load ../semaphores

# counts_right HOLD VALUE SHM: no increment of a counter in shared memory is lost, and the lock is free at the end.
counts_right() {
	mkdir "$IPC/$3/counter"
	echo 4M >"$IPC/$3/counter/size"
	run -0 limit 15 "$torture" kill "$1" "$IPC/$3/counter/data" 50 400
	becomes "$2" 1
	rmdir "$IPC/$3/counter"
}

@test "50 processes count with a System V hold while holders are killed" {
	make_set lock 1
	counts_right "$s/0/hold" "$s/0/value" sysv/shm
	becomes "$s/0/ncnt" 0
}

@test "50 processes count with a POSIX hold while holders are killed" {
	make_named lock 1
	counts_right "$p/hold" "$p/value" posix/shm
	becomes "$p/waiters" 0
}

@test "without a lock, the same test loses increments" {
	run -1 limit 15 "$torture" kill /dev/null "$dir/counter" 8 20
	[[ $output == *WRONG* ]]
}

@test "dining philosophers finish, half of them with native calls" {
	make_set forks 1 1 1 1 1 1 1
	run -0 limit 15 "$torture" dine "$s/op" "$key" 7 300
	same "2100 of 2100 meals" "$output"
	same "1 1 1 1 1 1 1" "$(cat "$s/values")"
}

@test "60 blocked processes that are killed leave the lock unchanged" {
	make_set lock 1
	start_holding h "$s/0/hold"
	held h
	for i in {1..60}; do
		start_holding "w$i" "$s/0/hold"
	done
	becomes "$s/0/ncnt" 60
	in_time 2000 cat "$s/status" >/dev/null
	for i in {1..60}; do
		kill -KILL "${pid[w$i]}"
	done
	becomes "$s/0/ncnt" 0
	same 0 "$(cat "$s/0/value")"
	killed h
	becomes "$s/0/value" 1
}
