# The README's tour: every command of its console blocks, with the mountpoint for /ipc, says what the README shows.
load helper

readme=$BATS_TEST_DIRNAME/../../README.md

# What stands in console blocks, a command after "$ " and what it prints on the lines below it.
tour() {
	awk '/^```console$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$readme" | sed "s|/ipc|$IPC|g"
}

# run_command COMMAND EXPECTED: in this shell, so that what one command starts is there for the next.
run_command() {
	eval "$1" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- </dev/null || true
	[ "$2" = "$(cat "$BATS_TEST_TMPDIR/said")" ] ||
		complain "\$ $1" "$(cat "$BATS_TEST_TMPDIR/said")" "but the README shows:" "$2"
}

@test "the tour in the README shows what happens" {
	local line command='' expected='' commands=0
	while IFS= read -r line; do
		if [[ $line != '$ '* ]]; then
			expected+=$line$'\n'
			continue
		fi
		[ -z "$command" ] || run_command "$command" "$(printf %s "$expected")"
		command=${line#'$ '} expected=''
		commands=$((commands + 1))
	done < <(tour)
	run_command "$command" "$(printf %s "$expected")"
	[ "$commands" -ge 50 ] || complain "only $commands commands were found"
}

@test "files that the README names are there" {
	local file
	for file in $(grep -o '](\([^)]*\))' "$readme" | sed 's/^](//; s/)$//'); do
		[ -e "${readme%/*}/$file" ] || complain "$file is missing"
	done
}

@test "the README names every manual page" {
	local page
	for page in "${readme%/*}"/docs/*.[0-9]; do
		grep -qF "(docs/${page##*/})" "$readme" || complain "the README does not name ${page##*/}"
	done
}
