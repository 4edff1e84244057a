# The examples of signals.
load ../helper

setup_file() {
	new_mount
	export S=$IPC/signal examples=$BATS_TEST_DIRNAME/../../../examples
	"${CC:-cc}" -Wall -Wextra -Werror -o "$dir/signal-queue" "$examples/c/signal-queue.c"
	ipcfs_start
}

@test "signal_inbox.py prints the signals that signal-queue sends" {
	start inbox python3 "$examples/python/signal_inbox.py" "$S/inbox/mail" 3
	eventually [ -s "$BATS_TEST_TMPDIR/inbox" ]
	"$dir/signal-queue" "$S/$(head -1 "$BATS_TEST_TMPDIR/inbox")" RTMIN+2 5 -6 7
	ended inbox
	same "RTMIN+2 with 5 from uid 0
RTMIN+2 with -6 from uid 0
RTMIN+2 with 7 from uid 0" "$(said inbox | tail -n +2)"
	[ ! -e "$S/inbox/mail" ]
}

@test "signal-end ends a process with SIGTERM, or with SIGKILL after the limit" {
	start gentle sleep 60
	"$examples/shell/signal-end" "$S/${pid[gentle]}" 20
	ended gentle 143
	start stubborn sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	eventually grep -q ready "$BATS_TEST_TMPDIR/stubborn"
	"$examples/shell/signal-end" "$S/${pid[stubborn]}" 0.2
	ended stubborn 137
}
