# The examples of shared memory: what one leaves, each other finds, in both kinds.
load helper

setup_file() {
	new_mount
	examples=$BATS_TEST_DIRNAME/../../examples
	"${CC:-cc}" -Wall -Wextra -Werror -o "$dir/shm-note" "$examples/c/shm-note.c"
	export examples
	ipcfs_start
}

@test "a note that one language leaves is found by the others" {
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

@test "they say how they are used" {
	local program
	for program in "$examples/shell/shm-note" "$examples/python/shm_note.py" "$dir/shm-note"; do
		run ! "$program"
		[[ $output == *"usage: $(basename "$program") OBJECT"* ]] || complain "$program says: $output"
	done
}
