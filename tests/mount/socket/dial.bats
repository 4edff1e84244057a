# dial/: an open of an address compared with connect(2): errors, waiting, rights, credentials, messages.
load dial

# -- Names -------------------------------------------------------------------------------------------------------------

@test "every address exists, and none is listed" {
	for name in tcp/dial/localhost:80 tcp/dial/127.0.0.1:http tcp/dial/:80 'udp/dial/[::1]:53' 'tcp/dial/[fe80::1%lo]:80' unix/dial/@abstract; do
		same "-rw-rw-rw- 0 0" "$(stat -c '%A %u %s' "$SOCK/$name")"
	done
	for network in tcp udp unix unixgram unixpacket ip/icmp; do
		same "" "$(ls -A "$SOCK/$network/dial")"
	done
	same "" "$(ls -A "$UNIX/dial/etc")"
	same "directory" "$(stat -c %F "$UNIX/dial/etc")"
	[ -e "$UNIX/dial/etc/passwd" ]
	[ ! -e "$UNIX/dial/etc/no-such-name" ]
}

@test "why explains a malformed address" {
	refused EINVAL cat "$TCP/dial/localhost"
	why_is "malformed address: write HOST:PORT"
	refused EINVAL cat "$TCP/dial/::1:80"
	why_is "[::1]:80"
	refused EINVAL cat "$TCP/dial/localhost:65536"
	refused EINVAL cat "$TCP/dial/localhost:no-such-service"
	why_is "no service named no-such-service"
	refused EINVAL cat "$UNIX/dial/@"
	refused ENAMETOOLONG cat "$UNIX/dial/$(printf x%.0s {1..107})"
	why_is "at most 107 bytes"
	refused ENOENT cat "$UNIX/dial/no-such-name"
	refused ENOTDIR cat "$UNIX/dial/etc/passwd/x"
	# A shell opens with O_CREAT for `<>` and `>`.
	refused ENOENT bash -c '3<>"$1" exec' bash "$UNIX/dial/no-such-name"
	refused ENOENT as 1000 bash -c 'echo x >"$1"' bash "$UNIX/dial$dir/no-such-name"
	refused EPERM mkdir "$UNIX/dial/x"
	refused EPERM python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$UNIX/dial/x"
}

@test "dialling an address without a listener fails" {
	for name in tcp/dial/127.0.0.1:1 'tcp/dial/[::1]:1' tcp/dial/localhost:1 unix/dial/@nobody unixgram/dial/@nobody unix/dial/etc/passwd; do
		refused ECONNREFUSED cat "$SOCK/$name"
		why_is "no socket listens at"
	done
	# On udp the error follows the first message.
	"$python" '
fd = dial("udp/dial/127.0.0.1:1")
same(1, os.write(fd, b"x"))
same("ECONNREFUSED", refusal(os.read, fd, 10))'
	refused EPROTOTYPE "$python" '
at = listener(socket.AF_UNIX, at=args[0] + "/kind")
dial("unixpacket/dial" + args[0] + "/kind")' "$dir"
	why_is "wrong type of socket"
	refused ECONNREFUSED cat "$UNIX/dial$dir/kind"
	rm kind
	refused ENETUNREACH cat "$TCP/dial/203.0.113.1:80"
	why_is "no route to"
}

@test "an unknown name is refused, and each address of a name is tried" {
	refused EHOSTUNREACH cat "$TCP/dial/no-such-name.invalid:80" || refused ENOENT cat "$TCP/dial/no-such-name.invalid:80"
	why_is no-such-name.invalid
	# localhost may be ::1 first, where no server listens.
	"$python" '
at = listener()
port = at.getsockname()[1]
fd = dial("tcp/dial/localhost:%d" % port)
there, _ = at.accept()
there.send(b"hello")
same(b"hello", os.read(fd, 100))
fd = dial("tcp/dial/:%d" % port)
at.accept()'
}

# -- Connections -------------------------------------------------------------------------------------------------------

