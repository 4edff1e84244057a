# dial/ on the unix networks: the credentials that the other end sees, the rights to a path, and where a path leads.
load dial

# -- Rights and credentials --------------------------------------------------------------------------------------------

@test "unix: the other end sees the credentials of the caller" {
	"$python" '
os.umask(0)
at = listener(socket.AF_UNIX, at=args[0] + "/s")
child = subprocess.Popen([native, "as", "1000:2000", "cat", SOCK + "/unix/dial" + args[0] + "/s"])
there, _ = at.accept()
same((1000, 2000), struct.unpack("iII", there.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
there.close()
same(0, child.wait())
os.unlink(args[0] + "/s")' "$dir"
}

# A receiver that asks for credentials, such as systemd or journald, must not see root as the sender.
@test "unix: messages carry the credentials of their sender" {
	for network in unixgram unixpacket unix; do
		"$python" '
os.umask(0)
types = {"unixgram": socket.SOCK_DGRAM, "unixpacket": socket.SOCK_SEQPACKET, "unix": socket.SOCK_STREAM}
at = listener(socket.AF_UNIX, types[args[0]], args[1] + "/s")
at.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
child = subprocess.Popen([native, "as", "1000:2000", "python3", "-c", """if True:
    import os, sys
    fd = os.open(sys.argv[1], os.O_RDWR)
    os.write(fd, b"hello")
    os.read(fd, 1)""", SOCK + "/" + args[0] + "/dial" + args[1] + "/s"])
there = at
if args[0] != "unixgram":
    there, _ = at.accept()
    there.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
got, control, _, address = there.recvmsg(100, 100)
same(b"hello", got)
same([(child.pid, 1000, 2000)], [struct.unpack("iII", data) for _, _, data in control])
if args[0] == "unixgram":
    at.sendto(b"x", address)
else:
    there.send(b"x")
same(0, child.wait())
os.unlink(args[1] + "/s")' "$network" "$dir"
	done
}

@test "unix: the modes of a socket and of the directories above it decide about a dial" {
	mkdir -m 755 open
	mkdir -m 700 shut
	mkdir -m 711 through
	start server "$python" '
for folder in "open", "shut", "through":
    globals()[folder] = listener(socket.AF_UNIX, at=folder + "/s")
    os.chmod(folder + "/s", 0o666)
    globals()[folder + "_own"] = listener(socket.AF_UNIX, at=folder + "/own")
    os.chmod(folder + "/own", 0o700)
    globals()[folder + "_group"] = listener(socket.AF_UNIX, at=folder + "/group")
    os.chown(folder + "/group", 0, 3000)
    os.chmod(folder + "/group", 0o060)
print("ready", flush=True)
signal.pause()'
	eventually grep -q ready "$BATS_TEST_TMPDIR/server"
	dials() {
		as "$1" "$native" nonblocking "$UNIX/dial$dir/$2" read
	}
	# The native connect(2) is the reference.
	natively() {
		as "$1" python3 -c '
import errno, socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("EAGAIN")
except OSError as error:
    print(errno.errorcode[error.errno])' "$dir/$2"
	}
	for user in 0 1000:2000 1000:3000 1000:2000,3000; do
		for name in {open,shut,through}/{s,own,group}; do
			same "$user $name $(natively "$user" "$name")" \
				"$user $name $(as "$user" python3 -c '
import errno, os, sys
try:
    os.open(sys.argv[1], os.O_RDWR)
    print("EAGAIN")
except OSError as error:
    print(errno.errorcode[error.errno])' "$UNIX/dial$dir/$name")"
		done
	done
	# A file that the caller cannot stat(2) is not visible below dial/ either.
	refused EACCES as 1000 stat "$UNIX/dial$dir/shut/s"
	refused EACCES as 1000 stat "$UNIX/dial$dir/shut/none"
	stat "$UNIX/dial$dir/shut/s"
	refused EACCES as 1000 cat "$UNIX/dial$dir/open/own"
	as 1000 cat "$IPC/why" | grep "check its mode and the modes of its directories"
	kill "${pid[server]}"
	ended server 143
	rm -r open shut through
}

@test "unix: links are followed as the kernel follows them" {
	mkdir -p a/b far
	mount -t tmpfs tmpfs far
	ln -s a/b near
	ln -s "$dir/far" a/b/far
	ln -s ../near/far/s up
	ln -s loop loop
	start server "$python" '
listeners = [listener(socket.AF_UNIX, at=name) for name in ("a/b/s", "far/s")]
for at in listeners:
    threading.Thread(target=lambda at=at: [at.accept()[0].send(at.getsockname().encode()) for _ in range(20)], daemon=True).start()
print("ready", flush=True)
signal.pause()'
	eventually grep -q ready "$BATS_TEST_TMPDIR/server"
	for name in a/b/s near/s; do same a/b/s "$(cat "$UNIX/dial$dir/$name")"; done
	mkdir sub && ln -s ../near/far/s sub/up
	for name in far/s a/b/far/s near/far/s sub/up; do same far/s "$(cat "$UNIX/dial$dir/$name")"; done
	# Links of /proc lead to their object, not to the path in their text.
	same far/s "$(bash -c 'cd far && exec cat "$1/proc/$$/cwd/s"' bash "$UNIX/dial")"
	refused ELOOP cat "$UNIX/dial$dir/loop"
	mkdir -p hidden
	start elsewhere unshare --mount --propagation private sh -c 'mount -t tmpfs tmpfs hidden && exec "$@"' sh "$python" '
at = listener(socket.AF_UNIX, at="hidden/s")
at.accept()[0].send(b"elsewhere")
signal.pause()'
	eventually [ -S "/proc/${pid[elsewhere]}/root$dir/hidden/s" ]
	[ ! -e hidden/s ]
	same elsewhere "$(head -c 9 "$UNIX/dial/proc/${pid[elsewhere]}/root$dir/hidden/s")"
	kill "${pid[server]}" "${pid[elsewhere]}"
	ended server 143
	ended elsewhere 143
	umount far
	rm -r a far near up loop sub hidden
}

# A second ipcfs whose daemon is stopped is a file system that does not answer.
@test "unix: a file system that does not answer delays no other path" {
	local began=$SECONDS second
	mkdir second
	"$IPCFS" -f --names second.names second >second.log 2>&1 3>&- 4>&- &
	second=$!
	eventually is_mounted second
	ln -s second/none link
	kill -STOP "$second"
	# The kernel locks the directory of the name during the look-up.
	for _ in {1..3}; do start holder "$native" as 1000 stat "$UNIX/dial$dir/link"; done
	refused ETIMEDOUT stat "$UNIX/dial$dir/link"
	grep "does not answer" "$IPC/why"
	refused ENOENT bash -c 'echo >"$1"' bash "$UNIX/dial$dir/other"
	refused ENOENT stat "$UNIX/dial$dir/other"
	[ $((SECONDS - began)) -lt $((5 * IPCFS_TIME_FACTOR)) ]
	ended holder 1
	kill -CONT "$second"
	eventually is_mounted second
	kill "$second"
	wait "$second"
	rm link
	rmdir second
	rm -f second.*
}

@test "unix: a path that leads back into the mount is refused" {
	mkdir bound
	mount --bind "$IPC/socket" bound
	ln -s "$IPC/socket" link
	ln -s link/unix link2
	for name in "$IPC" "$IPC/socket/unix/x" "$dir/bound" "$dir/bound/unix/x" "$dir/link" "$dir/link2/x" "$dir/bound/../ipc/socket"; do
		refused ELOOP cat "$UNIX/dial$name"
		why_is "leads back into $IPC"
		refused ELOOP as 1000 cat "$UNIX/dial$name"
	done
	refused ELOOP bash -c 'cd "$1/tcp" && cat "$1/unix/dial/proc/$$/cwd/x"' bash "$SOCK"
	umount bound
	rm -r bound link link2
}

@test "unix: a caller with another root or mount namespace is refused for paths, not for abstract names" {
	start server "$python" '
at = listener(socket.AF_UNIX, at="s"), listener(socket.AF_UNIX, at="\0s")
os.chmod("s", 0o777)
print("ready", flush=True)
signal.pause()'
	eventually grep -q ready "$BATS_TEST_TMPDIR/server"
	for user in 0 1000; do
		refused EXDEV unshare --mount "$native" as "$user" cat "$UNIX/dial$dir/s"
		as "$user" cat "$IPC/why" | grep "mount namespace"
		refused EXDEV unshare --mount "$native" as "$user" stat "$UNIX/dial/etc"
		refused EXDEV "$python" '
os.chroot(args[0])
os.chdir("/")
os.setresuid(*[int(args[1])] * 3)
refusal(os.stat, "/ipc/socket/unix/dial/s") == "EXDEV" or sys.exit("look-up went through")
os.stat("/ipc/socket/unix/dial/@s")
os.close(os.open("/ipc/socket/unix/dial/@s", os.O_RDWR))
os.open("/ipc/socket/unix/dial/s", os.O_RDWR)' "$dir" "$user"
	done
	kill "${pid[server]}"
	ended server 143
	rm s
}

# The file system that does not answer is a second ipcfs, stopped.
@test "unix: 100 look-ups in a file system that does not answer fail in time and delay no other request" {
	mkdir other
	start other "$IPCFS" -f --names "$dir/other.names" "$dir/other"
	eventually is_mounted "$dir/other"
	start server "$python" '
at = listener(socket.AF_UNIX, at="s")
os.chmod("s", 0o777)
while True:
    at.accept()[0].send(b"hello")'
	eventually [ -S s ]
	kill -STOP "${pid[other]}"
	for i in {1..100}; do start "look$i" "$native" as 1000 cat "$UNIX/dial$dir/other/$i"; done
	for user in 0 1001; do
		same hello "$(in_time 5000 as "$user" cat "$UNIX/dial$dir/s")"
		in_time 5000 ls "$IPC/signal" >/dev/null
	done
	# ETIMEDOUT, or ENFILE once the user has too many of them.
	for i in {1..100}; do in_time 10000 ended "look$i" 1; done
	refused ETIMEDOUT cat "$UNIX/dial$dir/other/root"
	kill -CONT "${pid[other]}"
	same hello "$(eventually as 1000 cat "$UNIX/dial$dir/s" && as 1000 cat "$UNIX/dial$dir/s")"
	umount other
	ended other
	kill "${pid[server]}"
	ended server 143
	rm -rf other other.names* s
}

# -- Messages ----------------------------------------------------------------------------------------------------------
