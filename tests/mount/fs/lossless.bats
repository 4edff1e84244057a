# Nothing is lost, nothing comes twice, nothing changes places. IPCFS_STRESS_MESSAGES scales it down.
load ../helper

lossless=$BATS_TEST_DIRNAME/../../stress/lossless.py
messages=${IPCFS_STRESS_MESSAGES:-200000}

@test "readers are killed all along" {
	make a
	python3 "$lossless" kills "$q" "$native" "$messages"
	same 0 "$(cat "$q/qnum")"
}

@test "every writer's messages come in order" {
	make a
	python3 "$lossless" order "$q" "$native" "$messages"
	same 0 "$(cat "$q/qnum")"
}
