"""Shared code of the stress tests of conversations: servers and addresses, processes, resources of the daemon."""
import errno
import os
import selectors
import signal
import socket
import struct
import sys
import time

LIMIT = 20      # seconds; ends a hang, on a busy machine with sanitizers too
D_LIMIT = 10    # seconds from SIGKILL to the end of a process
IDLE_THREADS = 8 + 6  # idle workers that the daemon keeps, and threads that it starts at their first use
PORTS = range(6000, 6004)
LOCAL = {'unix': socket.SOCK_STREAM, 'unixgram': socket.SOCK_DGRAM, 'unixpacket': socket.SOCK_SEQPACKET}


def wait_for(what, condition, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'never came true: {what}'
        time.sleep(0.02)


class World:
    """Native servers, and the addresses of each network: `calls` to connect to, and `places` to announce or bind."""

    def __init__(self, folder):
        assert {name for _, name in socket.if_nameindex()} <= {'lo'}, 'the network namespace has an interface other than lo'
        self.folder, self.tag = folder, os.path.basename(folder)
        self.sockets = []
        self.listen('tcp', socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 7001), ('127.0.0.9', 7002))
        self.listen('udp', socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', 7001), None)
        for name, kind in LOCAL.items():
            self.listen(name, socket.AF_UNIX, kind, f'{folder}/{name}', f'{folder}/{name}-full')
            self.listen(name, socket.AF_UNIX, kind, f'\0{self.tag}{name}', f'\0{self.tag}{name}-full')
            socket.socket(socket.AF_UNIX, kind).bind(f'{folder}/{name}-dead')
        internet = ['127.0.0.1:7001', 'localhost:7001', '127.0.0.1:1', '[::1]:7001', '127.0.0.9:7002', 'no.such.host:1',
                    '1.2.3.4:5', '127.0.0.1:70000', 'nonsense', '[', '224.0.0.1:7']
        own = [f'127.0.0.1:{port}' for port in PORTS] + [f'localhost:{PORTS[0]}']
        self.calls = {'tcp': internet + own, 'udp': internet + own}
        self.places = {'tcp': own + ['127.0.0.1:0', ':0', '*', '1.2.3.4:5', '127.0.0.1:7001'],
                       'udp': own + ['127.0.0.1:0', ':0', '*', '1.2.3.4:5']}
        for name in LOCAL:
            own = [f'{folder}/own/{name}{i}' for i in range(3)] + [f'@{self.tag}own{name}{i}' for i in range(3)]
            self.places[name] = own + [f'{folder}/{name}', f'{folder}/nothing/here', '@', 'nonsense']
            self.calls[name] = own + [f'{folder}/{name}', f'{folder}/{name}-full', f'{folder}/{name}-dead', folder,
                                      f'{folder}/nothing', f'@{self.tag}{name}', f'@{self.tag}{name}-full', '@nobody',
                                      f'{folder}/unix', '/proc/self/cwd', 'nonsense', '/' + 'x' * 200]
        os.mkdir(f'{folder}/own')
        os.chmod(f'{folder}/own', 0o777)

    def listen(self, name, family, kind, address, full):
        for at in filter(None, (address, full)):
            server = socket.socket(family, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(at)
            if family == socket.AF_UNIX and at[0] != '\0':
                os.chmod(at, 0o777)
            if kind != socket.SOCK_DGRAM:
                server.listen(0 if at == full else 100)
            server.setblocking(False)
            self.sockets.append((server, at == full))
            if at == full:
                self.fill(family, kind, at)

    def fill(self, family, kind, at):
        for _ in range(100):
            caller = socket.socket(family, kind)
            caller.setblocking(False)
            self.sockets.append((caller, True))
            try:
                caller.connect(at)
                while kind == socket.SOCK_DGRAM:
                    caller.send(b'full')
            except BlockingIOError as error:
                if error.errno == errno.EAGAIN or family == socket.AF_INET:
                    return

    def serve(self, dice):
        """Sends back the received bytes in an endless loop, and closes connections in every way."""
        ready = selectors.DefaultSelector()
        for server, full in self.sockets:
            if not full:
                ready.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                peer = key.fileobj
                try:
                    if peer.type != socket.SOCK_DGRAM and peer.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        call, _ = peer.accept()
                        call.setblocking(False)
                        ready.register(call, selectors.EVENT_READ)
                        continue
                    data, sender = peer.recvfrom(65536)
                    fate = dice.random()
                    if peer.type == socket.SOCK_DGRAM:
                        if sender:
                            peer.sendto(data, sender)
                    elif not data or fate < 0.1:
                        if fate < 0.02 and peer.family == socket.AF_INET:
                            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                        ready.unregister(peer)
                        peer.close()
                    else:
                        peer.send(data)
                        if fate < 0.2:
                            peer.shutdown(socket.SHUT_WR)
                        elif fate < 0.25:
                            peer.shutdown(socket.SHUT_RD)
                except OSError:
                    pass


# -- Processes, and the daemon ----------------------------------------------------------------------------------------

def start(function, *args, uid=0):
    pid = os.fork()
    if pid == 0:
        try:
            for number in signal.SIGPIPE, signal.SIGINT:
                signal.signal(number, signal.SIG_IGN)
            os.setgid(uid)
            os.setuid(uid)
            function(*args)
        except BaseException as error:
            print(function.__name__, repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    return pid


def state(pid):
    try:
        return open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0]
    except FileNotFoundError:
        return 'gone'


def stack(pid):
    try:
        return open(f'/proc/{pid}/syscall').read() + open(f'/proc/{pid}/stack').read()
    except OSError as error:
        return str(error)


def kill(pid):
    """Kills a process, whatever call it is blocked in. Returns the seconds until its end."""
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not os.waitpid(pid, os.WNOHANG)[0]:
        taken = time.monotonic() - began
        assert taken < D_LIMIT, f'{pid} still exists {taken} s after SIGKILL: {state(pid)} {stack(pid)}'
        time.sleep(0.001)
    return time.monotonic() - began


def names(root):
    return [f'{root}/{place}/{name}' for place in ('tcp', 'udp', *LOCAL, '../posix/mq')
            for name in os.listdir(f'{root}/{place}') if name != 'dial' and name != 'clone']


def remove_all(root):
    for path in names(root):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            pass
    return not names(root)


def write_ctl(conversation, words):
    with open(f'{conversation}/ctl', 'w') as ctl:
        ctl.write(words)


class Daemon:
    def __init__(self, pid):
        self.proc = f'/proc/{pid}'

    def descriptors(self):
        names = []
        for fd in os.listdir(f'{self.proc}/fd'):
            try:
                names.append(os.readlink(f'{self.proc}/fd/{fd}'))
            except FileNotFoundError:
                pass  # closed meanwhile
        return sorted(names)

    def count(self, what):
        return len(os.listdir(f'{self.proc}/{what}'))

    def ticks(self):
        fields = open(f'{self.proc}/stat').read().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])

    def is_idle(self):
        """Whether the daemon uses less than 5 % of a processor during a second."""
        before = self.ticks()
        time.sleep(1)
        return self.ticks() - before < os.sysconf('SC_CLK_TCK') / 20


def resources_of(root, daemon):
    """Returns the descriptors and the number of threads of the daemon. The first queue starts threads that stay."""
    first = f'{root}/../posix/mq/first'
    os.mkdir(first)
    os.close(os.open(f'{first}/data', os.O_RDWR))
    os.rmdir(first)
    os.listdir(f'{root}/../posix/mq')
    wait_for('the first queue is closed', lambda: not any('first' in name for name in daemon.descriptors()))
    return daemon.descriptors(), daemon.count('task')


def check_resources(daemon, before):
    """Checks that the daemon has the same descriptors and threads as before, and is idle."""
    descriptors, threads = before
    try:
        wait_for('the daemon has the same descriptors as before', lambda: daemon.descriptors() == descriptors)
        wait_for('the daemon has the same threads as before', lambda: daemon.count('task') <= threads + IDLE_THREADS)
        wait_for('the daemon is idle', daemon.is_idle)
    except AssertionError:
        print('now', daemon.descriptors(), daemon.count('task'), 'before', before, file=sys.stderr)
        raise
