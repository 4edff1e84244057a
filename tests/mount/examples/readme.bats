# bats file_tags=mqueue
# Runs every command of README.md, of examples/README.md and of the README in the tree on a mount, and compares the output
# with the text. The daemon has a network namespace of its own, because the commands open TCP connections.
load ../socket/sockets

readme=$BATS_TEST_DIRNAME/../../../README.md

setup() {
	declare -gA pid=()
	cd "$dir" || return
}

teardown() {
	local bad=0
	end_all || bad=1
	remove_everything || bad=1
	quiet_log || bad=1
	return "$bad"
}

# Removes the objects that the commands made.
remove_everything() {
	remove_sockets && find "$IPC"/{sysv/*,posix/*,pipe,signal/inbox}/ -mindepth 1 -maxdepth 1 -exec rmdir {} + &&
		find "$IPC/fifo" -type p -delete
}

# console_blocks FILE: prints the console blocks of a page: each command after "$ ", and its output on the lines below it.
console_blocks() {
	awk '/^```console$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$1" | sed "s|/ipc|$IPC|g"
}

# run_command COMMAND: runs it in this shell, so that later commands see its background jobs and its open files. Its output
# is in the file `said`.
run_command() {
	eval "$1" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- </dev/null
}

# shows COMMAND EXPECTED: runs it and compares its output.
shows() {
	run_command "$1" || true
	[ "$2" = "$(cat "$BATS_TEST_TMPDIR/said")" ] ||
		complain "\$ $1" "$(cat "$BATS_TEST_TMPDIR/said")" "but the page shows:" "$2"
}

# run_page FILE LEAST: runs the commands of a page, and fails if the page has fewer than LEAST commands.
run_page() {
	local line command='' expected='' commands=0
	while IFS= read -r line; do
		if [[ $line != '$ '* ]]; then
			expected+=$line$'\n'
			continue
		fi
		[ -z "$command" ] || shows "$command" "$(printf %s "$expected")"
		command=${line#'$ '} expected=''
		commands=$((commands + 1))
	done < <(console_blocks "$1")
	shows "$command" "$(printf %s "$expected")"
	[ "$commands" -ge "$2" ] || complain "only $commands commands were found in $1"
}

# no_process_in FOLDER: no process has FOLDER as its working directory.
no_process_in() {
	! find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1" 2>/dev/null | grep -q .
}

@test "each command of README.md prints the output shown there" {
	run_page "$readme" 60
}

@test "each command of examples/README.md prints the output shown there, and leaves no file and no process" {
	local files
	mkdir clone
	cp -r "${readme%/*}/examples" clone
	cd clone
	files=$(find . | sort)
	run_page examples/README.md 40
	same "$files" "$(find . | sort)"
	cd ..
	eventually no_process_in "$dir/clone"
	same "clone dial" "$(ls "$TCP" | xargs)"
}

# Prints the commands of the README in the tree. A line that begins with two blanks holds a command, two or more blanks and a
# description.
commands_in_the_tree() {
	sed -n 's/^  \([^ ].*[^ ]\)   *[^ ].*/\1/p' "$IPC/README"
}

# has_described_effect COMMAND: checks the effect that the README in the tree describes, for the commands that have one.
has_described_effect() {
	case $1 in
	'cat sysv/msg/jobs/next') same hello "$(said said)" ;;
	'cat sysv/msg/jobs/drain') same "$(seq 1000)" "$(said said)" ;;
	'echo hi > sysv/msg/jobs/type/7/data') same hi "$(cat sysv/msg/jobs/type/7/next)" ;;
	'mkdir sysv/msg/0x162e') same "0x0000162e jobs" "$(ls sysv/msg | xargs)" ;;
	'mv sysv/msg/0x162e sysv/msg/work') same 0x0000162e "$(cat sysv/msg/work/key)" ;;
	'echo 5 > posix/mq/jobs/maxmsg') same 5 "$(cat posix/mq/jobs/maxmsg)" ;;
	'echo now > posix/mq/jobs/prio/9/data') same "9 4" "$("$native" read-once posix/mq/jobs/records | head -n 1)" ;;
	'echo 1 1 1 > sysv/sem/forks/values') same "1 1 1" "$(cat sysv/sem/forks/values)" ;;
	'echo 0:-1 1:+2 > sysv/sem/forks/op') same "0 3 1" "$(cat sysv/sem/forks/values)" ;;
	'sleep 1 9> sysv/sem/forks/2/hold') eventually same "0 3 1" "$(cat sysv/sem/forks/values)" ;;
	'echo +1 > posix/sem/lock/op') same 1 "$(cat posix/sem/lock/value)" ;;
	'truncate -s 64M posix/shm/table/data') same 67108864 "$(cat posix/shm/table/size)" ;;
	'cat pipe/p/read') same "$(seq 9)" "$(said said)" ;;
	'mkfifo fifo/f') [ -p fifo/f ] ;;
	'cat socket/unix/s/accept') same hi "$(said said)" ;;
	'echo TERM > signal/$!/send') eventually is_gone $! ;;
	'cat signal/self/status') grep -q '^Name:.cat$' "$BATS_TEST_TMPDIR/said" ;;
	'sed 1q signal/inbox/mail/lines') [[ "$(said said)" == USR1\ * ]] ;;
	'cat limits/msgmax') same "$(cat /proc/sys/kernel/msgmax)" "$(said said)" ;;
	'cat why') [[ "$(said said)" == *"sysv/msg/jobs/data"* ]] ;;
	*) return 1 ;;
	esac
}