@test "a dialled connection transfers bytes, end of file and EPIPE" {
	for family in inet unix; do
		"$python" '
at = listener() if args[0] == "inet" else listener(socket.AF_UNIX, at="\0end")
network = "tcp" if args[0] == "inet" else "unix"
signals = []
signal.signal(signal.SIGPIPE, lambda *_: signals.append(1))
fd = dial(network + "/dial/" + name_of(at))
there, _ = at.accept()
same(5, os.write(fd, b"hello"))
same(b"hello", there.recv(100))
there.send(b"one two")
same(b"one", os.read(fd, 3))
same(b" two", os.read(fd, 100))
# One half is closed: the other half continues.
there.send(b"last")
there.shutdown(socket.SHUT_WR)
same(b"last", os.read(fd, 100))
same(b"", os.read(fd, 100))
same(b"", os.read(fd, 100))
same(3, os.write(fd, b"yes"))
same(b"yes", there.recv(100))
there.close()
def broken():
    try:
        os.write(fd, b"x")
    except BrokenPipeError:
        return True
eventually(broken)
same([1], signals)
same(b"", os.read(fd, 100))
os.close(fd)
# A close hangs up.
fd = dial(network + "/dial/" + name_of(at), os.O_NONBLOCK)
there, _ = at.accept()
os.close(fd)
same(b"", there.recv(100))' "$family"
	done
}

@test "a dial for reading only or for writing only is a connection" {
	"$python" '
at = listener()
name = SOCK + "/tcp/dial/" + name_of(at)
fd = os.open(name, os.O_WRONLY)
there, _ = at.accept()
same(1, os.write(fd, b"x"))
same("EBADF", refusal(os.read, fd, 1))
os.close(fd)
same(b"x", there.recv(10))
same(b"", there.recv(10))
fd = os.open(name, os.O_RDONLY)
there, _ = at.accept()
there.send(b"y")
same(b"y", os.read(fd, 10))
fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
there, _ = at.accept()
os.write(fd, b"z")
same(b"z", there.recv(10))'
}

@test "a writer waits for room, and a signal ends the wait" {
	"$python" '
at = listener()
fd = dial("tcp/dial/" + name_of(at))
there, _ = at.accept()
sent, whole = [], bytes(range(256)) * 65536
writer = threading.Thread(target=lambda: sent.append(os.write(fd, whole)))
writer.start()
time.sleep(0.05)
got = b""
while len(got) < len(whole):
    got += there.recv(1 << 20)
writer.join()
same([len(whole)], sent)
assert got == whole
# A reader and a writer of one descriptor do not wait for each other.
reader = threading.Thread(target=lambda: sent.append(os.read(fd, 10)))
reader.start()
same(1, os.write(fd, b"x"))
there.send(b"answer")
reader.join()
same(b"answer", sent[1])
child = os.fork()
if child == 0:
    os.write(fd, whole)
    os._exit(1)
eventually(lambda: open("/proc/%d/syscall" % child).read().startswith("1 "))
eventually(lambda: poll(fd, select.POLLOUT, 0) == 0)
os.kill(child, signal.SIGKILL)
same(signal.SIGKILL, os.WTERMSIG(os.waitpid(child, 0)[1]))'
}

# -- O_NONBLOCK, poll --------------------------------------------------------------------------------------------------

@test "O_NONBLOCK: the open does not wait, and poll reports the connection" {
	for name in tcp/dial/127.0.0.1: tcp/dial/localhost:; do
		"$python" '
at = listener()
fd = dial(args[0] + str(at.getsockname()[1]), os.O_NONBLOCK)
same(select.POLLOUT, poll(fd, select.POLLOUT))
there, _ = at.accept()
same("EAGAIN", refusal(os.read, fd, 10))
same(0, poll(fd, select.POLLIN, 0))
there.send(b"x")
same(select.POLLIN, poll(fd, select.POLLIN))
same(b"x", os.read(fd, 10))
there.close()
assert poll(fd, select.POLLIN) & select.POLLIN
same(b"", os.read(fd, 10))' "$name"
	done
	# A background job walks a path, so the open returns before the connection is made. The poller completes it.
	"$python" '
at = listener(socket.AF_UNIX, at=args[0] + "/s")
fd = dial("unix/dial" + args[0] + "/s", os.O_NONBLOCK)
there, _ = at.accept()
same(select.POLLOUT, poll(fd, select.POLLOUT))
os.write(fd, b"x")
same(b"x", there.recv(10))
for fd in [dial("unix/dial" + args[0] + "/s", os.O_NONBLOCK) for _ in range(100)]:
    os.close(fd)
os.unlink(args[0] + "/s")' "$dir"
}

