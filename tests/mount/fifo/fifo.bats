# shellcheck shell=bash
# FIFOs, compared with FIFOs outside the mount.

load ../helper

setup() {
	declare -gA pid=()
	cd "$dir"
	pipes=$(dirname "$NATIVE")/pipes
	f=$IPC/fifo
	mkdir -p outside
}

teardown() {
	end_all
	rm -f "$f"/* outside/*
	quiet_log
}

@test "the ends behave as those of a FIFO outside" {
	"$pipes" ends fifo outside >outside.table
	"$pipes" ends fifo "$f" >inside.table
	diff outside.table inside.table
	"$pipes" ends native >native.table
	diff native.table inside.table
}

@test "open, names and attributes behave as those of a FIFO outside" {
	"$pipes" fifo outside >outside.table
	"$pipes" fifo "$f" >inside.table
	diff outside.table inside.table
}

@test "ls, mv and rm work" {
	mkfifo -m 640 "$f/a"
	same "prw-r-----" "$(stat -c %A "$f/a")"
	same a "$(ls "$f")"
	[ -p "$f/a" ]
	mv "$f/a" "$f/b"
	same b "$(ls "$f")"
	refused EEXIST mkfifo "$f/b"
	mkfifo "$f/c"
	mv "$f/b" "$f/c"
	same "c prw-r-----" "$(ls "$f") $(stat -c %A "$f/c")"
	refused EPERM python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$f/c" "$IPC/pipe/c"
	rm "$f/c"
	same "" "$(ls "$f")"
}

@test "only FIFOs can be made" {
	refused EPERM touch "$f/x"
	why_is "fifo holds FIFOs only"
	refused EPERM mkdir "$f/x"
	refused EPERM mknod "$f/x" c 1 3
	refused EPERM ln -s y "$f/x"
	mkfifo "$f/y"
	refused EPERM ln "$f/y" "$f/x"
	run ! python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$f/x"
	why_is "fifo holds FIFOs only"
	same y "$(ls "$f")"
}

@test "the kernel checks owner and mode" {
	as 1000 mkfifo -m 600 "$f/u"
	same "1000 1000 600" "$(stat -c '%u %g %a' "$f/u")"
	refused EACCES as 1001 bash -c 'exec 3<>"$1"' _ "$f/u"
	refused EPERM as 1001 chmod 666 "$f/u"
	refused EPERM as 1001 rm -f "$f/u"
	refused EPERM as 1001 mv "$f/u" "$f/v"
	as 1001 mkfifo "$f/other"
	refused EPERM as 1001 mv -f "$f/other" "$f/u"
	refused EPERM as 1000 chown 1001 "$f/u"
	as 1000 chmod 622 "$f/u"
	as 1001 bash -c 'exec 3>"$1"' _ "$f/u" &
	cat "$f/u"
	wait $!
	refused EACCES as 1001 cat "$f/u"
	chown 1001:1001 "$f/u"
	as 1001 rm "$f/u"
}

@test "a reader and a writer find each other in either order of opens" {
	mkfifo "$f/r"
	for i in {1..100}; do
		if ((i % 2)); then
			cat "$f/r" >got &
			echo "$i" >"$f/r"
		else
			echo "$i" >"$f/r" &
			cat "$f/r" >got
		fi
		wait $!
		same "$i" "$(cat got)"
	done
}

@test "a reader and a writer find each other through mv, ls and chmod" {
	mkfifo "$f/r"
	for i in {1..20}; do
		start reader cat "$f/r"
		eventually "$pipes" is-opening "${pid[reader]}"
		ls -l "$f" >/dev/null
		chmod "6$((i % 8))0" "$f/r"
		mv "$f/r" "$f/s"
		stat "$f" "$f/s" >/dev/null
		echo "$i" >"$f/s"
		ended reader
		same "$i" "$(said reader)"
		mv "$f/s" "$f/r"
	done
}

@test "a FIFO that is made again under the same name is a new object" {
	mkfifo "$f/r"
	exec 7<>"$f/r"
	echo old >&7
	rm "$f/r"
	mkfifo "$f/r"
	exec 8<>"$f/r"
	echo new >&8
	read -r line <&8
	same new "$line"
	read -r line <&7
	same old "$line"
	exec 7>&- 8>&-
}

@test "a waiting open can be interrupted and killed" {
	mkfifo "$f/r"
	start reader cat "$f/r"
	eventually "$pipes" is-opening "${pid[reader]}"
	kill -TERM "${pid[reader]}"
	ended reader 143
	start writer cp "$dir/pid" "$f/r"
	eventually "$pipes" is-opening "${pid[writer]}"
	kill -KILL "${pid[writer]}"
	ended writer 137
}

@test "a user can have 1024 FIFOs" {
	run as 1000 bash -c 'cd "$1" && mkfifo {1..1025}' _ "$f"
	same 1024 "$(ls "$f" | wc -l)"
	[[ $output == *"No space left"* ]]
	as 1000 cat "$IPC/why" | grep -q "1024 FIFOs"
	as 1001 mkfifo "$f/other"
	rm "$f/1"
	as 1000 mkfifo "$f/again"
}
