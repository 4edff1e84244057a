# The examples of queues: each consumer receives the messages of each producer.
load ../helper

setup_file() {
	local source
	new_mount
	export examples=$BATS_TEST_DIRNAME/../../../examples
	for source in "$examples"/c/*.c; do
		"${CC:-cc}" -Wall -Wextra -Werror -o "$dir/$(basename "$source" .c)" "$source"
	done
	ipcfs_start
}

setup() {
	declare -gA pid=()
	cd "$dir"
	queues_before=$(queue_ids)
	make jobs
	seq -f 'job %g' 20 >"$BATS_TEST_TMPDIR/jobs"
}

# reaches_every_consumer PRODUCER...: runs the producer before each consumer, and again while each consumer waits.
reaches_every_consumer() {
	local consumer
	for consumer in "$examples/shell/queue-consumer" "$examples/python/queue_consumer.py" \
		"$dir/queue-consumer" "$dir/native-consumer"; do
		"$@" "$q" <"$BATS_TEST_TMPDIR/jobs"
		start early "$consumer" "$q" 20
		ended early
		same "$(cat "$BATS_TEST_TMPDIR/jobs")" "$(said early)"

		start late "$consumer" "$q" 20
		still late
		"$@" "$q" <"$BATS_TEST_TMPDIR/jobs"
		ended late
		same "$(cat "$BATS_TEST_TMPDIR/jobs")" "$(said late)"
	done
}

@test "every consumer receives the messages of the shell producer" {
	reaches_every_consumer "$examples/shell/queue-producer"
}

@test "every consumer receives the messages of the Python producer" {
	reaches_every_consumer "$examples/python/queue_producer.py"
}

@test "every consumer receives the messages of the C producer" {
	reaches_every_consumer "$dir/queue-producer"
}

@test "every consumer receives the messages of the native producer" {
	reaches_every_consumer "$dir/native-producer"
}

@test "consumers of all kinds share the messages of one queue" {
	start shell "$examples/shell/queue-consumer" "$q" 5
	start python "$examples/python/queue_consumer.py" "$q" 5
	start file "$dir/queue-consumer" "$q" 5
	start native "$dir/native-consumer" "$q" 5
	"$examples/shell/queue-producer" "$q" <"$BATS_TEST_TMPDIR/jobs"
	for name in shell python file native; do
		ended "$name"
	done
	same "$(sort "$BATS_TEST_TMPDIR/jobs")" \
		"$(for name in shell python file native; do said "$name"; done | sort)"
}

@test "each example prints its usage without arguments" {
	local program
	for program in "$examples"/shell/queue-* "$examples"/python/queue_*.py "$dir"/queue-* "$dir"/native-*; do
		run ! "$program"
		[[ $output == *"usage: $(basename "$program") "* ]] || complain "$program printed: $output"
	done
}
