# The tree before any object exists, and the calls that the tree refuses.
load ../helper

@test "README names the files of the tree" {
	run -0 cat "$IPC/README"
	for word in mkdir rmdir data next lines drain peek type status key limits why; do
		[[ $output == *"$word"* ]] || complain "no $word in README"
	done
	awk 'length > 110 { exit 1 }' "$IPC/README"
}

@test "the top directory lists the mechanisms and belongs to root" {
	same "README fifo limits pipe posix signal socket sysv why" "$(ls "$IPC" | xargs)"
	same "dr-xr-xr-x" "$(stat -c %A "$IPC" | tr w -)"
	same "drwxrwxrwt" "$(stat -c %A "$MSG")"
	same "root root" "$(stat -c '%U %G' "$IPC")"
}

@test "posix has mq, sem and shm, and every user can make queues" {
	same "mq sem shm" "$(ls "$IPC/posix" | xargs)"
	same "drwxrwxrwt" "$(stat -c %A "$IPC/posix/mq")"
}

@test "limits shows the limits of the kernel" {
	for name in msgmax msgmnb msgmni shmmax shmall shmmni; do
		same "$(cat "/proc/sys/kernel/$name")" "$(cat "$IPC/limits/$name")"
	done
	for name in queues_max msg_max msgsize_max; do
		same "$(cat "/proc/sys/fs/mqueue/$name")" "$(cat "$IPC/limits/mq_$name")"
	done
	same "$(xargs </proc/sys/kernel/sem)" "$(cd "$IPC/limits" && cat semmsl semmns semopm semmni | xargs)"
	same "$(cat /proc/sys/fs/pipe-max-size)" "$(cat "$IPC/limits/pipe_max_size")"
	same 14 "$(ls "$IPC/limits" | wc -l)"
}

@test "a write by root sets one limit and leaves the others" {
	old=$(cat /proc/sys/kernel/msgmax)
	echo 10000 >"$IPC/limits/msgmax"
	same 10000 "$(cat /proc/sys/kernel/msgmax)"
	printf '%s' "$old" >"$IPC/limits/msgmax"
	same "$old" "$(cat /proc/sys/kernel/msgmax)"

	old=$(cat /proc/sys/kernel/sem)
	opm=$(cat "$IPC/limits/semopm")
	echo $((opm - 1)) >"$IPC/limits/semopm"
	same "$(awk '{ $3 -= 1; print }' <<<"$old")" "$(xargs </proc/sys/kernel/sem)"
	echo "$opm" >"$IPC/limits/semopm"
	same "$(xargs <<<"$old")" "$(xargs </proc/sys/kernel/sem)"
}

@test "bad text for a limit changes nothing" {
	old=$(cat /proc/sys/kernel/msgmax)
	for text in abc -1 "1 2" 1x 99999999999999999999 999999999999999999999; do
		refused EINVAL put "$text" "$IPC/limits/msgmax"
		same "$old" "$(cat "$IPC/limits/msgmax")"
	done
	why_is "limits/msgmax"
}

@test "other users can read limits and cannot set them" {
	same "$(cat /proc/sys/kernel/msgmax)" "$(as 1000 cat "$IPC/limits/msgmax")"
	refused EACCES as 1000 sh -c 'echo 10000 >"$1"' sh "$IPC/limits/msgmax"
}

@test "why shows each user the reason for its own last error only" {
	refused EINVAL mkdir "$MSG/0x"
	why_is "mkdir sysv/msg/0x: EINVAL: "
	same "" "$(as 1000 cat "$IPC/why")"
	refused EPERM as 1001 mkfifo "$MSG/b"
	refused EPERM as 1000 sh -c 'mkdir "$1"/0x || mkfifo "$1/a"' sh "$MSG"
	[[ "$(as 1000 cat "$IPC/why")" == "create sysv/msg/a: EPERM: "* ]]
	why_is "mkdir sysv/msg/0x: EINVAL: "
}

@test "statfs works, and reports names of up to 255 bytes" {
	same 255 "$(stat -f -c %l "$IPC")"
	df "$IPC"
}

@test "touch succeeds for the current time and fails for another time" {
	make a
	touch "$q" "$q/data" "$q/qnum"
	refused EPERM touch -d 2020-01-01 "$q"
}

@test "the files of an object cannot be removed, renamed or linked" {
	make a
	for file in data qnum status; do
		refused EPERM rm -f "$q/$file"
		refused EPERM ln "$q/$file" "$q/other"
		run ! mv "$q/$file" "$q/other"
	done
	why_is "mv sysv/msg/a/status"
	refused EPERM rm -f "$IPC/README"
	refused EPERM rmdir "$IPC/limits"
	refused EPERM rmdir "$MSG"
	refused EPERM rmdir "$q/type"
	refused EPERM rmdir "$q/type/1"
	[ -e "$q/data" ]
}

@test "rm -r of a queue fails and leaves the queue" {
	make a
	refused EPERM rm -r "$q"
	[ -d "$q" ]
}

@test "in sysv/msg only mkdir makes an object, and mkdir fails outside the directories of mechanisms" {
	refused EPERM touch "$MSG/file"
	why_is "mkdir"
	refused EPERM mkfifo "$MSG/fifo"
	refused EPERM ln -s x "$MSG/link"
	make a
	refused EPERM touch "$IPC/file"
	refused EPERM touch "$q/file"
	refused EPERM mkdir "$IPC/other"
	refused EPERM mkdir "$IPC/sysv/other"
	refused EPERM mkdir "$q/other"
	refused EPERM mkdir "$q/type/x"
	refused EEXIST mkdir "$q/type/8"
}

@test "the directory of a queue lists its files, and wrong names below type do not exist" {
	make a
	same "cbytes ctime data drain id key lines lrpid lspid next peek qbytes qnum records rtime status stime type" \
		"$(ls "$q" | xargs)"
	same "" "$(ls "$q/type")"
	same "data drain lines next peek records" "$(ls "$q/type/5" | xargs)"
	for name in 0 -1 x upto- upto-0 except-x 99999999999999999999 01; do
		refused ENOENT ls "$q/type/$name"
	done
}

@test "stream files have size 0 and a large block size" {
	make a
	env printf '%05000d' 1 >"$q/data"
	same "0 regular empty file" "$(stat -c '%s %F' "$q/data")"
	[ "$(stat -c %o "$q/data")" -gt 8192 ]
	same 5000 "$(stat -c %s "$q")"
	: >"$q/data" # opening with O_TRUNC removes no message
	same 1 "$(cat "$q/qnum")"
}

@test "ls -lR lists the whole tree" {
	make a
	make b
	put x "$MSG/b/type/7/data"
	run -0 ls -lR "$IPC"
	[[ $output == *"sysv/msg/b/type/7:"* ]]
}
