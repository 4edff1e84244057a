# System V semaphores. The native programs use semop and semctl.
load ../semaphores

@test "mkdir makes a set of one semaphore with value 0, and semget finds it" {
	make_set a 0
	same 0 "$("$sem" sysv-values "$key")"
	same 1 "$(cat "$s/nsems")"
	same "$(awk 'NR > 1 { print $2 }' /proc/sysvipc/sem)" "$(cat "$s/id")"
	same never "$(cat "$s/otime")"
	same "drwx------" "$(stat -c %A "$s")"
	rmdir "$s"
	refused ENOENT "$sem" sysv-values "$key"
}

@test "a set that a native program made is listed by its key, and by a name after mv" {
	id=$("$sem" sysv-make 0x5e3 4)
	same 0x000005e3 "$(ls "$SEM")"
	same "$id" "$(cat "$SEM/0x5e3/id")"
	same "0 0 0 0" "$(cat "$SEM/0x5e3/values")"
	mv "$SEM/0x000005e3" "$SEM/work"
	echo "1 2 3 4" >"$SEM/work/values"
	same "1 2 3 4" "$("$sem" sysv-values 0x5e3)"
}

@test "a set made with IPC_PRIVATE is listed as id-N" {
	id=$("$sem" sysv-make 0 2)
	refused EINVAL put "1 1 1" "$SEM/id-$id/values"
	why_is "no key"
	echo +3 >"$SEM/id-$id/1/op"
	same "0 3" "$("$sem" sysv-values "id-$id")"
}

@test "writing another number of values recreates an unused set with its key, owner and mode" {
	make_set a 1 2 3
	same 3 "$(cat "$s/nsems")"
	same "1 2 3" "$("$sem" sysv-values "$key")"
	chown 1000:1000 "$s"
	chmod 640 "$s"
	as 1000 sh -c 'echo "4 5" >"$1"' sh "$s/values"
	same "4 5" "$("$sem" sysv-values "$key")"
	same "1000 1000 drwxr-x---" "$(stat -c '%u %g %A' "$s")"
	same "0 1" "$(cd "$s" && echo [0-9]*)"
}

@test "a set that a process has used keeps its number of semaphores" {
	make_set a 1 2
	"$sem" sysv-op "$key" - 0:-1
	refused EINVAL put "1 2 3" "$s/values"
	why_is "has 2 semaphores and is in use"
	make_set b 0
	start wait "$sem" sysv-op "$key" - 0:-1
	becomes "$s/0/ncnt" 1
	refused EINVAL put "1 2" "$s/values"
	still wait
}

@test "a set has at most semmsl semaphores" {
	old=$(cat "$IPC/limits/semmsl")
	echo 3 >"$IPC/limits/semmsl"
	make_set a 0
	refused EINVAL put "1 2 3 4" "$s/values"
	why_is semmsl
	echo "$old" >"$IPC/limits/semmsl"
	same 0 "$(cat "$s/values")"
}

@test "if limits/semmns allows no larger set, the old one stays" {
	old=$(cat "$IPC/limits/semmns")
	make_set a 5
	echo 3 >"$IPC/limits/semmns"
	refused ENOSPC put "1 2 3 4" "$s/values" || status=1
	echo "$old" >"$IPC/limits/semmns"
	[ "${status:-0}" = 0 ]
	why_is semmns
	same 5 "$("$sem" sysv-values "$key")"
}

@test "value agrees with SETVAL and GETVAL of native programs" {
	make_set a 1 2 3
	echo 9 >"$s/1/value"
	same "1 9 3" "$("$sem" sysv-values "$key")"
	"$sem" sysv-set "$key" 2 7
	same 7 "$(cat "$s/2/value")"
	same "1 9 7" "$(cat "$s/values")"
}

