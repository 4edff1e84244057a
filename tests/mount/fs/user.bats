# ipcfs started by a user other than root: it serves that user only. Because /dev/fuse can be restricted to root, the tests
# mount another device node over it, in a mount namespace of their own.
load ../helper

user=65534 # nobody; fusermount3 needs a uid with a name

# there COMMAND...: runs a command in that namespace, as the user.
there() {
	nsenter --mount="/proc/$(cat "$dir/keeper")/ns/mnt" "$native" as "$user" "$@"
}

as_root_there() {
	nsenter --mount="/proc/$(cat "$dir/keeper")/ns/mnt" "$@"
}

is_mounted_there() {
	there grep -q ipcfs "$IPC/README"
}

setup_file() {
	new_mount
	install -m 755 "$IPCFS" "$dir/ipcfs"
	mkdir "$dir/run" "$dir/device"
	chown "$user:$user" "$IPC" "$dir/run"
	# shellcheck disable=SC2016 # the inner shell's
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
	eventually is_mounted_there
}

teardown_file() {
	local bad=0
	there fusermount3 -u "$IPC" || bad=1
	{ eventually [ -s "$dir/status" ] && same 0 "$(cat "$dir/status")" && quiet_log; } || bad=1
	kill -KILL "$(cat "$dir/keeper")"
	rm -r "$dir" || bad=1
	return "$bad"
}

teardown() {
	local bad=0
	end_all || bad=1
	there find "$MSG" -mindepth 1 -maxdepth 1 -user "$user" -exec rmdir {} + || bad=1
	[ "$(queue_ids)" = "$queues_before" ] || complain "these queues are left: $(queue_ids)" || bad=1
	quiet_log || bad=1
	return "$bad"
}

@test "the user makes, uses and removes queues" {
	there mkdir "$MSG/a"
	there sh -c 'echo hello >"$1/data"' sh "$MSG/a"
	same hello "$(there cat "$MSG/a/next")"
	same "$user" "$(there stat -c %u "$MSG/a")"
	same "$user" "$(there sed -n 's/^Cuid:\t//p' "$MSG/a/status")"
	same a "$(there ls "$MSG")"
	there mv "$MSG/a" "$MSG/b"
	there rmdir "$MSG/b"
}

@test "a blocked reader wakes for a native sender" {
	there mkdir "$MSG/a"
	start reader there "$native" read-once "$MSG/a/data"
	as "$user" "$native" msg-send "$(there cat "$MSG/a/key")" 1 hello
	ended reader
	same hello "$(said reader)"
}

@test "other users, and root, are refused" {
	refused EACCES as_root_there ls "$IPC"
	refused EACCES as_root_there "$native" as 1235 ls "$IPC"
}

@test "the permissions of the kernel apply to the queues of other users" {
	id=$("$native" msg-make 0x77 600)
	refused EACCES there cat "$MSG/0x00000077/data"
	refused EPERM there rmdir "$MSG/0x00000077"
	"$native" msg-mode 0x77 606
	"$native" msg-send 0x77 1 hello
	same hello "$(there cat "$MSG/0x00000077/next")"
	there sh -c 'echo back >"$1"' sh "$MSG/0x00000077/data"
	same back "$("$native" msg-receive-bytes 0x77)"
	ipcrm -q "$id"
}

@test "an operation that needs a privilege is refused with a reason in why" {
	refused EACCES there bash -c 'echo 1 >"$1"' sh "$IPC/limits/msgmax"
	[[ "$(there cat "$IPC/why")" == *"limits/msgmax: EACCES: "* ]]
	same "$(cat /proc/sys/kernel/msgmax)" "$(there cat "$IPC/limits/msgmax")"
}

@test "the user makes conversations and binds sockets; raw sockets are refused" {
	# shellcheck disable=SC2016 # the inner shell's
	there bash -c '
		set -e
		mkdir "$1/tcp/a" "$1/ip/icmp/a"
		echo "announce 127.0.0.1:0" >"$1/tcp/a/ctl"
		exec 7<>"$1/tcp/dial/$(cat "$1/tcp/a/local")" 8<>"$1/tcp/a/accept"
		echo hello >&7
		read -r line <&8
		[ "$line" = hello ]
		! echo "announce *" >"$1/ip/icmp/a/ctl"
		grep "EPERM: raw sockets need CAP_NET_RAW" "$1/../why"
		cd "$1/unix"
		python3 -c "
import socket
server = socket.socket(socket.AF_UNIX)
server.bind(\"node\")
server.listen()
socket.socket(socket.AF_UNIX).connect(\"node\")"
		rm node
		rmdir "$1/tcp/a" "$1/ip/icmp/a"' sh "$IPC/socket"
}
