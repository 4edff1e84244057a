# bats file_tags=mqueue
# POSIX queues: whose they are, who may do what, and what they may take: the kernel's verdict on the native calls is the
# measure.
load queues

# Users 1000 (group 2000) to 1002 (group 2002).
users=(1000:2000 1001:2001 1002:2002 1002:2002,2000 0)

# verdict WAY USER: whether the user can open the file for it.
verdict() {
	local text
	if text=$(as "$2" "$native" nonblocking "$q/data" "$1" x 2>&1); then
		echo yes
	elif [[ $text == EAGAIN ]]; then
		echo yes
	else
		echo "$text"
	fi
}

@test "reading and writing, for every user and mode" {
	for maker in 1000:2000 0; do
		as "$maker" mkdir "$MQ/a"
		q=$MQ/a
		[ "$maker" != 0 ] || chown 1000:2000 "$q"
		for mode in 600 400 200 060 040 020 006 004 002 660 606 066 666 000 464; do
			chmod "$mode" "$q"
			for user in "${users[@]}"; do
				same "$maker $mode $user $(as "$user" "$native" mq-rights /a | xargs)" \
					"$maker $mode $user read $(verdict read "$user") write $(verdict write "$user")"
			done
		done
		rmdir "$q"
	done
}

@test "the maker of a queue owns it, and its mode follows the umask" {
	as 1000:2000 mkdir -m 750 "$MQ/a"
	same "1000 2000 drwxr-x---" "$(stat -c '%u %g %A' "$MQ/a")"
	same "-rw-r-----" "$(stat -c %A "$MQ/a/data")"
	same "--w-------" "$(stat -c %A "$MQ/a/prio/3/data")"
	same "-rw-r-----" "$(stat -c %A "$MQ/a/maxmsg")"
	same "-r--r-----" "$(stat -c %A "$MQ/a/curmsgs")"
	(umask 027 && mkdir "$MQ/b")
	same drwxr-x--- "$(stat -c %A "$MQ/b")"
	(umask 0 && mkdir "$MQ/c")
	same drwxrwxrwx "$(stat -c %A "$MQ/c")"
	mkdir -m 022 "$MQ/d"
	same d----wx-wx "$(stat -c %A "$MQ/d")"
}

@test "chmod and chown, here and natively" {
	make a
	chmod 640 "$q"
	same "read yes write EACCES" "$(chown 1000:2000 "$q" && as 1001:2000 "$native" mq-rights /a | xargs)"
	same drwxr-x--- "$(stat -c %A "$q")"
	refused EPERM as 1001 chmod 666 "$q"
	refused EPERM as 1001 chown 1001 "$q"
	refused EPERM as 1000:2000 chown 1001 "$q"
	refused EPERM as 1000:2000 chgrp 2001 "$q"
	as 1000:2000,2001 chgrp 2001 "$q"
	as 1000 chmod 000 "$q"
	as 1000 chmod 602 "$q"
	same "1000 2001 drwx----wx" "$(stat -c '%u %g %A' "$q")"
	refused EPERM chmod 600 "$q/data"
	refused EPERM chmod 600 "$MQ"
}

@test "only its owner and root remove it" {
	as 1000 mkdir -m 777 "$MQ/a"
	refused EPERM as 1001 rmdir "$MQ/a"
	[ -d "$MQ/a" ]
	as 1000 rmdir "$MQ/a"
	as 1000 mkdir "$MQ/a"
	chown 1001 "$MQ/a"
	refused EPERM as 1000 rmdir "$MQ/a"
	as 1001 rmdir "$MQ/a"
	refused ENOENT ls "$MQ/a"
}

@test "another user's closed queue can be seen and not looked into" {
	as 1000 mkdir -m 700 "$MQ/a"
	same a "$(as 1001 ls "$MQ")"
	for file in data status curmsgs notify; do
		refused EACCES as 1001 cat "$MQ/a/$file"
	done
	refused EACCES as 1001 ls "$MQ/a"
	refused EACCES as 1001 ls "$MQ/a/prio"
	as 1000 cat "$MQ/a/status"
}

@test "a right is checked at open, and belongs to that open file alone" {
	make a 666
	chmod 666 "$q"
	start_in read reader "$native" as 1000 "$native" read-once "$q/data"
	chmod 600 "$q"
	# The reader's descriptor is in the daemon, and no help to others.
	refused EACCES as 1000 "$native" read-once "$q/data"
	refused EACCES as 1001 "$native" read-once "$q/data"
	"$native" mq-send /a 0 late
	ended reader
	same late "$(said reader)"
	chmod 622 "$q"
	as 1000 sh -c 'echo hello >"$1"' sh "$q/data"
	refused EACCES as 1000 cat "$q/next"
	refused EACCES as 1000 sh -c ': <>"$1"' sh "$q/data"
	same hello "$(cat "$q/next")"
}

