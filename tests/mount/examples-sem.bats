# The examples of semaphores: each keeps the others out.
load semaphores

examples=$BATS_TEST_DIRNAME/../../examples

runners() {
	"${CC:-cc}" -Wall -Wextra -Werror -o lock-run "$examples/c/lock-run.c"
	runners=("$examples/shell/lock-run" "$examples/python/lock_run.py" ./lock-run)
}

# A count that is read, thought over and written.
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

@test "shell, Python and C take turns with a System V semaphore" {
	runners
	make_set lock 1
	count_with "$s/0/hold"
	becomes "$s/0/value" 1
}

@test "shell, Python and C take turns with a POSIX semaphore" {
	runners
	make_named lock 1
	count_with "$p/hold"
	becomes "$p/value" 1
}

@test "they pass on the command's status, and say how they are used" {
	runners
	make_set lock 1
	for runner in "${runners[@]}"; do
		run -3 "$runner" "$s/0/hold" sh -c 'exit 3'
		run ! "$runner"
		[[ $output == *"usage: $(basename "$runner") HOLD COMMAND"* ]]
	done
}

@test "one that is killed gives back" {
	runners
	make_set lock 1
	for runner in "${runners[@]}"; do
		start k "$runner" "$s/0/hold" sleep 60
		becomes "$s/0/value" 0
		# Python's command has no descriptor of its own: the runner's end is the lock's.
		child=$(cat "/proc/${pid[k]}/task/${pid[k]}/children")
		killed k
		becomes "$s/0/value" 1
		[ -z "$child" ] || kill -KILL $child
	done
}
