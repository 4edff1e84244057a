# bats file_tags=mqueue
# The examples of POSIX queues, and the examples of queues on POSIX queues.
load ../posix/queues

examples=$BATS_TEST_DIRNAME/../../../examples

setup() {
	declare -gA pid=()
	cd "$dir"
	for name in mq-native queue-consumer queue-producer; do
		"${CC:-cc}" -Wall -Wextra -Werror -o "$name" "$examples/c/$name.c"
	done
	make jobs
}

send_three() {
	printf 'later\nlater still\n' | "$examples/shell/mq-send" "$q" 1
	echo now | "$examples/shell/mq-send" "$q" 32767
}

@test "Python and native receivers get the messages of the shell by priority" {
	for receiver in "$examples/python/mq_records.py $q 3" "./mq-native jobs 3"; do
		send_three
		same $'32767 now\n1 later\n1 later still' "$($receiver)"
	done
	same 0 "$(cat "$q/curmsgs")"
}

@test "waiting receivers share the messages" {
	start python "$examples/python/mq_records.py" "$q" 10
	start native ./mq-native jobs 10
	seq 20 | "$examples/shell/mq-send" "$q" 3
	ended python
	ended native
	same "$(seq -f '3 %g' 20 | sort)" "$({ said python; said native; } | sort)"
}

@test "the producers and consumers work on a POSIX queue" {
	seq -f 'job %g' 20 >"$BATS_TEST_TMPDIR/jobs"
	for producer in shell/queue-producer python/queue_producer.py; do
		for consumer in shell/queue-consumer python/queue_consumer.py; do
			start consumer "$examples/$consumer" "$q" 20
			"$examples/$producer" "$q" <"$BATS_TEST_TMPDIR/jobs"
			ended consumer
			same "$(cat "$BATS_TEST_TMPDIR/jobs")" "$(said consumer)"
		done
	done
	start consumer ./queue-consumer "$q" 20
	./queue-producer "$q" <"$BATS_TEST_TMPDIR/jobs"
	ended consumer
	same "$(cat "$BATS_TEST_TMPDIR/jobs")" "$(said consumer)"
}

@test "each example prints its usage without arguments" {
	for program in "$examples/shell/mq-send" "$examples/python/mq_records.py" ./mq-native; do
		run ! "$program"
		[[ $output == *"usage: $(basename "$program") "* ]] || complain "$program printed: $output"
	done
}