@test "invalid text changes nothing" {
	make_set a 1 2
	for text in x -1 "1 x" "1,2" "" " " 99999999999999999999; do
		refused EINVAL put "$text." "$s/values"
	done
	refused EINVAL put "-1" "$s/0/value"
	for text in x 0 0: :1 0:x 0:1:2 0:--1 "0:1 y" "-1:1"; do
		refused EINVAL put "$text" "$s/op"
	done
	refused EINVAL put "1 1" "$s/0/op"
	refused EINVAL put $'\n' "$s/0/op"
	printf '+1\n+1' >cut
	refused EINVAL "$native" write-once "$s/0/op" <cut
	why_is "one was cut"
	printf '+1\nx\n' >bad
	refused EINVAL "$native" write-once "$s/0/op" <bad
	yes +1 | head -c 70000 >long
	refused EMSGSIZE "$native" write-once "$s/0/op" <long
	same "1 2" "$("$sem" sysv-values "$key")"
}

@test "an operation that semop refuses fails with ERANGE, EFBIG or E2BIG" {
	make_set a 32767 0
	refused "Numerical result out of range" put 0:+1 "$s/op"
	refused "Numerical result out of range" put 0:-32768 "$s/op"
	refused "Numerical result out of range" put 32768 "$s/0/value"
	refused "Numerical result out of range" put "1 32768" "$s/values"
	refused "File too large" put 2:+1 "$s/op"
	why_is "2 semaphores"
	refused "File too large" put 70000:+1 "$s/op"
	run -0 python3 -c "print('1:1 ' * ($(cat "$IPC/limits/semopm") + 1))"
	refused "Argument list too long" put "$output" "$s/op"
	why_is semopm
	same "32767 0" "$("$sem" sysv-values "$key")"
}

@test "an operation is all or nothing" {
	make_set a 1 0 0
	refused EAGAIN try_nonblocking "$s/op" "0:-1 1:-1 2:+1"
	same "1 0 0" "$("$sem" sysv-values "$key")"
	echo "0:-1 1:0 2:+2" >"$s/op"
	same "0 0 2" "$("$sem" sysv-values "$key")"
}

@test "the lines of one write are operations, done in order" {
	make_set a 0 0
	same 15 "$(printf '0:+2\n0:-1 1:+5\n' | "$native" write-once "$s/op")"
	same "1 5" "$("$sem" sysv-values "$key")"
	same 9 "$(printf '+1\n+2\n+3\n' | "$native" write-once "$s/1/op")"
	same "1 11" "$("$sem" sysv-values "$key")"
}

@test "after a signal, a write returns the bytes of the lines that are done" {
	make_set a 2
	start_in write w "$native" interruptible "$s/0/op" write $'-1\n-1\n-1\n'
	becomes "$s/0/value" 0
	kill -INT "${pid[w]}"
	ended w
	same 0 "$(cat "$s/0/value")"
	same 0 "$(cat "$s/0/ncnt")"
}

@test "-1 blocks until a native program adds 1" {
	make_set a 0 0
	start_in write w sh -c 'exec printf %s 1:-2 >"$1"' sh "$s/op"
	becomes "$s/1/ncnt" 1
	"$sem" sysv-op "$key" - 1:1
	still w
	"$sem" sysv-op "$key" - 1:1
	ended w
	same "0 0" "$(cat "$s/values")"
}

@test "a blocked native semop wakes after a write to op" {
	make_set a 0
	start w "$sem" sysv-op "$key" - 0:-3
	becomes "$s/0/ncnt" 1
	echo +2 >"$s/0/op"
	still w
	echo +1 >"$s/0/op"
	ended w
}

@test "0 blocks until the value is 0, and zcnt counts the blocked processes" {
	make_set a 2
	start w sh -c 'echo 0 >"$1"' sh "$s/0/op"
	becomes "$s/0/zcnt" 1
	same 0 "$(cat "$s/0/ncnt")"
	"$sem" sysv-op "$key" - 0:-1
	still w
	"$sem" sysv-op "$key" - 0:-1
	ended w
	start w "$sem" sysv-op "$key" - 0:0 # the value is 0 already
	ended w
}

@test "pid is the process of the last operation" {
	make_set a 1
	"$sem" sysv-op "$key" - 0:1 &
	last=$!
	wait "$last"
	same "$last" "$(cat "$s/0/pid")"
}