# charged USER: the bytes of all its queues, as their limit knows them: 10 * (8192 + 48 + 48) each.
@test "queues are charged to who makes them, here or natively, by RLIMIT_MSGQUEUE" {
	for i in 1 2 3 4 5; do as 65534 mkdir "$MQ/n$i"; done
	for i in 6 7 8 9; do as 65534 "$native" mq-make "/n$i"; done
	refused "Too many open files" as 65534 mkdir "$MQ/n10"
	same "mkdir posix/mq/n10: EMFILE: limit reached: the queue takes 82880 bytes, and all queues of the user may take 819200 together (RLIMIT_MSGQUEUE, ulimit -q)" \
		"$(as 65534 cat "$IPC/why")"
	refused EMFILE as 65534 "$native" mq-make /n10
	# Nobody else's matter.
	as 1000 mkdir "$MQ/other"
	as 1000 "$native" mq-make /other2
	mkdir "$MQ/roots"
	# Chown moves no charge; the end of the queue gives it back.
	chown 1000 "$MQ/n1"
	refused "Too many open files" as 65534 mkdir "$MQ/n10"
	rmdir "$MQ/n1"
	as 65534 mkdir "$MQ/n10"
}

@test "the limit is the caller's own" {
	refused "Too many open files" as 1000 bash -c 'ulimit -q 80000 && mkdir "$1"' sh "$MQ/a"
	refused "Too many open files" bash -c 'ulimit -q 80000 && mkdir "$1"' sh "$MQ/a"
	why_is "may take 80000 together"
	as 1000 bash -c 'ulimit -q 90000 && mkdir "$1"' sh "$MQ/a"
	refused "Too many open files" as 1000 bash -c 'ulimit -q 90000 && mkdir "$1"' sh "$MQ/b"
	same a "$(ls "$MQ")"
}

@test "as many queues as limits/mq_queues_max allows" {
	old=$(cat "$IPC/limits/mq_queues_max")
	echo 2 >"$IPC/limits/mq_queues_max"
	as 1000 mkdir "$MQ/a" "$MQ/b"
	refused ENOSPC as 1000 mkdir "$MQ/c"
	same "mkdir posix/mq/c: ENOSPC: limit reached: 2 queues (limits/mq_queues_max)" "$(as 1000 cat "$IPC/why")"
	echo "$old" >"$IPC/limits/mq_queues_max"
	as 1000 mkdir "$MQ/c"
}

# A queue that has lost its name is charged until the last one has closed it.
@test "an open file keeps its queue, and the daemon keeps none beyond it" {
	as 1000 bash -c '
		for i in 1 2 3 4 5 6 7 8 9; do mkdir "$1/a$i"; done
		exec 8<"$1/a1/data"
		rmdir "$1/a1"
		! mkdir "$1/b" 2>/dev/null || exit
		exec 8<&-
		until mkdir "$1/b" 2>/dev/null; do [ $((n++)) -lt 1000 ] || exit; done' bash "$MQ"
}

# The helper process that makes a queue has the ids of the caller for a moment (posix/mq_create.c).
@test "a user that stops or kills the helper process of its mkdir gets the queue or EINTR, and delays no other user" {
	cat >"$dir/attack.py" <<-'END'
		import errno, os, signal, sys, time
		queue, half = sys.argv[1] + "/attacked", time.time() + 1
		end = half + 1
		attacker = os.fork()
		if attacker == 0:
		    spared = {os.getpid(), os.getppid()}
		    while time.time() < end:
		        last = int(open("/proc/loadavg").read().split()[-1])
		        for pid in range(last - 1, last + 3):
		            try:
		                if pid not in spared:
		                    os.kill(pid, signal.SIGSTOP if time.time() < half else signal.SIGKILL)
		            except OSError:
		                pass
		    os._exit(0)
		while time.time() < end:
		    began = time.time()
		    try:
		        os.mkdir(queue)
		        assert os.path.exists(queue)
		        os.rmdir(queue)
		    except OSError as error:
		        assert error.errno == errno.EINTR, error
		        assert not os.path.exists(queue)
		    assert time.time() - began < 2
		os.waitpid(attacker, 0)
	END
	start attack "$native" as 1000 python3 "$dir/attack.py" "$MQ"
	while ! is_gone "${pid[attack]}"; do
		in_time 1000 cat "$IPC/README" >/dev/null
	done
	ended attack
	errors attack
	as 1000 mkdir "$MQ/a"
}
