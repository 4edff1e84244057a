# shellcheck shell=bash
# Functions that the tests of semaphores share, in addition to helper.bash. $sem and $torture are programs of
# tests/native.

load "${BASH_SOURCE[0]%/*}/helper"

setup_file() {
	new_mount
	export SEM=$IPC/sysv/sem NAMED=$IPC/posix/sem sem=$dir/sem torture=$dir/sem_torture
	install -m 755 "$(dirname "$NATIVE")"/sem "$(dirname "$NATIVE")"/sem_torture "$dir"
	ipcfs_start
}

setup() {
	declare -gA pid=()
	cd "$dir"
}

teardown() {
	end_all
	local object
	for object in "$SEM"/* "$NAMED"/*; do
		[ ! -d "$object" ] || rmdir "$object"
	done
	rm -f /dev/shm/*
	same "" "$(awk 'NR > 1 { print $2 }' /proc/sysvipc/sem)"
	quiet_log
}

# make_set NAME VALUE...: makes a System V set. $s becomes its directory and $key its key.
make_set() {
	s=$SEM/$1
	mkdir -m "${mode:-700}" "$s"
	key=$(cat "$s/key")
	[ "${*:2}" = 0 ] || echo "${@:2}" >"$s/values"
}

# make_named NAME VALUE: makes a POSIX semaphore. $p becomes its directory.
make_named() {
	p=$NAMED/$1
	mkdir -m "${mode:-700}" "$p"
	echo "$2" >"$p/value"
}

# reads FILE TEXT: whether FILE has this content.
reads() {
	[ "$(cat "$1")" = "$2" ]
}

# becomes FILE TEXT: waits until FILE has this content. The daemon notices a close a moment after close(2) returns.
becomes() {
	eventually reads "$1" "$2" || complain "$1 is $(cat "$1")"
}

# holding FILE [COMMAND]: opens FILE, prints `held`, runs COMMAND and keeps FILE open.
holding() {
	exec bash -c 'exec 9>"$1" && echo held && eval "$2" && exec sleep 60' bash "$1" "${2:-true}"
}

# start_holding NAME FILE [COMMAND]: runs `holding` in the background.
start_holding() {
	holding "${@:2}" >"$BATS_TEST_TMPDIR/$1" 2>"$BATS_TEST_TMPDIR/$1.err" 3>&- 4>&- &
	pid[$1]=$!
}

# held NAME: waits until the process of start_holding has the file open.
held() {
	eventually reads "$BATS_TEST_TMPDIR/$1" held
}

# killed NAME: kills the process and waits for its end.
killed() {
	kill -KILL "${pid[$1]}"
	ended "$1" 137
}

# try_nonblocking FILE TEXT: writes TEXT in one write(2) with O_NONBLOCK.
try_nonblocking() {
	"$native" nonblocking "$1" write "$2"
}
