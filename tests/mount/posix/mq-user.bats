# bats file_tags=mqueue
# POSIX queues of a daemon that is an ordinary user's: see user.bats. Its mount namespace has a /dev of its own, where the
# mqueue file system is mounted when a test says so.
load queues

user=65534

there() {
	nsenter --mount="/proc/$(cat "$dir/keeper")/ns/mnt" "$native" as "$user" "$@"
}

as_root_there() {
	nsenter --mount="/proc/$(cat "$dir/keeper")/ns/mnt" "$@"
}

setup_file() {
	new_mount
	export MQ=$IPC/posix/mq
	install -m 755 "$IPCFS" "$dir/ipcfs"
	mkdir "$dir/run" "$dir/device"
	chown "$user:$user" "$IPC" "$dir/run"
	# shellcheck disable=SC2016 # its $1 is not ours
	unshare --mount --propagation private sh -c '
		mount -t tmpfs tmpfs "$1/device" && cd "$1/device" && mkdir mqueue shm && mknod -m 666 fuse c 10 229 &&
			mknod -m 666 null c 1 3 && ln -s /proc/self/fd fd && cd / && mount --bind "$1/device" /dev &&
			echo $$ >"$1/keeper" && exec sleep 600' \
		sh "$dir" >/dev/null 2>&1 3>&- 4>&- &
	eventually [ -s "$dir/keeper" ]
	(
		status=0
		there "$dir/ipcfs" -f --names "$dir/run/names" "$IPC" >"$dir/log" 2>&1 </dev/null || status=$?
		echo "$status" >"$dir/status"
	) >/dev/null 2>&1 3>&- 4>&- &
	eventually there grep -q ipcfs "$IPC/README"
}

teardown_file() {
	local bad=0
	there fusermount3 -u "$IPC" || bad=1
	{ eventually [ -s "$dir/status" ] && same 0 "$(cat "$dir/status")" && quiet_log; } || bad=1
	kill -KILL "$(cat "$dir/keeper")"
	rm -r "$dir" || bad=1
	return "$bad"
}

# The names that the tests use.
teardown() {
	end_all
	local name
	for name in a b c; do
		"$native" mq-remove "/$name" 2>/dev/null || true
	done
	quiet_log
}

# mounted: on /dev/mqueue, at last the one of this IPC namespace. mountpoint(1) would find the machine's, which is hidden here.
mounted() {
	[ "$(as_root_there stat -f -c %T /dev/mqueue)" = mqueue ] || as_root_there mount -t mqueue mqueue /dev/mqueue
}

@test "queues are found by name, and listed once the right file system is mounted" {
	there mkdir "$MQ/a"
	there sh -c 'echo hello >"$1"' sh "$MQ/a/data"
	same hello "$("$native" mq-receive-bytes /a)"
	there chmod 640 "$MQ/a"
	same "$user drwxr-x---" "$(there stat -c '%u %A' "$MQ/a")"
	there test ! -e "$MQ/b"
	refused EPERM there ls "$MQ"
	[[ "$(there cat "$IPC/why")" == "ls posix/mq: EPERM: "*/dev/mqueue* ]]
	# One of another IPC namespace is none.
	as_root_there unshare --ipc mount -t mqueue mqueue /dev/mqueue
	refused EPERM there ls "$MQ"
	same 10 "$(there cat "$MQ/a/maxmsg")"
	as_root_there umount /dev/mqueue
	mounted
	same a "$(there ls "$MQ")"
	there rmdir "$MQ/a"
	same "" "$(there ls "$MQ")"
}

@test "a user makes, uses, sizes and removes queues" {
	mounted
	there mkdir "$MQ/a"
	start reader there "$native" read-once "$MQ/a/data"
	"$native" mq-send /a 3 hello
	ended reader
	same hello "$(said reader)"
	same "$user $user" "$(there stat -c '%u %g' "$MQ/a")"
	same none "$(there cat "$MQ/a/notify")"
	there chmod 000 "$MQ/a"
	there chmod 600 "$MQ/a"
	if can_resize; then
		eventually there sh -c 'echo 5 >"$1"' sh "$MQ/a/maxmsg"
		same "5 8192 0" "$("$native" mq-attr /a)"
	fi
	start_in read reader nsenter --mount="/proc/$(cat "$dir/keeper")/ns/mnt" "$native" as "$user" \
		"$native" read-once "$MQ/a/data"
	"$native" mq-remove /a
	ended reader
	same "" "$(said reader)"
}

@test "RLIMIT_MSGQUEUE of the calling process limits the queues of its user" {
	mounted
	refused "Too many open files" there bash -c 'ulimit -q 80000; mkdir "$1"' sh "$MQ/a"
	there mkdir "$MQ/a"
	refused "Too many open files" there bash -c 'ulimit -q 160000; mkdir "$1"' sh "$MQ/b"
	same "mkdir posix/mq/b: EMFILE: limit reached: the queue takes 82880 bytes, and all queues of the user may take 160000 together (RLIMIT_MSGQUEUE, ulimit -q)" \
		"$(there cat "$IPC/why")"
}

@test "other users' queues are the kernel's to give or refuse" {
	mounted
	"$native" mq-make /a 600
	refused EACCES there cat "$MQ/a/data"
	refused EACCES there sh -c 'echo x >"$1"' sh "$MQ/a/data"
	refused EPERM there rmdir "$MQ/a"
	"$native" mq-make /b 606
	"$native" mq-send /b 1 hello
	same hello "$(there cat "$MQ/b/next")"
	there sh -c 'echo back >"$1"' sh "$MQ/b/data"
	same back "$("$native" mq-receive-bytes /b)"
	"$native" mq-make /c 602
	there sh -c 'echo in >"$1"' sh "$MQ/c/data"
	refused EACCES there cat "$MQ/c/next"
	same in "$("$native" mq-receive-bytes /c)"
	refused EPERM there chmod 666 "$MQ/b"
}

@test "nobody else is served, root neither" {
	refused EACCES as_root_there ls "$MQ"
	refused EACCES as_root_there "$native" as 1235 ls "$MQ"
}