@test "O_NONBLOCK: the next read or write reports why the connection failed" {
	"$python" '
# The open itself fails if the error is known by then.
def dial_early(name, error):
    while True:
        try:
            return dial(name, os.O_NONBLOCK)
        except OSError as known:
            same(error, errno.errorcode[known.errno])
fd = dial_early("tcp/dial/localhost:1", "ECONNREFUSED")
assert poll(fd, select.POLLOUT) & select.POLLERR
same("ECONNREFUSED", refusal(os.write, fd, b"x"))
assert "no socket listens at" in open(os.environ["IPC"] + "/why").read()
same("ECONNREFUSED", refusal(os.read, fd, 10))
for name, error in ("unix/dial/etc/passwd", "ECONNREFUSED"), ("tcp/dial/localhost:no-such-service", "EINVAL"):
    fd = dial_early(name, error)
    assert poll(fd, select.POLLIN) & select.POLLERR
    same(error, refusal(os.read, fd, 10))
    os.close(fd)'
}

# full FAMILY ADDRESS: a listener with a full backlog, and the connections in it.
full='
def full(family, at):
    listening, calls = listener(family, at=at, backlog=0), []
    while True:
        call = socket.socket(family)
        call.settimeout(0.2)
        try:
            call.connect(listening.getsockname())
        except (BlockingIOError, TimeoutError):
            return listening, calls
        calls.append(call)
'

@test "O_NONBLOCK: without an answer, reads and writes fail with EAGAIN, and a close gives up" {
	"$python" "$full"'
at, calls = full(socket.AF_INET, ("127.0.0.1", 0))
fd = dial("tcp/dial/" + name_of(at), os.O_NONBLOCK)
same(0, poll(fd, select.POLLIN | select.POLLOUT, 0.05))
same("EAGAIN", refusal(os.write, fd, b"x"))
same("EAGAIN", refusal(os.read, fd, 10))
# A blocking read or write waits for the connection, and then for data or room.
os.set_blocking(fd, True)
done = []
reader = threading.Thread(target=lambda: done.append(os.read(fd, 10)))
writer = threading.Thread(target=lambda: done.append(os.write(fd, b"hello")))
reader.start()
writer.start()
time.sleep(0.05)
same([], done)
for _ in calls:
    at.accept()[0].close()
there, _ = at.accept()
same(b"hello", there.recv(10))
writer.join()
same([5], done)
there.send(b"you")
reader.join()
same([5, b"you"], done)
os.close(fd)
# A connection that is given up leaves no trace.
at, calls = full(socket.AF_INET, ("127.0.0.1", 0))
fd = dial("tcp/dial/" + name_of(at), os.O_NONBLOCK)
syns = lambda: subprocess.check_output(["ss", "-Htn", "state", "syn-sent", "dst", name_of(at)])
calls = None
eventually(lambda: syns())
os.close(fd)
eventually(lambda: not syns())'
}

