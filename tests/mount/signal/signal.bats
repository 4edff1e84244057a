# signal/PID and signal/group, compared with kill(2) and sigwaitinfo(2).
load ../helper

setup_file() {
	new_mount
	export S=$IPC/signal signals=$dir/signals
	"${CC:-cc}" -D_GNU_SOURCE -pthread -o "$signals" "$BATS_TEST_DIRNAME/../../native/signals.c"
	# The daemon leads a process group that has a number in the namespace of the tests.
	printf '#!/bin/sh\nexec setsid "%s" "$@"\n' "$IPCFS" >"$dir/ipcfs"
	chmod +x "$dir/ipcfs"
	IPCFS=$dir/ipcfs ipcfs_start
}

# target NAME COMMAND [ARGUMENT...]: starts a process, sets $t to its pid, and waits until it is ready.
target() {
	start "$1" "$signals" "${@:2}"
	t=${pid[$1]}
	eventually grep -q ready "$BATS_TEST_TMPDIR/$1"
}

@test "the directory has processes, self, group and inbox" {
	run -0 python3 -c 'import os, sys, threading
def check(): print(os.readlink(sys.argv[1]) == str(os.getpid()))
check()
t = threading.Thread(target=check); t.start(); t.join()' "$S/self"
	same "True True" "$(xargs <<<"$output")"
	target a receive 1
	[ -d "$S/$t" ] && [ -d "$S/group" ] && [ -d "$S/inbox" ]
	ls "$S" | grep -qx "$t"
	for name in 0 -1 01 "+$t" 99999999 x; do
		refused ENOENT ls "$S/$name"
		refused ENOENT ls "$S/group/$name"
	done
	same "dr-xr-xr-x --w--w--w- -r--r--r--" "$(stat -c %A "$S/$t" "$S/$t/send" "$S/$t/status" | xargs)"
	echo TERM >"$S/$t/send"
	ended a
	eventually [ ! -e "$S/$t" ] # the kernel caches the name for a second
}

@test "a signal carries SI_QUEUE, the sender and the value" {
	target a receive 8
	run -0 sh -c 'printf "%s\n" "$$"; printf "USR1\nsigusr2 42\n1\nRTMIN+3 -7\nSIGRTMAX-1 2147483647\n" >"$1/send"
		echo 9 >"$1/INT"; echo anything >"$1/RTMAX"; printf 5 >"$1/TERM"' sh "$S/$t"
	ended a
	# The kernel delivers pending signals in the order of their numbers, not of sending.
	for line in "10 code=-1 pid=$output uid=0 value=0" "2 code=-1 pid=$output uid=0 value=9" "12 code=-1 pid=$output uid=0 value=42" \
		"1 code=-1 pid=$output uid=0 value=0" "37 code=-1 pid=$output uid=0 value=-7" \
		"63 code=-1 pid=$output uid=0 value=2147483647" "64 code=-1 pid=$output uid=0 value=0" \
		"15 code=-1 pid=$output uid=0 value=5"; do
		grep -q "^$line" "$BATS_TEST_TMPDIR/a" || complain "no $line in" "$(said a)"
	done
}

@test "real-time signals are queued in order, and none is lost" {
	target a hold
	seq 1000 >"$S/$t/RTMIN+5"
	echo USR2 >"$S/$t/send"
	ended a
	seq 1000 >expected
	sed -n 's/^39 .*value=//p' "$BATS_TEST_TMPDIR/a" >got
	same_bytes expected got
}

@test "signal 0 sends nothing, and an invalid line is refused after the lines before it are sent" {
	target a hold
	echo 0 >"$S/$t/send"
	for text in NOSUCH "" " " 65 -1 SIG "USR1 x" "USR1 2147483648" "RTMIN+31" "USR1 1 2"; do
		refused EINVAL "$signals" write "$S/$t/send" "$text
"
	done
	why_is "signal/$t/send"
	same "" "$(cat "$S/$t/pending")"
	same 7 "$("$signals" write "$S/$t/send" "USR1 3
BAD
TERM
")" || same 7 "$("$signals" write "$S/$t/send" "USR1 3
BAD
")"
	echo USR2 >"$S/$t/send"
	ended a
	run -1 grep -q "^15 " "$BATS_TEST_TMPDIR/a"
}

@test "the files of the masks have the names of signals" {
	start a bash -c 'trap "" USR1; trap : USR2; echo ready; while :; do sleep 60; done'
	t=${pid[a]}
	eventually grep -qx USR1 "$S/$t/ignored"
	eventually grep -qx USR2 "$S/$t/caught"
	grep -q '^USR1:	10 ignored, User defined signal 1$' "$S/$t/status"
	end_all
	target b hold
	kill -RTMIN+2 "$t"
	same "RTMIN+2" "$(cat "$S/$t/pending")"
	grep -qx TERM "$S/$t/blocked"
	run -1 grep -qx KILL "$S/$t/blocked"
	same "$(awk '{ print $4, $5, $6 }' "/proc/$t/stat")" "$(cat "$S/$t/ppid" "$S/$t/pgid" "$S/$t/sid" | xargs)"
	same "signals S" "$(cat "$S/$t/name" "$S/$t/state" | tr R S | xargs)"
}

