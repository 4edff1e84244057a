# shellcheck shell=bash
# Pipes: their ends compared with pipe(2), and the files that only a pipe with a name has.

load ../helper

setup() {
	declare -gA pid=()
	cd "$dir"
	pipes=$(dirname "$NATIVE")/pipes
	mkdir "$IPC/pipe/p"
	p=$IPC/pipe/p
}

teardown() {
	local left
	end_all
	for left in "$IPC"/pipe/*; do
		[ ! -d "$left" ] || rmdir "$left"
	done
	quiet_log
}

# has FILE VALUE: the attribute of the pipe.
has() {
	[ "$(cat "$p/$1")" = "$2" ]
}

# polls FILE: prints the names of the events that poll(2) reports at once on an open file.
polls() {
	python3 - "$@" <<-'END'
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_WRONLY if sys.argv[1].endswith("write") else os.O_RDONLY)
		poll = select.poll()
		poll.register(fd, select.POLLIN | select.POLLOUT)
		names = ["POLLIN", "POLLOUT", "POLLERR", "POLLHUP"]
		print(*[name for _, got in poll.poll(0) for name in names if got & getattr(select, name)])
	END
}

@test "the ends behave as those of pipe(2)" {
	"$pipes" ends native >native.table
	"$pipes" ends pipe "$IPC/pipe" >pipe.table
	diff native.table pipe.table
}

@test "bytes stay in the pipe while no process has it open" {
	echo one >"$p/write"
	echo two >"$p/write"
	same 8 "$(cat "$p/queued")"
	same 8 "$(stat -c %s "$p")"
	same "one two" "$(cat "$p/read" | xargs)"
	same 0 "$(cat "$p/queued")"
}

@test "a reader waits for the first writer" {
	start_in read reader cat "$p/read"
	has readers 1
	put hello "$p/write"
	ended reader
	same hello "$(said reader)"
	# The writer has closed before the reader opens, and left bytes.
	put again "$p/write"
	same again "$(get "$p/read")"
	# The next reader waits for a writer, and gets no end of file from the earlier writers.
	start_in read reader cat "$p/read"
	put more "$p/write"
	ended reader
}

@test "a writer fills the pipe and waits for the first reader" {
	start writer bash -c 'head -c 100000 /dev/zero >"$1"' _ "$p/write"
	eventually has queued 65536
	has writers 1
	same 100000 "$(cat "$p/read" | wc -c)"
	ended writer
}

@test "a writer gets SIGPIPE when the last reader closes" {
	start yes bash -c 'exec yes >"$1"' _ "$p/write"
	same y "$(sed 1q "$p/read")"
	ended yes 141
}

@test "head ends a pipeline whose writer never stops" {
	run --separate-stderr limit 5 bash -c 'yes >"$1/write" | head -1 <"$1/read"' _ "$p"
	same "0 y" "$status $output"
}

@test "each end is for reading or for writing only" {
	refused EACCES cat "$p/write"
	refused EACCES put x "$p/read"
	why_is "file is read only"
	refused EINVAL dd if=/dev/zero of="$p/write" bs=1 count=1 oflag=direct
	why_is "packet mode"
}

@test "with O_NONBLOCK an end without a partner fails with EAGAIN" {
	refused EAGAIN dd if="$p/read" of=/dev/null iflag=nonblock
	refused EAGAIN dd if=/dev/zero of="$p/write" bs=65537 count=2 oflag=nonblock
	has queued 65536
}

@test "poll reports no hang-up before the first partner" {
	same "" "$(polls "$p/read")"
	same POLLOUT "$(polls "$p/write")"
	head -c 65536 /dev/zero >"$p/write"
	same POLLIN "$(polls "$p/read")"
	same "" "$(polls "$p/write")"
}

@test "capacity is rounded up, and not below the queued bytes" {
	same 65536 "$(cat "$p/capacity")"
	echo 5000 >"$p/capacity"
	same 8192 "$(cat "$p/capacity")"
	echo 1M >"$p/capacity"
	same 1048576 "$(cat "$p/capacity")"
	head -c 1M /dev/zero >"$p/write"
	same 1048576 "$(cat "$p/queued")"
	refused EINVAL put big "$p/capacity"
	why_is "capacity is not a number of bytes"
	refused EINVAL put 4G "$p/capacity"
	why_is "from 1 to 2G"
	run ! bash -c 'echo 4096 >"$1"' _ "$p/capacity"
	why_is "pipe has more bytes queued"
	same 1048576 "$(cat "$p/capacity")"
}

@test "a waiting writer continues when the capacity is raised" {
	start writer bash -c 'head -c 100000 /dev/zero >"$1"' _ "$p/write"
	eventually has queued 65536
	still writer
	echo 128K >"$p/capacity"
	ended writer
	has queued 100000
}

@test "the limits of the caller apply to capacity" {
	local most
	most=$(cat "$IPC/limits/pipe_max_size")
	chmod 777 "$p"
	as 1000 bash -c 'echo 256K >"$1"' _ "$p/capacity"
	same 262144 "$(cat "$p/capacity")"
	refused EPERM as 1000 bash -c 'echo "$2" >"$1"' _ "$p/capacity" $((most * 2))
	as 1000 cat "$IPC/why" | grep -q pipe_max_size
	chmod 755 "$p"
	refused EACCES as 1000 bash -c 'echo 4096 >"$1"' _ "$p/capacity"
}

@test "pipe-user-pages-soft limits all pipes of a user" {
	local soft i
	soft=$(cat /proc/sys/fs/pipe-user-pages-soft)
	[ "$soft" = 16384 ] || skip "pipe-user-pages-soft is not 16384"
	as 1000 bash -c 'cd "$1" && for i in {1..64}; do mkdir u$i && echo 1M >u$i/capacity || exit; done 2>/dev/null' _ "$IPC/pipe" ||
		same 64 "$(ls "$IPC/pipe" | grep -c u)"
	as 1000 mkdir "$IPC/pipe/small"
	same 8192 "$(cat "$IPC/pipe/small/capacity")"
	refused EPERM as 1000 bash -c 'echo 1M >"$1"' _ "$IPC/pipe/small/capacity"
	as 1000 cat "$IPC/why" | grep -q pipe-user-pages-soft
	# The limit of another user is not affected.
	as 1001 mkdir "$IPC/pipe/other"
	same 65536 "$(cat "$IPC/pipe/other/capacity")"
	# rmdir frees the capacity.
	rmdir "$IPC"/pipe/u*
	as 1000 mkdir "$IPC/pipe/large"
	same 65536 "$(cat "$IPC/pipe/large/capacity")"
}

@test "readers, writers and status count open files" {
	exec 7<"$p/read" 8>"$p/write" 9>"$p/write"
	has readers 1
	has writers 2
	grep -qx "Writers:	2" "$p/status"
	for name in Uid Gid Mode Capacity Queued Readers Writers; do
		grep -q "^$name:	[0-9]" "$p/status"
	done
	exec 7<&- 8>&- 9>&-
	eventually has writers 0
	has readers 0
}

@test "after rmdir readers get the remaining bytes and end of file, and writers EPIPE" {
	exec 7<"$p/read" 8>"$p/write"
	put rest "$p/write"
	rmdir "$p"
	same rest "$(limit 5 cat <&7)"
	(trap '' PIPE && refused EPIPE bash -c 'echo x >&8')
	exec 7<&- 8>&-
}

@test "rmdir wakes waiting readers and writers" {
	exec 8>"$p/write"
	start_in read reader cat "$p/read"
	rmdir "$p"
	ended reader
	mkdir "$p"
	exec 7<"$p/read"
	start writer bash -c 'exec head -c 100000 /dev/zero >"$1"' _ "$p/write"
	eventually has queued 65536
	rmdir "$p"
	ended writer 141
	mkdir "$p"
	has queued 0
	exec 7<&- 8>&-
}

@test "an open pipe can be renamed" {
	exec 8>"$p/write"
	mv "$p" "$IPC/pipe/q"
	put moved "$IPC/pipe/q/write"
	exec 8>&-
	same moved "$(cat "$IPC/pipe/q/read")"
	refused ENOENT cat "$p/queued"
	mkdir "$p"
	run ! mv -T "$p" "$IPC/pipe/q"
}

@test "owner and mode are checked" {
	as 1000 mkdir -m 700 "$IPC/pipe/u"
	same "1000 1000 drwx------" "$(stat -c '%u %g %A' "$IPC/pipe/u")"
	refused EACCES as 1001 bash -c 'echo x >"$1"' _ "$IPC/pipe/u/write"
	as 1000 chmod 733 "$IPC/pipe/u"
	as 1001 bash -c 'echo x >"$1"' _ "$IPC/pipe/u/write"
	refused EACCES as 1001 cat "$IPC/pipe/u/read"
	refused EPERM as 1001 rmdir "$IPC/pipe/u"
	refused EPERM as 1001 mv "$IPC/pipe/u" "$IPC/pipe/v"
	chown 1001 "$IPC/pipe/u"
	same x "$(as 1001 cat "$IPC/pipe/u/read")"
	as 1001 rmdir "$IPC/pipe/u"
}

@test "names: only pipes can be made, and their files cannot be removed" {
	refused EEXIST mkdir "$p"
	refused EPERM rm "$p/read"
	refused EPERM touch "$p/other"
	same p "$(ls "$IPC/pipe")"
	same "capacity queued read readers status write writers" "$(ls "$p" | xargs)"
}

@test "three hundred waiting readers get one line each" {
	python3 - "$p" <<-'END'
		import os, sys, threading
		kept = os.open(sys.argv[1] + "/read", os.O_RDONLY)  # the pipe must not break when readers come slowly
		got = []
		def one():
		    fd = os.open(sys.argv[1] + "/read", os.O_RDONLY)
		    got.append(os.read(fd, 5))
		    os.close(fd)
		threads = [threading.Thread(target=one) for _ in range(300)]
		for thread in threads:
		    thread.start()
		fd = os.open(sys.argv[1] + "/write", os.O_WRONLY)
		for i in range(300):
		    os.write(fd, b"%04d\n" % i)
		for thread in threads:
		    thread.join()
		assert sorted(got) == [b"%04d\n" % i for i in range(300)], got[:10]
	END
}

@test "mkdir fails with ENFILE when the daemon has no descriptor left" {
	local daemon limit
	daemon=$(ipcfs_pid)
	limit=$(prlimit --pid "$daemon" --nofile --noheadings --output SOFT)
	prlimit --pid "$daemon" --nofile=3:
	refused ENFILE mkdir "$IPC/pipe/q"
	why_is "the daemon has no descriptor left"
	refused ENFILE bash -c 'echo 4096 >"$1"' _ "$p/capacity"
	refused ENFILE cat "$IPC/limits/msgmax"
	prlimit --pid "$daemon" --nofile="$limit":
	mkdir "$IPC/pipe/q"
}

@test "a writer that waits for a page uses no processor time" {
	local daemon before after
	daemon=$(ipcfs_pid)
	head -c 61441 /dev/zero >"$p/write"
	start writer dd if=/dev/zero of="$p/write" bs=4096 count=1
	eventually has writers 1
	before=$(cut -d' ' -f14,15 "/proc/$daemon/stat")
	read -rt 0.5 <> <(:) || true
	after=$(cut -d' ' -f14,15 "/proc/$daemon/stat")
	still writer
	[ $((${after/ /+} - (${before/ /+}))) -le 10 ] || complain "$before $after"
	head -c 4096 "$p/read" >/dev/null
	ended writer
}
