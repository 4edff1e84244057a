# The examples of shared memory: each reads the text that another one stored, in both kinds of memory.
load ../helper

setup_file() {
	new_mount
	examples=$BATS_TEST_DIRNAME/../../../examples
	"${CC:-cc}" -Wall -Wextra -Werror -o "$dir/shm-note" "$examples/c/shm-note.c"
	export examples
	ipcfs_start
}

@test "each program reads the text that each program stored" {
	local kind writer reader
	for kind in "$IPC/sysv/shm" "$IPC/posix/shm"; do
		for writer in "$examples/shell/shm-note" "$examples/python/shm_note.py" "$dir/shm-note"; do
			"$writer" "$kind/note" "from $writer"
			for reader in "$examples/shell/shm-note" "$examples/python/shm_note.py" "$dir/shm-note"; do
				same "from $writer" "$("$reader" "$kind/note")"
			done
			rmdir "$kind/note"
		done
	done
}

@test "each example prints its usage without arguments" {
	local program
	for program in "$examples/shell/shm-note" "$examples/python/shm_note.py" "$dir/shm-note"; do
		run ! "$program"
		[[ $output == *"usage: $(basename "$program") OBJECT"* ]] || complain "$program printed: $output"
	done
}
