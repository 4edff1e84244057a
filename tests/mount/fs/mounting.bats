# Starting the daemon, the options of the program, and ending the daemon.
load ../helper

setup_file() {
	:
}

teardown_file() {
	:
}

setup() {
	declare -gA pid=()
	new_mount
}

teardown() {
	end_all
	if [ -e "$dir/pid" ] && ! [ -s "$dir/status" ]; then
		kill -KILL "$(ipcfs_pid)"
	fi
	while grep -q " $IPC " /proc/self/mounts; do umount -l "$IPC"; done
	rm -r "$dir"
}

# mount_refused TEXT [ARGUMENT...]: ipcfs exits with an error message that contains TEXT.
mount_refused() {
	local text=$1
	shift
	run limit 5 "$IPCFS" -f --names "$dir/names" "$@"
	[ "$status" -gt 0 ] && [ "$status" -lt 124 ]
	[[ $output == "ipcfs: "*"$text"* ]] || complain "says: $output"
	[ "${#lines[@]}" -le 2 ] # libfuse may print a second line
}

@test "--help prints the options and --version the version" {
	run -0 "$IPCFS" --help
	[[ $output == *MOUNTPOINT* && $output == *--foreground* && $output == *--names* && $output == *--threads* ]]
	run -0 "$IPCFS" --version
	[[ $output =~ ^ipcfs\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "with -f, ipcfs runs in the foreground until umount" {
	ipcfs_start
	same "fuse.ipcfs" "$(findmnt -no FSTYPE "$IPC")"
	same "ipcfs" "$(findmnt -no SOURCE "$IPC")"
	ipcfs_stop
}

@test "SIGTERM, SIGINT and SIGHUP unmount, and ipcfs exits with 0" {
	for signal in TERM INT HUP; do
		ipcfs_start
		kill -"$signal" "$(ipcfs_pid)"
		ipcfs_ended
	done
}

@test "SIGTERM ends the daemon while a reader waits, and the read fails" {
	ipcfs_start
	mkdir "$MSG/a"
	start_in read reader "$native" read-once "$MSG/a/data"
	kill -TERM "$(ipcfs_pid)"
	eventually is_gone "${pid[reader]}"
	ended reader 1
	ipcfs_ended
	ipcrm -Q "$(awk '$1 == "msg" { print $2 }' "$dir/names")"
}

@test "without -f, the command returns when the tree is mounted" {
	"$IPCFS" --names "$dir/names" "$IPC"
	is_mounted "$IPC"
	[[ "$(cat "$IPC/README")" == ipcfs:* ]]
	umount "$IPC"
}

@test "a daemon closes the descriptors that it inherits" {
	exec 9<"$NATIVE"
	ipcfs_start
	run -0 ls -l "/proc/$(ipcfs_pid)/fd"
	[[ $output != *"$NATIVE"* ]]
	exec 9<&-
	ipcfs_stop
}

@test "a missing mountpoint is an error" {
	mount_refused "mkdir" "$dir/nowhere"
}

@test "a mountpoint that is not a directory is an error" {
	touch "$dir/file"
	mount_refused "not a directory" "$dir/file"
}

@test "no mountpoint, or more than a source and a mountpoint, is an error" {
	mount_refused "MOUNTPOINT"
	mount_refused "MOUNTPOINT" ipcfs "$IPC" "$IPC"
}

@test "unknown options and bad values are errors" {
	mount_refused "nonsense" --nonsense "$IPC"
	mount_refused "--threads" --threads 0 "$IPC"
	mount_refused "unknown log level loud" --log-level loud "$IPC"
	mount_refused "nonsense" -o nonsense "$IPC"
}

@test "a second mount on the same mountpoint is an error" {
	ipcfs_start
	mount_refused "already" "$IPC"
	is_mounted "$IPC"
	ipcfs_stop
}

@test "a second mount by another name of the mountpoint is an error" {
	mkdir "$dir/a b\\c"
	IPC="$dir/a b\\c" ipcfs_start
	ln -s "a b\\c" "$dir/link"
	cd "$dir"
	for name in "$dir/a b\\c" "/$dir/a b\\c" "$dir//a b\\c/" "$dir/link" "$dir/../${dir##*/}/link" "a b\\c" link; do
		mount_refused "already" "$name"
	done
	umount "$dir/a b\\c"
	eventually [ -s "$dir/status" ]
}

@test "a mountpoint named by a symbolic link is unmounted at the end" {
	ln -s ipc "$dir/link"
	IPC=$dir/link ipcfs_start
	same "$IPC" "$(findmnt -no TARGET "$IPC")"
	kill -TERM "$(ipcfs_pid)"
	ipcfs_ended
}

@test "ipcfs replaces a stale mount that a symbolic link names" {
	ln -s ipc "$dir/link"
	ipcfs_start
	kill -KILL "$(ipcfs_pid)"
	eventually [ -s "$dir/status" ]
	IPC=$dir/link ipcfs_start
	same 1 "$(grep -c "$IPC" /proc/self/mounts)"
	umount "$IPC"
	eventually [ -s "$dir/status" ]
}

# mount.fuse3(8) looks for the program with the name of the file system type in the default PATH of the shell.
mount_program() {
	local status=0
	mkdir -p "$dir/bin"
	ln -sf "$IPCFS" "$dir/bin/ipcfs"
	mount --bind "$dir/bin" /usr/local/bin
	"$@" || status=$?
	umount /usr/local/bin
	return "$status"
}

@test "mount(8) mounts the type fuse.ipcfs, with its own options and those of ipcfs" {
	mount_program mount -t fuse.ipcfs ipcfs "$IPC"
	is_mounted "$IPC"
	umount "$IPC"
	mount_program mount -t fuse.ipcfs -o "user,noauto,nofail,_netdev,x-a.b=c,relatime,noexec,names=$dir/other,threads=2" \
		"a,b" "$IPC"
	same "a,b fuse.ipcfs" "$(findmnt -rno SOURCE,FSTYPE "$IPC")"
	[[ $(findmnt -no OPTIONS "$IPC") == *nosuid,nodev,noexec,* ]]
	mkdir "$MSG/a"
	[ -s "$dir/other" ]
	rmdir "$MSG/a"
	umount "$IPC"
	run ! mount_program mount -t fuse.ipcfs -o nonsense ipcfs "$IPC"
	[[ $output == *nonsense* ]]
}

@test "a second mount -a succeeds and does not mount again" {
	echo "ipcfs $IPC fuse.ipcfs defaults,nofail,names=$dir/names 0 0" >"$dir/fstab"
	mount_program mount --fstab "$dir/fstab" --all
	mount_program mount --fstab "$dir/fstab" --all
	same 1 "$(grep -c "$IPC" /proc/self/mounts)"
	umount "$IPC"
}

@test "the end of a daemon does not unmount the mount of a later daemon" {
	ipcfs_start
	exec 9<"$IPC/README"
	umount -l "$IPC"
	"$IPCFS" --names "$dir/names" "$IPC"
	kill -TERM "$(ipcfs_pid)"
	eventually [ -s "$dir/status" ]
	exec 9<&-
	same 0 "$(cat "$dir/status")"
	is_mounted "$IPC"
	umount "$IPC"
}

@test "the end of a daemon does not unmount a file system that is mounted over it" {
	ipcfs_start
	mount -t tmpfs tmpfs "$IPC"
	kill -TERM "$(ipcfs_pid)"
	eventually [ -s "$dir/status" ]
	same tmpfs "$(findmnt -no FSTYPE "$IPC" | tail -1)"
	umount "$IPC"
	umount "$IPC"
}

@test "ipcfs replaces the stale mount of a killed daemon" {
	ipcfs_start
	kill -KILL "$(ipcfs_pid)"
	eventually [ -s "$dir/status" ]
	run ! ls "$IPC"
	ipcfs_start
	same 1 "$(wc -l <"$dir/log")"
	grep -q "removing the mount on $IPC, whose daemon has died" "$dir/log"
	umount "$IPC"
	eventually [ -s "$dir/status" ]
	same 0 "$(cat "$dir/status")"
	run ! mountpoint -q "$IPC"
}

@test "with --threads 4, a blocked reader wakes for a writer" {
	ipcfs_start --threads 4
	mkdir "$MSG/a"
	start_in read reader "$native" read-once "$MSG/a/data"
	put hello "$MSG/a/data"
	ended reader
	same hello "$(said reader)"
	rmdir "$MSG/a"
	ipcfs_stop
}

@test "with -o ro, mkdir fails with EROFS" {
	ipcfs_start -o ro
	run ! mkdir "$MSG/a"
	[[ $output == *"Read-only file system"* ]]
	ipcfs_stop
}
