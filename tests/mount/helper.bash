# shellcheck shell=bash
# What the mount tests share. scripts/check sets IPCFS and NATIVE, the programs, and gives each run an IPC namespace of
# its own. A file of tests has one daemon, mounted on $IPC, with its messages in $dir/log; every test begins and ends
# without queues and without a message from the daemon.

# shellcheck disable=SC2034 # variables are for the tests

bats_require_minimum_version 1.5.0
export LC_ALL=C
umask 022
# Limits in time are those of an idle machine, where everything takes a fraction of them; each is multiplied by this.
export IPCFS_TIME_FACTOR=${IPCFS_TIME_FACTOR:-4}

setup_file() {
	new_mount
	ipcfs_start
}

# Here, and in teardown(), a command that fails does not end the function.
teardown_file() {
	ipcfs_stop && rm -r "$dir"
}

setup() {
	declare -gA pid=()
	cd "$dir" || return
	queues_before=$(queue_ids)
}

teardown() {
	local bad=0
	end_all || bad=1
	remove_queues || bad=1
	[ "$(queue_ids)" = "$queues_before" ] || complain "these queues are left: $(queue_ids)" || bad=1
	quiet_log || bad=1
	return "$bad"
}

complain() {
	printf '%s\n' "$@" >&2
	return 1
}

# -- The daemon -------------------------------------------------------------------------------------------------------

# A folder that other users can reach, with a mountpoint in it and the programs, which may be where they cannot.
new_mount() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/mount.XXXX")
	chmod 755 "$dir"
	mkdir "$dir/ipc"
	export dir IPC=$dir/ipc MSG=$dir/ipc/sysv/msg native=$dir/native
	install -m 755 "$NATIVE" "$native"
	# 64 KiB with every byte value, long runs of none.
	python3 -c 'import sys; sys.stdout.buffer.write(bytes(i * i % 257 % 256 for i in range(65536)))' >"$dir/bytes"
}

# ipcfs_start [OPTION...]: runs in the foreground, with the options in IPCFS_OPTIONS, too; its pid, messages and status at its end are in files.
# shellcheck disable=SC2120 # mounting.bats has options for it
ipcfs_start() {
	rm -f "$dir/status"
	(
		# shellcheck disable=SC2086 # several options
		"$IPCFS" -f --names "$dir/names" ${IPCFS_OPTIONS:-} "$@" "$IPC" >"$dir/log" 2>&1 </dev/null &
		echo $! >"$dir/pid"
		status=0
		wait $! || status=$?
		echo "$status" >"$dir/status"
	) >/dev/null 2>&1 3>&- 4>&- &
	eventually is_mounted "$IPC"
}

# A mount whose server has died is one too, but nothing answers there.
is_mounted() {
	grep -q ipcfs "$1/README"
}

ipcfs_pid() {
	cat "$dir/pid"
}

# A server's own children may end a moment after it, and with them what they have open here.
ipcfs_stop() {
	eventually umount "$IPC" && ipcfs_ended
}

# ipcfs_ended: it ends with 0, by itself, without a mount and without a word.
ipcfs_ended() {
	eventually [ -s "$dir/status" ] &&
		same "0, without a mount" "$(cat "$dir/status"), $(mountpoint -q "$IPC" && echo with || echo without) a mount" &&
		quiet_log
}

# The daemon has nothing to say while all goes well.
quiet_log() {
	[ ! -s "$dir/log" ] || complain "ipcfs says:" "$(cat "$dir/log")"
}

# -- Queues -----------------------------------------------------------------------------------------------------------

queue_ids() {
	awk 'NR > 1 { print $2 }' /proc/sysvipc/msg
}

remove_queues() {
	find "$MSG" -mindepth 1 -maxdepth 1 -exec rmdir {} +
}

# make NAME [MODE]: a queue; then $q is its directory and $key its key.
make() {
	mkdir -m "${2:-700}" "$MSG/$1"
	q=$MSG/$1
	key=$(cat "$q/key")
}

# message LENGTH: as many bytes, of all values.
message() {
	head -c "$1" "$dir/bytes"
}

# fill QUEUE: until it has no room for a byte more.
fill() {
	local room
	room=$(($(cat "$1/qbytes") - $(cat "$1/cbytes")))
	while [ "$room" -gt 8192 ]; do
		message 8192 | "$native" write-once "$1/data" >/dev/null
		room=$((room - 8192))
	done
	message "$room" | "$native" write-once "$1/data" >/dev/null
}

# -- Commands ---------------------------------------------------------------------------------------------------------

# eventually COMMAND...: waits until it succeeds.
eventually() {
	local end=$((SECONDS + 10 * IPCFS_TIME_FACTOR))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || complain "never came true: $*" || return
		sleep 0.01
	done
}

