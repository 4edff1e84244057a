# Stress tests of sockets: concurrent operations, waiting requests, and messages. IPCFS_STRESS_SECONDS sets their
# duration.
load sockets

conversations=$BATS_TEST_DIRNAME/../../stress/conversations.py

# torture MODE [SEED SECONDS]: runs conversations.py.
torture() {
	TMPDIR=$dir "$net" python3 "$conversations" "$1" "$SOCK" "$(ipcfs_pid)" "${@:2}"
}

@test "random operations of interrupted and killed processes neither hang nor leave a trace" {
	torture torture 1 "${IPCFS_STRESS_SECONDS:-3}"
}

@test "the daemon is at rest while requests wait in all ways, also on half-closed connections" {
	torture rest
}

@test "each message arrives once, whole and in order while reader and writer are interrupted" {
	torture messages 1 "${IPCFS_STRESS_SECONDS:-1}"
}
