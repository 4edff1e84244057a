# shellcheck shell=bash
# What deps, up, check and test share. To be sourced; leaves the shell in the top folder of the repository.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck disable=SC2034 # for the scripts
repository=$PWD

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

need_root() {
	[ "$EUID" = 0 ] || die "must run as root: sudo $0${*:+ $*}"
}

# configure FOLDER [MESON OPTION...]: options count only when the folder is new.
# libfuse may be built as a subproject: its warnings are not ours to turn into errors.
configure() {
	local folder=$1 log=$1/setup.log
	shift
	[ ! -e "$folder/build.ninja" ] || return 0
	mkdir -p "$folder"
	if ! meson setup "$folder" -Dfuse3:werror=false "$@" >"$log" 2>&1; then
		cat "$log" >&2
		return 1
	fi
}

# build FOLDER [MESON OPTION...]: everything.
build() {
	configure "$@" && ninja --quiet -C "$1"
}

# Run under sudo in somebody's repository, leave what was built to that somebody.
give_back() {
	if [ "$EUID" = 0 ] && [ "$(stat -c %u .)" != 0 ]; then
		local made=(build*/ subprojects/packagecache subprojects/fuse-*/)
		chown -R --reference=. -- "${made[@]}" 2>/dev/null || true
	fi
}

# time_factor: for IPCFS_TIME_FACTOR, by which every limit of the tests is multiplied. Limits end a hang; they do not judge speed.
# They are written for a machine with nothing else to do that needs $usual ms for this work of forks and arithmetic, and get
# four times that machine's time at least.
time_factor() {
	local usual=700 began=${EPOCHREALTIME/./} ms _
	for _ in {1..300}; do /bin/true; done
	head -c 100000000 /dev/zero | sha256sum >/dev/null
	ms=$(((${EPOCHREALTIME/./} - began) / 1000))
	echo $((ms > usual ? (4 * ms + usual - 1) / usual : 4))
}

# isolated SECONDS COMMAND...: in IPC, process and mount namespaces of its own. The command sees, and removes, no object and no
# process of the machine; whatever a failed test leaves behind (daemons, mounts, queues) ends with the namespaces. When
# the time is up, or when the shell that waits here is killed, unshare is killed, and with it everything in the
# namespaces. Answers 124 when the time was up. With IPCFS_SURROUNDINGS=other, surroundings.sh changes the machine in there.
isolated() {
	local seconds=$1 status=0
	shift
	mkdir -p /run/ipcfs
	# The inner shell is process 1 and must outlive its command.
	# shellcheck disable=SC2016 # its $@ is not ours
	setpriv --pdeathsig TERM timeout --foreground --kill-after=1 "$seconds" \
		unshare --ipc --pid --mount-proc --fork --kill-child bash -c '
			mount -t tmpfs -o mode=1777 tmpfs /dev/shm &&
			mount -t tmpfs -o mode=755 tmpfs /run/ipcfs || exit
			if [ -d /dev/mqueue ]; then mount -t mqueue mqueue /dev/mqueue || exit; fi
			if [ "${IPCFS_SURROUNDINGS:-}" ]; then . scripts/surroundings.sh; fi
			"$@"
			exit $?' "$0" "$@" </dev/null 2>&1 || status=$?
	[ "$status" != 137 ] || status=124
	return "$status"
}

# with_build FOLDER COMMAND...: with what the tests below tests/mount need of that build
with_build() {
	IPCFS=$PWD/$1/mountd/ipcfs NATIVE=$PWD/$1/tests/native/native "${@:2}"
}