@test "edge-triggered epoll reports both directions" {
	"$python" '
at = listener()
fd = dial("tcp/dial/" + name_of(at), os.O_NONBLOCK)
epoll = select.epoll()
epoll.register(fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
same([(fd, select.EPOLLOUT)], epoll.poll(20))
there, _ = at.accept()
same([], epoll.poll(0.05))
for i in range(20):
    there.send(b"%d" % i)
    same([(fd, select.EPOLLIN | select.EPOLLOUT)], epoll.poll(20))
    # After a short read a reader need not read again. Every other time it does.
    same(b"%d" % i, os.read(fd, 10))
    if i % 2:
        same("EAGAIN", refusal(os.read, fd, 10))
    # EPOLLOUT may be reported once more: an additional edge does no harm.
    same([], [now for _, now in epoll.poll(0.01) if now & select.EPOLLIN])
# The kernel may find room for a write after all, so the loop waits until there is none.
def full_up():
    while refusal(os.write, fd, bytes(65536)) != "EAGAIN":
        pass
    return not epoll.poll(0.05)
eventually(full_up)
there.setblocking(False)
def drain():
    while refusal(there.recv, 1 << 20) != "EAGAIN":
        pass
    return epoll.poll(0)
eventually(drain)'
}

@test "epoll reports EPOLLRDHUP when it is the only event asked for" {
	"$python" '
for family, at, network in (socket.AF_INET, ("127.0.0.1", 0), "tcp"), (socket.AF_UNIX, "\0half", "unix"):
    at = listener(family, at=at)
    for events in 0, select.EPOLLOUT | select.EPOLLET:
        fd = dial(network + "/dial/" + name_of(at))
        there, _ = at.accept()
        epoll = select.epoll()
        epoll.register(fd, events | select.EPOLLRDHUP)
        if events:
            same([(fd, select.EPOLLOUT)], epoll.poll(20))
        same([], epoll.poll(0.05))
        there.send(b"not read")
        same([], epoll.poll(0.05))
        there.shutdown(socket.SHUT_WR)
        same([(fd, select.EPOLLRDHUP | events & select.EPOLLOUT)], epoll.poll(20))
        os.close(fd)'
}

# -- A full backlog ----------------------------------------------------------------------------------------------------

@test "unix: a dial waits for room in a full backlog, and a signal ends the wait" {
	for at in '\0full' "$dir/full"; do
		"$python" "$full"'
at, calls = full(socket.AF_UNIX, args[0].replace("\\0", "\0"))
name = "unix/dial/" + name_of(at)
fds, children = [], []
threads = [threading.Thread(target=lambda: fds.append(dial(name)), daemon=True) for _ in range(5)]
for thread in threads:
    thread.start()
late = dial(name, os.O_NONBLOCK)
same("EAGAIN", refusal(os.write, late, b"x"))
for _ in range(5):
    children.append(subprocess.Popen(["cat", SOCK + "/" + name]))
tasks = "/proc/%s/task/" % args[1]
# The number of threads of the daemon in connect(2), on x86 and on ARM. They leave it for a moment ten times a second.
def connecting():
    calls = (refusal(lambda: open(tasks + task + "/syscall").read().split()[0]) for task in os.listdir(tasks))
    return sum(call in ("42", "203") for call in calls)
eventually(lambda: connecting() == 11)
same([], fds)
began = time.monotonic()
for child in children:
    child.kill()
    child.wait()
assert time.monotonic() - began < 5
# The daemon gives up the connections of the killed children, and the server sees none of them.
def given_up():
    for _ in range(30):
        if connecting() > 6:
            return False
        time.sleep(0.01)
    return True
eventually(given_up)
for _ in calls + threads + [late]:
    at.accept()
for thread in threads:
    thread.join()
assert poll(late, select.POLLOUT) & select.POLLOUT
same(0, poll(at.fileno(), select.POLLIN, 0.3))
# The listener closes while a connection waits.
at, calls = full(socket.AF_UNIX, "\0full2")
fd = dial("unix/dial/@full2", os.O_NONBLOCK)
at.close()
assert poll(fd, select.POLLOUT) & select.POLLERR
same("ECONNREFUSED", refusal(os.write, fd, b"x"))' "$at" "$(ipcfs_pid)"
	done
	rm full
}

@test "udp: messages of every length arrive whole" {
	"$python" '
at = listener(type=socket.SOCK_DGRAM)
at.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
fd = dial("udp/dial/" + name_of(at))
for length in 1, 1472, 1473, 9000, 65507:
    message = bytes(i * i % 257 % 256 for i in range(length))
    same(length, os.write(fd, message))
    got, address = at.recvfrom(1 << 16)
    assert got == message
    at.sendto(message, address)
    assert os.read(fd, 1 << 16) == message
# A write of 0 bytes sends nothing, but an empty message can be received.
at.sendto(b"", address)
same(select.POLLIN, poll(fd, select.POLLIN))
same(b"", os.read(fd, 10))
same("EMSGSIZE", refusal(os.write, fd, bytes(65508)))
# A reader with a small buffer gets the rest of that message, never a piece of the next.
at.sendto(b"one message", address)
at.sendto(b"next", address)
same([b"one", b" mes", b"sage", b"ne", b"xt"], [os.read(fd, n) for n in (3, 4, 10, 2, 10)])
same("EAGAIN", (os.set_blocking(fd, False), refusal(os.read, fd, 10))[1])
same(select.POLLOUT, poll(fd, select.POLLIN | select.POLLOUT))
# Only messages of the peer are received.
other = listener(type=socket.SOCK_DGRAM)
other.sendto(b"x", address)
at.sendto(b"y", address)
same(select.POLLIN, poll(fd, select.POLLIN))
same(b"y", os.read(fd, 10))'
}

@test "unixgram: messages arrive, are answered, and wait for a slow receiver" {
	"$python" '
at = listener(socket.AF_UNIX, socket.SOCK_DGRAM, args[0] + "/s")
fd = dial("unixgram/dial" + args[0] + "/s")
same(100000, os.write(fd, bytes(100000)))
got, address = at.recvfrom(1 << 20)
same(100000, len(got))
at.sendto(b"answer", address)
same(b"answer", os.read(fd, 100))
assert refusal(os.write, fd, bytes(1 << 19)) == "EMSGSIZE"
# The queue is full: a writer waits, and no message is lost.
os.set_blocking(fd, False)
sent = 0
while refusal(os.write, fd, b"%d" % sent) != "EAGAIN":
    sent += 1
same(0, poll(fd, select.POLLOUT, 0.05))
os.set_blocking(fd, True)
writer = threading.Thread(target=lambda: os.write(fd, b"%d" % sent))
writer.start()
for i in range(sent + 1):
    same(b"%d" % i, at.recv(100))
writer.join()
at.close()
same("ECONNREFUSED", refusal(os.write, fd, b"x"))
os.unlink(args[0] + "/s")' "$dir"
}

@test "unixpacket: messages keep their boundaries, empty ones too, and the end is reported" {
	"$python" '
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
at = listener(socket.AF_UNIX, socket.SOCK_SEQPACKET, "\0packets")
fd = dial("unixpacket/dial/@packets")
there, _ = at.accept()
for message in b"one", b"", bytes(100000), b"four":
    if message:
        same(len(message), os.write(fd, message))
        same(message, there.recv(1 << 20))
    there.send(message)
for n, expected in (2, b"on"), (2, b"e"), (9, b""), (1 << 20, bytes(100000)), (9, b"four"):
    same(expected, os.read(fd, n))
there.send(b"last")
there.close()
same(b"last", os.read(fd, 10))
same(b"", os.read(fd, 10))
same("EPIPE", refusal(os.write, fd, b"x"))'
}

@test "bash reads a message in pieces of one byte" {
	start server "$python" '
at = listener(type=socket.SOCK_DGRAM, at=("127.0.0.1", 7001))
while True:
    at.sendto(*at.recvfrom(100))'
	eventually listening -u :7001
	exec 7<>"$UDP/dial/127.0.0.1:7001"
	echo "a line" >&7
	read -r one <&7
	echo "another one" >&7
	read -r two <&7
	exec 7>&-
	same "a line, another one" "$one, $two"
}

@test "ip: root sends an ICMP echo, and no other user can" {
	"$python" '
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
fd = dial("ip/icmp/dial/127.0.0.1")
echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"payload!"
echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
same(len(echo), os.write(fd, echo))
while True:
    answer = os.read(fd, 1000)
    # The answer has its IP header; the request is received as well.
    if answer[20] == 0:
        break
same(echo[4:], answer[24:])
dial("ip/icmp/dial/localhost")
same("EAFNOSUPPORT", refusal(dial, "ip/icmp/dial/::1"))
dial("ip/ipv6-icmp/dial/::1")'
	refused EPERM as 1000 cat "$SOCK/ip/icmp/dial/127.0.0.1"
	as 1000 cat "$IPC/why" | grep CAP_NET_RAW
}
