# examples/shell/workshop: seven mechanisms together.
load ../socket/sockets

setup() {
	declare -gA pid=()
	cd "$dir" || return
	cp "$BATS_TEST_DIRNAME/../../../examples/shell/workshop" "$dir"
}

# By then the workshop must have removed its objects.
teardown() {
	local bad=0
	[ -z "${group:-}" ] || kill -KILL -- "-$group" 2>/dev/null || true
	end_all || bad=1
	same "" "$(objects)" || bad=1
	quiet_log || bad=1
	return "$bad"
}

objects() {
	find "$MSG" "$IPC"/{sysv/sem,sysv/shm,posix/shm,posix/sem,fifo,pipe,signal/inbox} -mindepth 1 -maxdepth 1
	find "$SOCK"/*/ -mindepth 1 -maxdepth 1 ! -name dial ! -name clone ! -path "$SOCK/ip/*"
	awk 'FNR > 1' /proc/sysvipc/{msg,sem,shm}
	find /dev/shm -mindepth 1
	"$net" ss -Hlx | grep workshop || true
}

# complete_output JOBS WORKERS FILE: FILE has the complete output of one run.
complete_output() {
	same "$(seq "$1")" "$(sed -n 's/^worker [0-9]* begins job //p' "$3" | sort -n)"
	same "$(seq -f 'job %g is done' "$1")" "$(grep '^job ' "$3" | sort -V)"
	same "$2" "$(grep -cx 'a worker was ended by TERM' "$3")"
	same 6 "$(grep -c "^$IPC/" "$3")"
	same "$1 jobs were counted" "$(tail -n 1 "$3")"
	same $((6 + $1 * 2 + $2 + 1)) "$(wc -l <"$3")"
}

no_worker_runs() {
	! pgrep -f "./workshop|$IPC/(fifo|pipe)"
}

group_is_empty() {
	! pgrep -g "$1"
}

@test "a workshop does, counts, announces and reports each job once, and leaves nothing behind" {
	start shop ./workshop "$IPC"
	ended shop
	same "" "$(errors shop)"
	complete_output 12 3 "$BATS_TEST_TMPDIR/shop"
	same "" "$(objects)"
}

@test "a workshop does 200 jobs with 8 workers" {
	start shop ./workshop "$IPC" 200 8
	ended shop
	same "" "$(errors shop)"
	complete_output 200 8 "$BATS_TEST_TMPDIR/shop"
}

@test "a workshop without jobs ends its workers before they have started" {
	for i in {1..10}; do
		start shop ./workshop "$IPC" 0 8
		ended shop
		same "" "$(errors shop)"
		complete_output 0 8 "$BATS_TEST_TMPDIR/shop"
		eventually no_worker_runs
	done
}

@test "a workshop runs as an ordinary user" {
	start shop "$native" as 65534 ./workshop "$IPC" 200 8
	ended shop
	same "" "$(errors shop)"
	complete_output 200 8 "$BATS_TEST_TMPDIR/shop"
}

@test "two workshops of two users run at the same time" {
	start one ./workshop "$IPC" 50 4
	start two "$native" as 65534 ./workshop "$IPC" 50 4
	ended one
	ended two
	complete_output 50 4 "$BATS_TEST_TMPDIR/one"
	complete_output 50 4 "$BATS_TEST_TMPDIR/two"
}

@test "an interrupted workshop removes its objects and ends its processes" {
	start shop env --default-signal=INT setsid ./workshop "$IPC" 1000000 2
	group=${pid[shop]}
	eventually grep -q 'job 10 is done' "$BATS_TEST_TMPDIR/shop"
	kill -INT -- "-$group"
	ended shop 130
	same "" "$(objects)"
	eventually group_is_empty "$group"
}
