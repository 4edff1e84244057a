# POSIX semaphores as files, with sem_open on the other side.
load ../semaphores

@test "mkdir makes a semaphore that sem_open finds, rmdir unlinks it" {
	mkdir -m 640 "$NAMED/a"
	same 0 "$("$sem" posix-get /a)"
	same "32 -rw-r-----" "$(stat -c '%s %A' /dev/shm/sem.a)"
	same "drwxr-x---" "$(stat -c %A "$NAMED/a")"
	refused EEXIST mkdir "$NAMED/a"
	rmdir "$NAMED/a"
	refused ENOENT "$sem" posix-get /a
}

@test "one that sem_open made is there until sem_unlink" {
	"$sem" posix-make /b 7
	same b "$(ls "$NAMED")"
	same 7 "$(cat "$NAMED/b/value")"
	"$sem" posix-unlink /b
	same "" "$(ls "$NAMED")"
	refused ENOENT cat "$NAMED/b/value"
}

@test "its owner is who made it; mv, chmod and chown are the file's own" {
	chmod 1777 /dev/shm
	as 1000 mkdir -m 600 "$NAMED/mine"
	same "1000 1000" "$(stat -c '%u %g' /dev/shm/sem.mine)"
	refused EACCES as 1001 sh -c 'echo -1 >"$1"' sh "$NAMED/mine/op"
	refused EACCES as 1001 cat "$NAMED/mine/value"
	refused EPERM as 1001 rmdir "$NAMED/mine"
	refused EPERM as 1001 mv "$NAMED/mine" "$NAMED/theirs"
	refused EPERM as 1001 chmod 666 "$NAMED/mine"
	as 1000 chmod 666 "$NAMED/mine"
	as 1001 sh -c 'echo +1 >"$1"' sh "$NAMED/mine/op"
	as 1000 mv "$NAMED/mine" "$NAMED/ours"
	same 1 "$("$sem" posix-get /ours)"
	chown 1001 "$NAMED/ours"
	same 1001 "$(stat -c %u /dev/shm/sem.ours)"
	as 1001 rmdir "$NAMED/ours"
}

@test "op takes and gives, both ways" {
	make_named a 2
	echo -1 >"$p/op"
	same 1 "$("$sem" posix-get /a)"
	"$sem" posix-wait /a
	refused EAGAIN try_nonblocking "$p/op" -1
	refused EAGAIN "$sem" posix-try /a
	echo +3 >"$p/op"
	same 3 "$("$sem" posix-get /a)"
	for text in -2 0 x 0:1 "1 1"; do
		refused EINVAL put "$text" "$p/op"
	done
	echo 2147483647 >"$p/value"
	refused "Value too large" put +1 "$p/op"
	refused "Value too large" put 2147483648 "$p/value"
	same 2147483647 "$("$sem" posix-get /a)"
}

@test "waiters of either side are woken by the other" {
	make_named a 0
	start_in write w sh -c 'exec printf %s -1 >"$1"' sh "$p/op"
	start n "$sem" posix-wait /a
	becomes "$p/waiters" 2
	"$sem" posix-post /a
	becomes "$p/waiters" 1
	echo +1 >"$p/op"
	ended w
	ended n
	same 0 "$(cat "$p/value")"
	for i in 1 2 3; do
		start "n$i" "$sem" posix-wait /a
	done
	becomes "$p/waiters" 3
	echo 3 >"$p/value"
	for i in 1 2 3; do
		ended "n$i"
	done
	same $'Value:\t0\nWaiters:\t0' "$(cat "$p/status")"
}

@test "a signal ends a wait, and nobody is counted as waiting after it" {
	make_named a 0
	start_in write w "$native" interruptible "$p/op" write -1
	start_in write k "$native" interruptible "$p/op" write -1
	start_holding h "$p/hold"
	becomes "$p/waiters" 3
	kill -INT "${pid[w]}"
	in_time 2000 ended w 1
	same EINTR "$(errors w)"
	killed k
	killed h
	becomes "$p/waiters" 0
	"$sem" posix-post /a
	same 1 "$("$sem" posix-get /a)"
}

