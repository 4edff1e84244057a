# Sockets that programs bind(2) in the tree: their names behave as outside; the kernel connects the programs.

load sockets

# tree FOLDER COMMAND...: runs the command in the folder, where a name is short enough for a socket's address.
tree() {
	local folder=$1
	shift
	(cd "$folder" && "$@")
}

# Binds, connects, renames and removes sockets in a directory, and prints each result.
program='
import os, socket, stat, struct, sys
kind = getattr(socket, sys.argv[1])
def sock():
    return socket.socket(socket.AF_UNIX, kind)
def said(what, call, *args):
    try:
        result = call(*args)
        print(what, "ok" if result is None else result)
    except OSError as e:
        print(what, e.strerror)
def mode(name):
    s = os.stat(name)
    return stat.filemode(s.st_mode), s.st_uid, s.st_gid, s.st_size, s.st_nlink
os.umask(0o027)
server = sock()
said("bind", server.bind, "a")
said("mode", mode, "a")
said("bind again", sock().bind, "a")
client = sock()
if kind != socket.SOCK_DGRAM:
    said("connect before listen", client.connect, "a")
    server.listen(5)
said("connect", client.connect, "a")
if kind != socket.SOCK_DGRAM:
    there, _ = server.accept()
    said("peer", lambda: struct.unpack("3i", there.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
else:
    there = server
client.send(b"hello")
said("receive", there.recv, 100)
said("name", server.getsockname)
os.chmod("a", 0o640)
said("chmod", mode, "a")
os.rename("a", "b")
said("connect to the old name", sock().connect, "a")
said("connect to the new name", sock().connect, "b")
os.chown("b", 65534, 65534)
said("chown", mode, "b")
if os.fork() == 0:
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    said("connect as another", sock().connect, "b")
    said("remove as another", os.unlink, "b")
    said("rename as another", os.rename, "b", "c")
    said("chmod as another", os.chmod, "b", 0o777)
    sys.stdout.flush()
    os._exit(0)
os.wait()
other = sock()
other.bind("c")
os.rename("c", "b")
said("over", os.listdir)
said("connect to what was moved there", sock().connect, "b")
if kind != socket.SOCK_DGRAM:
    other.listen(1)
    said("connect to it", sock().connect, "b")
said("open", open, "b")
said("mkdir", os.mkdir, "b")
said("rmdir", os.rmdir, "b")
os.unlink("b")
said("removed", os.listdir)
said("connect to what is removed", sock().connect, "b")
client.send(b"still")
said("receive", there.recv, 100)
server.close()
third = sock()
third.bind("d")
third.close()
said("connect to what is closed", sock().connect, "d")
said("bind over it", sock().bind, "d")
os.unlink("d")'

@test "bind, connect and names behave as outside the tree" {
	for kind in STREAM:unix DGRAM:unixgram SEQPACKET:unixpacket; do
		mkdir -m 1777 outside
		tree outside python3 -c "$program" "SOCK_${kind%:*}" >outside.table
		tree "$SOCK/${kind#*:}" python3 -c "$program" "SOCK_${kind%:*}" >inside.table
		sed -i "s/'clone', 'dial', *//; s/'dial', 'clone', *//; s/, 'clone', 'dial'//; s/, 'dial', 'clone'//; s/\['clone', 'dial'\]/[]/; s/\['dial', 'clone'\]/[]/" inside.table
		diff outside.table inside.table
		rmdir outside
	done
}

@test "socat serves a socket in the tree, under the name that ls shows" {
	start server bash -c 'cd "$1" && exec socat UNIX-LISTEN:s,fork EXEC:cat' - "$UNIX"
	eventually [ -S "$UNIX/s" ]
	same "clone dial s" "$(ls "$UNIX" | xargs)"
	same hello "$(tree "$UNIX" socat - UNIX:s <<<hello)"
	# The daemon does not connect to a socket of its own mount.
	refused ELOOP "$native" read-once "$UNIX/dial$UNIX/s"
	end_all
}

@test "a network directory holds only sockets and conversations, which share their names" {
	refused EPERM mkfifo "$UNIX/x"
	why_is "no FIFOs here: make them in fifo"
	refused EPERM touch "$UNIX/x"
	why_is "no files here: use mkdir for a conversation, bind(2) for a node"
	refused EPERM mknod "$UNIX/x" c 1 3
	refused EPERM touch "$TCP/x"
	why_is "no files here: make a conversation with mkdir"
	bind_it='import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])'
	run ! tree "$TCP" python3 -c "$bind_it" x
	run ! tree "$IPC/fifo" python3 -c "$bind_it" x
	mkdir "$UNIX/x"
	run ! tree "$UNIX" python3 -c "$bind_it" x
	[ -d "$UNIX/x" ]
	refused EISDIR "$native" write-text "$UNIX/x" y
	rmdir "$UNIX/x"
	tree "$UNIX" python3 -c "$bind_it" x
	refused EEXIST mkdir "$UNIX/x"
	mkdir "$UNIX/y"
	refused "cannot overwrite directory" mv -T "$UNIX/x" "$UNIX/y"
	refused "cannot overwrite non-directory" mv -T "$UNIX/y" "$UNIX/x"
	same "s d" "$(stat -c %A "$UNIX/x" "$UNIX/y" | cut -c1 | xargs)"
	rm "$UNIX/x"
	rmdir "$UNIX/y"
}

@test "the nodes and conversations of a user count together" {
	tree "$UNIX" as 1000 python3 -c '
import os, socket
for i in range(1000):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"n{i}")
for i in range(24):
    os.mkdir(f"c{i}")'
	run ! tree "$UNIX" as 1000 python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("more")'
	same "mknod socket/unix/more: ENOSPC: limit reached: 1024 conversations and sockets per user: remove some" \
		"$(as 1000 cat "$IPC/why")"
}
