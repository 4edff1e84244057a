# The examples of semaphores: each program excludes the others.
load ../semaphores

examples=$BATS_TEST_DIRNAME/../../../examples

runners() {
	"${CC:-cc}" -Wall -Wextra -Werror -o lock-run "$examples/c/lock-run.c"
	runners=("$examples/shell/lock-run" "$examples/python/lock_run.py" ./lock-run)
}

# Reads a count, waits, and writes the incremented count.
slow_count='n=$(cat counter); sleep 0.01; echo $((n + 1)) >counter'

count_with() {
	local i
	echo 0 >counter
	for i in {0..11}; do
		start "r$i" "${runners[i % 3]}" "$1" sh -c "$slow_count"
	done
	for i in {0..11}; do
		ended "r$i"
	done
	same 12 "$(cat counter)"
}

@test "the shell, Python and C programs exclude each other with a System V semaphore" {
	runners
	make_set lock 1
	count_with "$s/0/hold"
	becomes "$s/0/value" 1
}

@test "the shell, Python and C programs exclude each other with a POSIX semaphore" {
	runners
	make_named lock 1
	count_with "$p/hold"
	becomes "$p/value" 1
}

@test "each example returns the status of its command, and prints its usage without arguments" {
	runners
	make_set lock 1
	for runner in "${runners[@]}"; do
		run -3 "$runner" "$s/0/hold" sh -c 'exit 3'
		run ! "$runner"
		[[ $output == *"usage: $(basename "$runner") HOLD COMMAND"* ]]
	done
}

@test "the semaphore is released when the holder is killed" {
	runners
	make_set lock 1
	for runner in "${runners[@]}"; do
		start k "$runner" "$s/0/hold" sleep 60
		becomes "$s/0/value" 0
		# Python's command does not inherit the descriptor: the end of the runner releases the lock.
		child=$(cat "/proc/${pid[k]}/task/${pid[k]}/children")
		killed k
		becomes "$s/0/value" 1
		[ -z "$child" ] || kill -KILL $child
	done
}