@test "poll sees a post" {
	make_named a 0
	run -0 python3 - "$p/op" "$sem" <<'END'
import os, select, subprocess, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
p = select.poll()
p.register(fd, select.POLLOUT)
assert not p.poll(50)
later = subprocess.Popen(['sh', '-c', 'until grep -q poll /proc/$PPID/wchan; do :; done; exec "$1" posix-post /a', 'sh', sys.argv[2]])
assert p.poll(10000)
later.wait()
assert os.write(fd, b'-1') == 2
assert not p.poll(0)
END
}

@test "hold gives back exactly once: close, exit, SIGKILL" {
	make_named lock 1
	(same 0 "$("$sem" posix-get /lock)") 9>"$p/hold"
	becomes "$p/value" 1
	start_holding one "$p/hold"
	held one
	start n "$sem" posix-wait /lock
	start_holding two "$p/hold"
	becomes "$p/waiters" 2
	killed one
	becomes "$p/waiters" 1
	"$sem" posix-post /lock # what the two others have is more than there was: both go on
	ended n
	held two
	killed two
	becomes "$p/value" 1
}

@test "open files of a semaphore stay usable after its name is removed" {
	make_named a 1
	start_holding h "$p/hold"
	held h
	start_in write w sh -c 'exec printf %s -1 >"$1"' sh "$p/op"
	rmdir "$p"
	"$sem" posix-make /a 5
	killed h
	ended w
	same 5 "$("$sem" posix-get /a)"
}

@test "a file that is cut is an error, and the daemon lives" {
	make_named a 1
	exec 8>"$p/op"
	start_holding h "$p/hold"
	held h
	start_in write w "$native" interruptible "$p/op" write -1
	becomes "$p/waiters" 1
	truncate -s 0 /dev/shm/sem.a
	refused "Input/output error" bash -c 'echo +1 >&8'
	refused "Input/output error" bash -c 'echo -1 >&8'
	why_is truncated
	refused EINVAL cat "$p/value"
	refused EINVAL put 1 "$p/value"
	refused EINVAL bash -c '9>"$1"' bash "$p/hold"
	kill -INT "${pid[w]}"
	ended w 1
	killed h
	truncate -s 4096 /dev/shm/sem.a
	refused EINVAL put -1 "$p/op"
	exec 8>&-
	rmdir "$p"
	make_named a 2
	same 2 "$("$sem" posix-get /a)"
}

@test "while its file is cut again and again" {
	make_named a 1
	run -0 limit 5 python3 - "$p" <<'END'
import os, signal, sys, time
p = sys.argv[1]
users = []
for i in range(6):
    pid = os.fork()
    if pid == 0:
        ops, holds = 0, 0
        while True:
            try:
                fd = os.open(p + ('/op' if i % 2 else '/hold'), os.O_WRONLY | os.O_NONBLOCK)
                if i % 2:
                    for _ in range(20):
                        os.write(fd, b'+1\n-1\n')
            except OSError:
                fd = -1
            if fd >= 0:
                os.close(fd)
    users.append(pid)
good = open('/dev/shm/sem.a', 'rb').read()
file = os.open('/dev/shm/sem.a', os.O_RDWR)
end = time.time() + 2
while time.time() < end:
    os.ftruncate(file, 0)
    os.pwrite(file, good, 0)
    time.sleep(0.001)
for pid in users:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
END
	run -0 cat "$p/value"
}

@test "links, FIFOs and other things in /dev/shm are no semaphores" {
	ln -s /etc/passwd /dev/shm/sem.link
	mkfifo /dev/shm/sem.fifo
	mkdir /dev/shm/sem.folder
	echo short >/dev/shm/sem.short
	head -c 64 /dev/zero >/dev/shm/sem.zeros
	same "short zeros" "$(ls "$NAMED" | xargs)"
	for name in link fifo folder; do
		refused ENOENT cat "$NAMED/$name/value"
	done
	refused EINVAL put 1 "$NAMED/short/op"
	refused EINVAL put 1 "$NAMED/zeros/op"
	same short "$(cat /dev/shm/sem.short)"
	rmdir /dev/shm/sem.folder
	refused EEXIST mkdir "$NAMED/link"
	long=$(printf '%0252d' 0)
	refused "File name too long" mkdir "$NAMED/$long"
	mkdir "$NAMED/${long:1}"
	"$sem" posix-post "/${long:1}"
}
