# Conversations, with whatever may be done to them; and their messages, of which none is lost. IPCFS_STRESS_SECONDS makes it longer.
load sockets

conversations=$BATS_TEST_DIRNAME/../../stress/conversations.py

# torture MODE [SEED SECONDS]
torture() {
	TMPDIR=$dir "$net" python3 "$conversations" "$1" "$SOCK" "$(ipcfs_pid)" "${@:2}"
}

@test "whatever is done to conversations by those who are interrupted and killed: nothing hangs, nothing is left" {
	torture torture 1 "${IPCFS_STRESS_SECONDS:-3}"
}

@test "many wait in all ways, also where one way of a connection is closed: the daemon is at rest" {
	torture rest
}

@test "reader and writer are interrupted all along: every message comes once, whole, in order" {
	torture messages 1 "${IPCFS_STRESS_SECONDS:-1}"
}
