# Names, keys and ids of queues.
load ../helper

@test "mkdir makes a queue, whose key works with msgget" {
	make jobs
	[[ $key =~ ^0x[0-9a-f]{8}$ ]]
	same "$(cat "$q/id")" "$(queue_ids)"
	"$native" msg-send "$key" 1 hello
	same hello "$(cat "$q/next")"
}

@test "mkdir with a key makes a queue with that key" {
	mkdir "$MSG/0x162e"
	same 0x0000162e "$(cat "$MSG/0x162e/key")"
	same 0x0000162e "$(ls "$MSG")"
	"$native" msg-send 0x162e 1 hello
	same hello "$(cat "$MSG/0x162e/next")"
	refused EEXIST mkdir "$MSG/0x162e"
	refused EEXIST mkdir "$MSG/0x0000162e"
	rmdir "$MSG/0x162e"
	same "" "$(queue_ids)"
}

@test "a queue that a native program makes or removes appears or disappears at once" {
	id=$("$native" msg-make 0xbeef)
	private=$("$native" msg-make private)
	same "0x0000beef id-$private" "$(ls "$MSG" | xargs)"
	for name in 0xbeef 0x0000BEEF "id-$id"; do
		same "$id" "$(cat "$MSG/$name/id")"
	done
	same "$private" "$(cat "$MSG/id-$private/id")"
	same 0x00000000 "$(cat "$MSG/id-$private/key")"
	ipcrm -q "$id" -q "$private"
	for name in 0xbeef 0x0000beef "id-$id" "id-$private"; do
		refused ENOENT stat "$MSG/$name"
		refused ENOENT cat "$MSG/$name/id"
	done
	same "" "$(ls "$MSG")"
}

@test "a named queue is listed once, and its key and id are found as well" {
	make jobs
	same jobs "$(ls "$MSG")"
	same "$(cat "$q/id")" "$(cat "$MSG/$key/id")"
	put hello "$MSG/id-$(cat "$q/id")/data"
	same hello "$(cat "$q/next")"
	refused EEXIST mkdir "$MSG/$key"
}

@test "mv names a queue that a native program made" {
	id=$("$native" msg-make 0xbeef)
	private=$("$native" msg-make private)
	mv "$MSG/0x0000beef" "$MSG/work"
	mv "$MSG/id-$private" "$MSG/mine"
	same "mine work" "$(ls "$MSG" | xargs)"
	same "$id" "$(cat "$MSG/work/id")"
	same "$private" "$(cat "$MSG/mine/id")"
	same 0x0000beef "$(cat "$MSG/work/key")"
	mv "$MSG/work" "$MSG/play"
	same "mine play" "$(ls "$MSG" | xargs)"
	refused ENOENT cat "$MSG/work/id"
}

@test "mv refuses a name in use, a key and an id" {
	make a
	mkdir "$MSG/b"
	refused EEXIST mv -T "$MSG/a" "$MSG/b"
	for name in 0x12 id-2000000000; do
		run ! mv -T "$MSG/a" "$MSG/$name"
		why_is "mv sysv/msg/a: EINVAL: not a valid name: use a word"
	done
	same "a b" "$(ls "$MSG" | xargs)"
	run ! mv "$MSG/a" "$IPC/a"
	[ -d "$MSG/a" ]
}

@test "a name outlives the daemon" {
	make jobs
	put kept "$q/data"
	ipcfs_stop
	ipcfs_start
	same jobs "$(ls "$MSG")"
	same "$key" "$(cat "$q/key")"
	same kept "$(cat "$q/next")"
}

@test "after ipcrm, the name of a queue is free for mkdir" {
	make jobs
	ipcrm -Q "$key"
	refused ENOENT ls "$q"
	same "" "$(ls "$MSG")"
	make jobs
	same jobs "$(ls "$MSG")"
	put hello "$q/data"
	same hello "$(cat "$q/next")"
}

@test "after ipcrm, the name of a queue is free for mv" {
	make jobs
	ipcrm -Q "$key"
	mkdir "$MSG/0x77"
	mv "$MSG/0x77" "$MSG/jobs"
	same 0x00000077 "$(cat "$MSG/jobs/key")"
}

@test "if the key of a name is in use, mkdir takes the next free key" {
	make jobs
	first=$key
	rmdir "$q"
	"$native" msg-make "$first" >/dev/null
	make jobs
	[ "$key" != "$first" ]
	same "$first jobs" "$(ls "$MSG" | xargs)"
}

@test "two mounts share a names file" {
	mkdir "$dir/second"
	start second "$IPCFS" -f --names "$dir/names" "$dir/second"
	eventually is_mounted "$dir/second"
	make here
	same here "$(ls "$dir/second/sysv/msg")"
	mkdir "$dir/second/sysv/msg/there"
	same "here there" "$(ls "$MSG" | xargs)"
	mv "$MSG/there" "$MSG/moved"
	same "here moved" "$(ls "$dir/second/sysv/msg" | xargs)"
	rmdir "$dir/second/sysv/msg/here"
	refused ENOENT ls "$MSG/here"
	umount "$dir/second"
	ended second
	same "" "$(errors second)"
	rmdir "$dir/second"
}

@test "mv to another mechanism fails, and moves, copies and receives nothing" {
	make a
	put x "$q/data"
	refused EPERM limit 5 mv "$q" "$IPC/posix/mq/"
	why_is "an object cannot move to another directory"
	same "a 1" "$(ls "$MSG") $(cat "$q/qnum")"
	same "" "$(ls "$IPC/posix/mq")"
}

@test "mkdir refuses an invalid name, and an unknown name does not exist" {
	for name in 0x 0x0 0x00000000 0x123456789 0xg 0x12x id-1 id-x id- $'a\nb'; do
		refused EINVAL mkdir "$MSG/$name"
	done
	why_is "EINVAL"
	same "" "$(queue_ids)"
	refused ENOENT ls "$MSG/nothing"
	refused ENOENT ls "$MSG/0x99"
	refused ENOENT ls "$MSG/id-99"
}

@test "any other name is valid, and outlives the daemon" {
	long=$(env printf 'n%.0s' $(seq 255))
	for name in "two words" 'quo"te$' "$long" ümläut .hidden -x 7 0 0X12; do
		mkdir -- "$MSG/$name"
		[ -d "$MSG/$name" ]
		put x "$MSG/$name/data"
	done
	same 9 "$(find "$MSG" -mindepth 1 -maxdepth 1 | wc -l)"
	ipcfs_stop
	ipcfs_start
	same 9 "$(find "$MSG" -mindepth 1 -maxdepth 1 | wc -l)"
	same x "$(cat "$MSG/two words/next")"
}

@test "mkdir fails with ENOSPC at limits/msgmni" {
	old=$(cat "$IPC/limits/msgmni")
	echo 3 >"$IPC/limits/msgmni"
	for name in a b c; do mkdir "$MSG/$name"; done
	refused ENOSPC mkdir "$MSG/d"
	why_is "mkdir sysv/msg/d: ENOSPC: "
	why_is limits/msgmni
	echo "$old" >"$IPC/limits/msgmni"
}

@test "rmdir removes the queue with its messages" {
	make a
	put x "$q/data"
	rmdir "$q"
	same "" "$(queue_ids)"
	refused ENOENT rmdir "$q"
	run ! "$native" msg-send "$key" 1 x
	[[ $output == ENOENT ]]
}