@test "a read of exit and a poll wait until the process has ended" {
	target a receive 1
	start_in read waiter cat "$S/$t/exit"
	start poller "$native" wait-for poll read 20000 "$S/$t/exit"
	eventually grep -q waiting "$BATS_TEST_TMPDIR/poller.err"
	still waiter
	echo >"$S/$t/USR1"
	ended waiter
	ended poller
	ended a
}

@test "a signal can be sent to a thread" {
	target a thread
	tid=$(awk '{ print $2 }' "$BATS_TEST_TMPDIR/a")
	same "$t $tid" "$(ls "$S/$t/task" | sort -n | xargs)"
	grep -qx USR1 "$S/$t/task/$t/blocked"
	refused ENOENT ls "$S/$tid"
	echo "USR1 7" >"$S/$t/task/$tid/send"
	ended a
	[[ "$(said a)" == *"10 code=-1 pid=$$ uid=0 value=7"* ]] || complain "$(said a)"
}

@test "sending fails with ESRCH once another process has the number, and that process gets no signal" {
	for kind in "" group; do
		run -0 "$signals" reuse "$IPC" $kind
		same "ended: ESRCH held: ESRCH relative: ESRCH untouched: 1" "$(xargs <<<"$output")"
	done
}

@test "permission to send is that of kill(2) for many users, init, the daemon and groups" {
	g=$("$signals" mates 1000 1001 1000)
	h=$("$signals" mates 0)
	eventually [ "$(wc -l <"$S/group/$g/members")" = 3 ]
	run -0 setsid -w "$signals" matrix "$IPC" "$(ipcfs_pid)" "$g" "$h" "$(ipcfs_pid)"
	same "238 compared, 0 differ" "$output"
	refused EPERM as 1000 "$signals" write "$S/$(ipcfs_pid)/send" TERM
	as 1000 cat "$IPC/why" | grep -q "EPERM: kill(2) does not let uid 1000"
	refused EPERM as 1000 "$signals" write "$S/group/$(ipcfs_pid)/send" KILL
	refused EPERM as 1000 "$signals" write "$S/$(ipcfs_pid)/task/$(ipcfs_pid)/send" KILL
	echo KILL >"$S/group/$g/send"
	echo >"$S/group/$h/KILL"
	eventually [ ! -e "$S/group/$g" ]
	eventually [ ! -e "$S/group/$h" ]
}

@test "every member of a group gets the signal" {
	start a setsid bash -c 'sleep 60 & sleep 60 & echo ready; wait'
	eventually grep -q ready "$BATS_TEST_TMPDIR/a"
	t=${pid[a]}
	same 3 "$(wc -l <"$S/group/$t/members")"
	same "$t $t $t" "$(cat "$S/group/$t/pgid" "$S/group/$t/leader" "$S/group/$t/sid" | xargs)"
	[[ "$(cat "$S/group/$t/status")" == "Pgid:	$t"* ]]
	run -0 xargs -I{} echo "$S/{}/exit" <"$S/group/$t/members"
	members=$output
	echo TERM >"$S/group/$t/send"
	eventually [ ! -e "$S/group/$t" ]
	ended a 143
	[ -n "$members" ]
}

@test "sending to a target with a full queue fails with EAGAIN, as sigqueue(3) does" {
	target a hold
	prlimit --pid "$t" --sigpending=4:
	run ! sh -c 'seq 40 >"$1/RTMIN"' sh "$S/$t"
	eventually [ "$(awk '$1 == "SigQ:" { print $2 }' "/proc/$t/status" | cut -d/ -f2)" = 4 ]
	refused EAGAIN "$signals" write "$S/$t/RTMIN" 99
	[[ $(cat "$IPC/why") == *RLIMIT_SIGPENDING* ]]
	prlimit --pid "$t" --sigpending=1000:
	echo 7 >"$S/$t/RTMIN"
	echo USR2 >"$S/$t/send"
	ended a
	[ "$(sed -n 's/^34 .*value=//p' "$BATS_TEST_TMPDIR/a" | tail -n 1)" = 7 ]
}

@test "each file is for writing or for reading, and no file can be made or removed" {
	target a receive 1
	refused EACCES cat "$S/$t/send"
	refused EACCES cat "$S/$t/TERM"
	run ! sh -c 'echo x >"$1"' sh "$S/$t/status"
	refused EPERM mkdir "$S/1x"
	refused EPERM rmdir "$S/$t"
	refused EPERM rm -f "$S/$t/TERM"
	refused EPERM chmod 777 "$S/$t"
}
