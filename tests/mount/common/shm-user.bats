# Shared memory of a daemon that is not root: reads and writes work, and mmap(2) fails with ENODEV. Only root may be able to open
# /dev/fuse, so the test covers it with a device for all users, in a mount namespace of its own.
load ../helper

setup_file() {
	new_mount
	local user=65534 # nobody: fusermount3 asks for a name
	install -m 755 "$IPCFS" "$dir/ipcfs"
	mkdir "$dir/run" "$dir/device"
	chown "$user:$user" "$IPC" "$dir/run"
	# shellcheck disable=SC2016 # the inner shell expands $1
	unshare --mount --propagation private sh -c '
		mount -t tmpfs tmpfs "$1/device" && mknod -m 666 "$1/device/fuse" c 10 229 &&
			mount --bind "$1/device/fuse" /dev/fuse && echo $$ >"$1/keeper" && exec sleep 600' \
		sh "$dir" >/dev/null 2>&1 3>&- 4>&- &
	eventually [ -s "$dir/keeper" ]
	(
		status=0
		there "$dir/ipcfs" -f --names "$dir/run/names" "$IPC" >"$dir/log" 2>&1 </dev/null || status=$?
		echo "$status" >"$dir/status"
	) >/dev/null 2>&1 3>&- 4>&- &
	eventually there grep -q ipcfs "$IPC/README"
}

there() {
	nsenter --mount="/proc/$(cat "$dir/keeper")/ns/mnt" "$native" as 65534 "$@"
}

teardown_file() {
	local bad=0
	there fusermount3 -u "$IPC" || bad=1
	eventually [ -s "$dir/status" ] || bad=1
	kill -KILL "$(cat "$dir/keeper")"
	rm -r "$dir" || bad=1
	return "$bad"
}

setup() {
	declare -gA pid=()
	cd "$dir" || return
	shm=$dir/native-shm V=$IPC/sysv/shm P=$IPC/posix/shm
	[ -e "$shm" ] || install -m 755 "$(dirname "$NATIVE")/native-shm" "$shm"
}

teardown() {
	end_all
	there sh -c 'for object in "$1"/* "$2"/*; do [ ! -O "$object" ] || rmdir "$object"; done' sh "$V" "$P"
	quiet_log
}

@test "read, write and resize work on the objects that native calls see" {
	local kind
	for kind in "$V" "$P"; do
		there mkdir "$kind/a"
		there sh -c 'echo hello >"$1/data" && truncate -s 10000 "$1/data" && printf end |
			dd of="$1/data" bs=1 seek=9997 conv=notrunc status=none' sh "$kind/a"
		same hello "$(there head -n 1 "$kind/a/data")"
		same end "$(there tail -c 3 "$kind/a/data")"
		same 10000 "$(there stat -c %s "$kind/a/data")"
	done
	same hello "$(there "$shm" at "$(there cat "$V/a/id")" peek 0 5)"
	same end "$(there "$shm" posix /a peek 9997 3)"
	refused ENOSPC there dd if=/dev/zero of="$V/a/data" bs=10000 seek=1 count=1 conv=notrunc
	there sh -c 'printf more >>"$1"' sh "$P/a/data"
	same more "$(there tail -c 4 "$P/a/data")"
}

@test "mmap fails with ENODEV, and why shows the reason" {
	local kind
	for kind in "$V" "$P"; do
		there mkdir "$kind/a"
		refused ENODEV there "$shm" map "$kind/a/data" peek 0 1
		[[ "$(there cat "$IPC/why")" == "mmap "*"/shm/a/data: ENODEV: "*CAP_SYS_ADMIN* ]]
	done
}
