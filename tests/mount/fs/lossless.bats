# Stress tests: no message is lost, duplicated or reordered. IPCFS_STRESS_MESSAGES is the number of messages.
load ../helper

lossless=$BATS_TEST_DIRNAME/../../stress/lossless.py
messages=${IPCFS_STRESS_MESSAGES:-200000}

@test "no message is lost while readers are killed again and again" {
	make a
	python3 "$lossless" kills "$q" "$native" "$messages"
	same 0 "$(cat "$q/qnum")"
}

@test "the messages of each writer arrive in order" {
	make a
	python3 "$lossless" order "$q" "$native" "$messages"
	same 0 "$(cat "$q/qnum")"
}