# start NAME COMMAND...: in the background, its output in $BATS_TEST_TMPDIR/NAME, its messages in NAME.err beside it.
start() {
	local name=$1
	shift
	# Not what an earlier command of this name has said.
	rm -f "$BATS_TEST_TMPDIR/$name" "$BATS_TEST_TMPDIR/$name.err"
	"$@" >"$BATS_TEST_TMPDIR/$name" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- 4>&- &
	pid[$name]=$!
}

# start_in read|write|open NAME COMMAND...: and waits until it is in that system call. COMMAND is a program, no function.
start_in() {
	local way=$1
	shift
	start "$@"
	eventually "$native" is-in "$way" "${pid[$1]}"
}

is_gone() {
	[ ! -e "/proc/$1" ] || grep -q ') Z ' "/proc/$1/stat"
}

# ended NAME [STATUS]: it ends, with that status.
ended() {
	local status=0
	eventually is_gone "${pid[$1]}"
	wait "${pid[$1]}" || status=$?
	unset "pid[$1]"
	[ "$status" = "${2:-0}" ] || complain "$1 ended with $status" "$(said "$1")" "$(errors "$1")"
}

# still NAME: it does not end within a fifth of a second.
still() {
	for _ in {1..10}; do
		! is_gone "${pid[$1]}" || complain "$1 has ended" "$(said "$1")" "$(errors "$1")" || return
		sleep 0.02
	done
}

said() {
	cat "$BATS_TEST_TMPDIR/$1"
}

errors() {
	cat "$BATS_TEST_TMPDIR/$1.err"
}

end_all() {
	local name
	for name in "${!pid[@]}"; do
		kill -KILL "${pid[$name]}" 2>/dev/null || true
	done
	for name in "${!pid[@]}"; do
		eventually is_gone "${pid[$name]}"
	done
}

# in_time MILLISECONDS COMMAND...
in_time() {
	local limit=$(($1 * IPCFS_TIME_FACTOR)) began=${EPOCHREALTIME/./}
	shift
	"$@" || return
	[ $((${EPOCHREALTIME/./} - began)) -le $((limit * 1000)) ] || complain "took too long: $*"
}

# limit SECONDS PROGRAM...: ends the program, with 124, when it hangs.
limit() {
	timeout $(($1 * IPCFS_TIME_FACTOR)) "${@:2}"
}

as() {
	"$native" as "$@"
}

# put TEXT FILE: in one write. get FILE: all of it.
put() {
	printf '%s' "$1" >"$2"
}

get() {
	cat "$1"
}

# refused ERRNO COMMAND...: it fails and says so, by the errno's name or its text.
refused() {
	local -A texts=(
		[EACCES]='Permission denied' [EEXIST]='File exists' [EAGAIN]='Resource temporarily unavailable'
		[EINVAL]='Invalid argument' [EMSGSIZE]='Message too long' [ENOENT]='No such file or directory'
		[EPERM]='Operation not permitted' [EIDRM]='Identifier removed' [EXDEV]='Invalid cross-device link'
		[EISDIR]='Is a directory' [ENOTDIR]='Not a directory' [ENOSPC]='No space left on device'
		[EPIPE]='Broken pipe' [ENODEV]='No such device' [EBUSY]='Device or resource busy'
		[EINTR]='Interrupted system call' [ELOOP]='Too many levels of symbolic links'
		[ENAMETOOLONG]='File name too long' [ENFILE]='Too many open files in system'
		[EMFILE]='Too many open files' [ECONNREFUSED]='Connection refused' [EHOSTUNREACH]='No route to host'
		[ENETUNREACH]='Network is unreachable' [EADDRINUSE]='Address already in use'
		[EADDRNOTAVAIL]='Cannot assign requested address'
		[EAFNOSUPPORT]='Address family not supported by protocol'
		[EPROTOTYPE]='Protocol wrong type for socket' [EDESTADDRREQ]='Destination address required'
		[EISCONN]='Transport endpoint is already connected' [ENOTCONN]='Transport endpoint is not connected'
		[EALREADY]='Operation already in progress' [EINPROGRESS]='Operation now in progress'
		[ETIMEDOUT]='Connection timed out' [ENOBUFS]='No buffer space available'
	)
	local error=$1 text status=0
	shift
	text=$("$@" 2>&1 >/dev/null) || status=$?
	[ "$status" != 0 ] || complain "was not refused: $*" || return
	[[ $text == *"$error"* || $text == *"${texts[$error]:-$error}"* ]] || complain "refused, but not with $error: $text"
}

# why_is TEXT: the last refusal that this user met says so.
why_is() {
	[[ "$(cat "$IPC/why")" == *"$1"* ]] || complain "why says: $(cat "$IPC/why")"
}

# same EXPECTED GOT
same() {
	[ "$1" = "$2" ] || complain "expected: $1" "     got: $2"
}

# same_bytes FILE FILE
same_bytes() {
	cmp "$1" "$2" || complain "$(od -c "$1" | head -5)" "$(od -c "$2" | head -5)"
}
