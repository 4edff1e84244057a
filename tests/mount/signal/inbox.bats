# signal/inbox: receiving signals by reading a file.
load ../helper

setup_file() {
	new_mount
	export S=$IPC/signal B=$IPC/signal/inbox
	ipcfs_start
}

teardown() {
	end_all
	for inbox in "$B"/*; do
		[ ! -d "$inbox" ] || rmdir "$inbox"
	done
	quiet_log
}

@test "lines has one line for each signal: name, sender, code and value" {
	mkdir "$B/mail"
	p=$(cat "$B/mail/pid")
	run -0 python3 -c 'import os, sys, signal
os.kill(int(sys.argv[1]), signal.SIGUSR1); print(os.getpid())' "$p"
	echo "HUP 42" >"$S/$p/send"
	echo "RTMIN+1 -3" >"$B/mail/send"
	start_in read reader cat "$B/mail/lines"
	eventually [ "$(said reader | wc -l)" = 3 ]
	said reader >lines
	grep -qx "USR1 pid=$output uid=0 code=SI_USER value=0" lines
	grep -qx "HUP pid=$$ uid=0 code=SI_QUEUE value=42" lines
	grep -qx "RTMIN+1 pid=$$ uid=0 code=SI_QUEUE value=-3" lines
	same "Pid:	$p" "$(head -1 "$B/mail/status")"
}

@test "thousands of real-time signals arrive in order, and none is lost" {
	mkdir "$B/mail"
	p=$(cat "$B/mail/pid")
	seq 3000 >"$S/$p/RTMIN"
	start reader head -n 3000 "$B/mail/lines"
	ended reader
	seq 3000 >expected
	said reader | sed 's/.*value=//' >got
	same_bytes expected got
	seq 3 >"$S/$p/RTMAX"
	exec 5<"$B/mail/lines"
	for i in 1 2 3; do
		read -r line <&5
		[[ $line == "RTMAX pid="*" value=$i" ]] || complain "$line"
	done
	exec 5<&-
}

@test "the process has the ids of its maker, and kill(2) checks senders as for any process of that user" {
	as 1000 mkdir -m 722 "$B/mine"
	p=$(cat "$B/mine/pid")
	same "1000 1000 1000 1000" "$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/$p/status")"
	same "1000" "$(stat -c %u "$B/mine")"
	as 1000 sh -c 'kill -USR1 "$1"' sh "$p"
	run ! as 1001 sh -c 'kill -USR1 "$1"' sh "$p"
	run ! as 1001 sh -c 'echo USR2 >"$1"' sh "$S/$p/send"
	as 1001 sh -c 'echo USR2 >"$1"' sh "$B/mine/send"
	refused EPERM as 1001 "$BASH" -c 'echo KILL >"$1"' sh "$B/mine/send"
	run ! as 1001 cat "$B/mine/lines"
	start_in read reader "$native" as 1000 cat "$B/mine/lines"
	eventually [ "$(said reader | wc -l)" = 2 ]
	[[ "$(said reader | tail -1)" == "USR2 pid="*" uid=1001 code=SI_QUEUE value=0" ]]
	refused EPERM as 1001 rmdir "$B/mine"
	as 1000 rmdir "$B/mine"
}

@test "rmdir ends the process, and its readers get end of file" {
	mkdir "$B/mail"
	p=$(cat "$B/mail/pid")
	start_in read reader cat "$B/mail/lines"
	rmdir "$B/mail"
	ended reader
	eventually [ ! -e "/proc/$p" ]
}

@test "readers get end of file when the process is killed" {
	mkdir "$B/mail"
	start_in read reader cat "$B/mail/lines"
	kill -KILL "$(cat "$B/mail/pid")"
	ended reader
}

@test "lines supports poll and O_NONBLOCK" {
	mkdir "$B/mail"
	refused EAGAIN "$native" nonblocking "$B/mail/lines" read
	start poller "$native" wait-for epoll read 20000 "$B/mail/lines"
	eventually grep -q waiting "$BATS_TEST_TMPDIR/poller.err"
	kill -USR1 "$(cat "$B/mail/pid")"
	ended poller
}

@test "mv keeps the process, and chown is refused" {
	mkdir "$B/mail"
	p=$(cat "$B/mail/pid")
	mv "$B/mail" "$B/post"
	same "$p" "$(cat "$B/post/pid")"
	refused EEXIST mkdir "$B/post"
	refused EPERM chown 1000 "$B/post"
	chmod 600 "$B/post"
	refused EPERM rm -f "$B/post/lines"
}

# Its standard descriptors, one of which is the pipe to the daemon, and its signalfd.
has_four_descriptors() {
	[ "$(ls "/proc/$p/fd" | wc -l)" = 4 ]
}

@test "the process has no descriptor of the daemon, and ends with the daemon" {
	mkdir "$B/mail"
	p=$(cat "$B/mail/pid")
	eventually has_four_descriptors
	run -0 ls -l "/proc/$p/fd"
	[[ $output != */dev/fuse* ]]
	ipcfs_stop
	eventually [ ! -e "/proc/$p/exe" ]
	ipcfs_start
}

@test "the descriptor of a wait is closed with the file, or soon after the wait" {
	mkdir "$B/mail"
	p=$(cat "$B/mail/pid")
	run -0 python3 - "$B/mail/lines" "$p" "/proc/$(ipcfs_pid)/fd" <<-'END'
		import os, signal, sys, threading, time
		path, pid, fds = sys.argv[1], int(sys.argv[2]), sys.argv[3]

		def count():
		    return len(os.listdir(fds))

		def await_count(wanted, seconds):
		    end = time.monotonic() + seconds
		    while count() != wanted:
		        assert time.monotonic() < end, (count(), wanted)
		        time.sleep(0.01)

		def wait_twice(fd):
		    for _ in range(2):
		        threading.Timer(0.1, os.kill, (pid, signal.SIGUSR1)).start()
		        os.read(fd, 100)

		before = count()
		for _ in range(3):
		    fd = os.open(path, os.O_RDONLY)
		    wait_twice(fd)
		    os.close(fd)
		    await_count(before, 0.5)
		fd = os.open(path, os.O_RDONLY)
		wait_twice(fd)
		await_count(before, 5)
		wait_twice(fd)
	END
}
