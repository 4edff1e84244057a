# shellcheck shell=bash
# The examples of pipes and FIFOs.

load ../helper

setup_file() {
	local name
	new_mount
	export examples=$BATS_TEST_DIRNAME/../../../examples
	for name in pipe-log fifo-wait; do
		"${CC:-cc}" -Wall -Wextra -Werror -o "$dir/$name" "$examples/c/$name.c"
	done
	ipcfs_start
}

setup() {
	declare -gA pid=()
	cd "$dir"
}

teardown() {
	end_all
	rm -f "$IPC"/fifo/*
	[ ! -d "$IPC/pipe/p" ] || rmdir "$IPC/pipe/p"
	quiet_log
}

@test "pipe-gather prints the output of all its commands and removes the pipe" {
	same "$(seq 300)" "$("$examples/shell/pipe-gather" "$IPC/pipe/p" 'seq 100' 'seq 101 200' 'seq 201 300' | sort -n)"
	[ ! -e "$IPC/pipe/p" ]
}

@test "pipe_tail.py prints the lines that pipe-log writes" {
	mkdir "$IPC/pipe/p"
	start tail "$examples/python/pipe_tail.py" "$IPC/pipe/p"
	printf '%s\n' one two three | "$dir/pipe-log" "$IPC/pipe/p"
	ended tail
	same "one two three" "$(said tail | cut -d' ' -f2 | xargs)"
}

@test "pipe-log ends after the last reader closes" {
	mkdir "$IPC/pipe/p"
	start log bash -c 'yes | "$@"' _ "$dir/pipe-log" "$IPC/pipe/p"
	same y "$(sed 1q "$IPC/pipe/p/read")"
	ended log
}

@test "fifo_send.py fails without a reader, and sends its lines to fifo-serve" {
	refused ENOENT "$examples/python/fifo_send.py" "$IPC/fifo/f" x
	start serve "$examples/shell/fifo-serve" "$IPC/fifo/f"
	eventually "$examples/python/fifo_send.py" "$IPC/fifo/f" hello
	"$examples/python/fifo_send.py" "$IPC/fifo/f" world quit
	ended serve
	same "got: hello got: world" "$(said serve | xargs)"
	[ ! -e "$IPC/fifo/f" ]
	mkfifo "$IPC/fifo/f"
	run ! "$examples/python/fifo_send.py" "$IPC/fifo/f" x
	[[ $output == "no reader: "* ]]
}

@test "fifo-wait fails at its limit, and prints a line that arrives in time" {
	mkfifo "$IPC/fifo/f"
	run ! "$dir/fifo-wait" "$IPC/fifo/f" 0
	start wait "$dir/fifo-wait" "$IPC/fifo/f" 20
	eventually "$examples/python/fifo_send.py" "$IPC/fifo/f" ready
	ended wait
	same ready "$(said wait)"
}
