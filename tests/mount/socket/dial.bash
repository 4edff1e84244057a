# shellcheck shell=bash
# Shared by the tests of dial/: Python for the other end.

load "${BASH_SOURCE[0]%/*}/sockets"

setup_file() {
	new_mount
	new_network
	new_python
	ipcfs_start
}

# Defines $python CODE [ARGUMENT...]: runs the code in the network of the daemon, after the common functions below.
new_python() {
	export python=$dir/python
	cat >"$python" <<-'END'
		#!/bin/sh
		code=$1
		shift
		exec "$net" python3 -c "$(cat "$python.py")
		$code" "$@"
	END
	chmod 755 "$python"
	cat >"$python.py" <<-'END'
		import errno, os, select, signal, socket, struct, subprocess, sys, threading, time
		factor = int(os.environ['IPCFS_TIME_FACTOR'])
		SOCK, native, args = os.environ['SOCK'], os.environ['native'], sys.argv[1:]

		def dial(name, flags=0):
		    return os.open(SOCK + '/' + name, os.O_RDWR | flags)

		def refusal(call, *args):
		    try:
		        return call(*args)
		    except OSError as error:
		        return errno.errorcode[error.errno]

		def eventually(condition):
		    end = time.monotonic() + 5 * factor
		    while not condition():
		        assert time.monotonic() < end, 'never came true'
		        time.sleep(0.005)

		def poll(fd, events, timeout=5 * factor):
		    poller = select.poll()
		    poller.register(fd, events)
		    return sum(found for _, found in poller.poll(timeout * 1000))

		def listener(family=socket.AF_INET, type=socket.SOCK_STREAM, at=('127.0.0.1', 0), backlog=100):
		    listening = socket.socket(family, type)
		    listening.bind(at)
		    if type != socket.SOCK_DGRAM:
		        listening.listen(backlog)
		    return listening

		def name_of(listening):
		    name = listening.getsockname()
		    if isinstance(name, tuple):
		        return '%s:%d' % name[:2]
		    return '@' + name[1:].decode() if isinstance(name, bytes) else name.lstrip('/')

		def same(expected, got):
		    assert expected == got, 'expected %r, got %r' % (expected, got)
	END
}

# These tests make nothing but connections.
teardown() {
	local bad=0
	end_all || bad=1
	quiet_log || bad=1
	return "$bad"
}