@test "each command of the README in the tree has the effect described there" {
	local command checked=0
	cd "$IPC"
	run ! rm sysv/msg/jobs/data sysv/msg/jobs # an error for `why`
	while IFS= read -r command; do
		[ "$command" != 'cat why' ] || run ! rm sysv/msg/jobs/data
		run_command "$command" || complain "\$ $command" "failed: $(said said)"
		if has_described_effect "$command"; then checked=$((checked + 1)); fi
	done < <(commands_in_the_tree)
	cd "$dir"
	same 20 "$checked"
}

@test "the README in the tree fits on one screen and consists mostly of commands" {
	[ "$(wc -l <"$IPC/README")" -le 50 ]
	run ! grep -E '.{111}' "$IPC/README"
	same "$(grep -c '^  ' "$IPC/README")" "$(commands_in_the_tree | wc -l)"
	[ "$(commands_in_the_tree | wc -l)" -ge 30 ]
}

@test "README.md links only to files that exist" {
	local file
	for file in $(grep -o '](\([^)]*\))' "$readme" | sed 's/^](//; s/)$//'); do
		[ -e "${readme%/*}/$file" ] || complain "$file is missing"
	done
}

@test "README.md links to every manual page" {
	local page
	for page in "${readme%/*}"/docs/*.[0-9]; do
		grep -qF "(docs/${page##*/})" "$readme" || complain "the README does not name ${page##*/}"
	done
}

@test "the man command of README.md shows every manual page without a warning" {
	local page command
	cd "${readme%/*}"
	# shellcheck disable=SC2016 # the backquotes of Markdown
	command=$(sed -n 's/.*`\(man -l [^`]*\)`.*/\1/p' "$readme")
	[[ $($command) == *SYNOPSIS* || $($command) == *DESCRIPTION* ]]
	for page in docs/*.[0-9]; do
		same "" "$(man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)"
		grep -qF "'${page#docs/}'" docs/meson.build || complain "docs/meson.build does not list $page"
	done
}

# listed_files: prints the files of the guide to the folders in docs/architecture.md. A table there has a folder in its first
# line, and a file, or a module with `[ch]`, in each further line.
listed_files() {
	local folder='' file
	while read -r file; do
		case $file in
		*/) folder=$file ;;
		*.\[ch\]) printf '%s\n' "$folder${file%\[ch\]}c" "$folder${file%\[ch\]}h" ;;
		*.[ch]) printf '%s\n' "$folder$file" ;;
		esac
	done < <(sed -n '/^## Guide to the folders/,/^## The life/s/^| \([^ ]*\) |.*/\1/p' docs/architecture.md)
}

@test "the guide to the folders in docs/architecture.md lists exactly the source files" {
	cd "${readme%/*}"
	diff <(find mountd fs backends -name '*.[ch]' | sort) <(listed_files | sort)
}

@test ".ci/run runs the other commands of README.md" {
	local command
	for command in scripts/up scripts/check umount; do
		grep -q "sudo $command" "$readme"
		grep -q "$command" "${readme%/*}/.ci/run"
	done
}

@test "head -n 1 takes more messages from lines than it prints, as docs/semantics.md says" {
	mkdir "$MSG/jobs"
	seq 3 >"$MSG/jobs/lines"
	same 1 "$(cd "$MSG/jobs" && head -n 1 lines 2>/dev/null)"
	same 0 "$(cat "$MSG/jobs/qnum")"
}