@test "with O_NONBLOCK, set at open or later, an operation that would block fails with EAGAIN" {
	make_set a 0
	refused EAGAIN try_nonblocking "$s/0/op" -1
	refused EAGAIN "$native" nonblocking-later "$s/op" write 0:-1
	refused EAGAIN python3 -c 'import os, sys; os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)' "$s/0/hold"
	same 0 "$(cat "$s/0/ncnt")"
}

@test "SIGINT and SIGKILL end a blocked operation at once, and change no value" {
	make_set a 0
	start_in write w "$native" interruptible "$s/0/op" write -1
	start_in write k "$native" interruptible "$s/op" write 0:-1
	start_holding h "$s/0/hold"
	becomes "$s/0/ncnt" 3
	kill -INT "${pid[w]}"
	in_time 2000 ended w 1
	same EINTR "$(errors w)"
	killed k
	killed h
	becomes "$s/0/ncnt" 0
	echo 1 >"$s/0/op"
	same 1 "$(cat "$s/0/value")"
}

@test "rmdir ends blocked operations with EIDRM" {
	make_set a 0
	start_in write w "$native" interruptible "$s/0/op" write -1
	start n "$sem" sysv-op "$key" - 0:-1
	start_holding h "$s/0/hold"
	becomes "$s/0/ncnt" 3
	exec 8>"$s/undo"
	rmdir "$s"
	ended w 1
	same EIDRM "$(errors w)"
	ended n 1
	same EIDRM "$(errors n)"
	ended h 1
	refused EIDRM bash -c 'echo 0:+1 >&8'
	exec 8>&-
}

@test "blocked operations on a shared descriptor do not block each other" {
	make_set a 0 0
	run -0 limit 5 bash -c 'exec 9>"$1"
		echo 0:-1 >&9 & first=$!
		echo 1:-1 >&9 & second=$!
		until [ "$(cat "${1%op}0/ncnt" "${1%op}1/ncnt" | xargs)" = "1 1" ]; do sleep 0.01; done
		echo 1:+1 >&9; wait $second && echo 0:+1 >&9; wait $first' bash "$s/op"
	same "0 0" "$(cat "$s/values")"
}

@test "poll reports op writable when the last refused operation could be done" {
	make_set a 0 1
	run -0 python3 - "$s" "$sem" "$key" <<'END'
import os, select, subprocess, sys
s, sem, key = sys.argv[1:]

def poll(fd, ms):
    p = select.poll()
    p.register(fd, select.POLLOUT)
    return bool(p.poll(ms))

one = os.open(s + '/0/op', os.O_WRONLY | os.O_NONBLOCK)
whole = os.open(s + '/op', os.O_WRONLY | os.O_NONBLOCK)
assert not poll(one, 0)
assert poll(whole, 0)
try:
    os.write(whole, b'0:-1 1:-2')
    assert False
except BlockingIOError:
    pass
assert not poll(whole, 50)
subprocess.check_call([sem, 'sysv-op', key, '-', '1:1'])
assert not poll(whole, 50) and not poll(one, 0)
later = subprocess.Popen(['sh', '-c', 'until grep -q poll /proc/$PPID/wchan; do :; done; exec "$@"', 'sh', sem, 'sysv-op', key, '-', '0:1'])
assert poll(whole, 10000) and poll(one, 10000)
later.wait()
assert os.write(whole, b'0:-1 1:-2') == 9
assert not poll(one, 0)
END
}

@test "hold takes 1 at open and returns it at close" {
	make_set lock 1
	(
		same 0 "$("$sem" sysv-values "$key")"
		refused EAGAIN "$sem" sysv-op "$key" n 0:-1
	) 9>"$s/0/hold"
	becomes "$s/0/value" 1
	refused EINVAL put x "$s/0/hold"
	refused EACCES cat "$s/0/hold"
	becomes "$s/0/value" 1
}

@test "an open of hold blocks until the holder exits" {
	make_set lock 1
	start_holding one "$s/0/hold"
	held one
	start_holding two "$s/0/hold"
	becomes "$s/0/ncnt" 1
	same "" "$(said two)"
	start native "$sem" sysv-op "$key" - 0:-1
	becomes "$s/0/ncnt" 2
	kill -TERM "${pid[one]}"
	held two
	killed two
	ended native
	same 0 "$(cat "$s/0/value")"
}

@test "hold and undo give back exactly once after close, exit or SIGKILL" {
	make_set lock 1 5
	bash -c 'exec 9>"$1/0/hold"; exec 9>&-; exec 9>"$1/undo"; echo "0:-1 1:-2" >&9; exec 9>&-; exit 0' bash "$s"
	becomes "$s/values" "1 5"
	bash -c 'exec 8>"$1/undo" 9>"$1/0/hold"; echo "1:-1" >&8; echo "1:+3" >&8; exit 0' bash "$s"
	becomes "$s/values" "1 5"
	start_holding k "$s/undo" "echo '0:-1 1:-4' >&9; echo 1:+1 >&9"
	eventually reads "$s/values" "0 2"
	killed k
	becomes "$s/values" "1 5"
	start_holding k "$s/0/hold"
	held k
	killed k
	becomes "$s/values" "1 5"
}

@test "hold gives back at the last close of an inherited descriptor" {
	make_set lock 1
	start_holding h "$s/0/hold" "sleep 60 & echo \$! >child"
	eventually [ -s child ]
	killed h
	same 0 "$(cat "$s/0/value")"
	kill -KILL "$(cat child)"
	becomes "$s/0/value" 1
}

@test "undo keeps a value within its range, as SEM_UNDO does" {
	make_set a 0 32767
	bash -c 'exec 9>"$1/undo"; echo "0:+3" >&9; echo "1:-2" >&9; echo 0:-2 >"$1/op"; echo 1:+1 >"$1/op"' bash "$s"
	becomes "$s/values" "0 32767"
	echo "0 0" >"$s/values"
	refused "Numerical result out of range" bash -c 'exec 9>"$1"; echo 0:+32767 >&9; echo 0:-32767 >"${1%undo}op"
		echo 0:+2 >&9' bash "$s/undo"
	becomes "$s/values" "0 0"
}

@test "hold and the SEM_UNDO of a native program work on one semaphore" {
	make_set a 2
	mkfifo in
	"$sem" sysv-op "$key" u 0:-1 <in 3>&- 4>&- &
	pid[n]=$!
	exec 8>in
	becomes "$s/0/value" 1
	start_holding h "$s/0/hold"
	held h
	same 0 "$("$sem" sysv-values "$key")"
	kill -KILL "${pid[n]}"
	ended n 137
	exec 8>&-
	becomes "$s/0/value" 1
	killed h
	becomes "$s/0/value" 2
}

@test "operations need write permission, and reading values needs read permission" {
	mode=640 make_set a 1
	chgrp 1000 "$s"
	same 1 "$(as 1001:1000 cat "$s/0/value")"
	for file in op undo 0/op 0/hold; do
		refused EACCES as 1001:1000 sh -c 'exec 9>"$1"' sh "$s/$file"
		refused EACCES as 1001 sh -c 'exec 9>"$1"' sh "$s/$file"
	done
	refused EACCES as 1001:1000 sh -c 'echo 1 >"$1"' sh "$s/0/value"
	refused EACCES as 1001 cat "$s/values"
	refused EPERM as 1001:1000 rmdir "$s"
	chmod 620 "$s"
	as 1001:1000 sh -c 'exec 9>"$1"' sh "$s/0/hold"
	refused EACCES as 1001:1000 cat "$s/0/value"
}

@test "one write sets the values of a large set" {
	make_set a 0
	seq -s ' ' 1 3000 | "$native" write-once "$s/values"
	same 3000 "$(cat "$s/nsems")"
	same "$(seq -s ' ' 1 3000)" "$(cat "$s/values")"
	same 3000 "$(find "$s" -mindepth 1 -maxdepth 1 -type d | wc -l)"
	same 2991 "$(cat "$s/2990/value")"
	refused ENOENT cat "$s/3000/value"
}
