#!/usr/bin/env python3
"""conversations.py torture|rest|messages SOCKET DAEMON [SEED [SECONDS]]

Whether a daemon, whose pid is DAEMON, survives whatever may be done to conversations and dial below its directory SOCKET,
in whose network namespace this runs, as root.

torture: workers of three users do random things with a few shared names: make, clone, move, remove; all verbs with good
and bad addresses; open, read, write and poll all files; dial who answers, who does not, and each other; and the same with
POSIX message queues. They are interrupted all along, and killed. Meanwhile looking around has to go on, and whoever is
killed to go at once. In the end, when all is removed, the daemon has to have the descriptors and threads that it had
before, and to be at rest.
rest: the same of a daemon for which many wait in all ways, at connections of which one way is closed and at those that
are not there yet. messages: each comes once, whole, in order, while reader and writer are interrupted all along.
"""
import errno
import fcntl
import mmap
import os
import random
import selectors
import select
import signal
import socket
import struct
import sys
import tempfile
import time

WORKERS = 12
USERS = 0, 1000, 1001
NAMES = 'a', 'b', 'c', '0', '1', '2', '3'
LIMIT = 20      # seconds: for a busy machine with sanitizers. What hangs, hangs for ever
D_LIMIT = 10    # seconds that a process may take to be gone once it was killed
IDLE_THREADS = 8 + 6  # workers that the daemon keeps; threads that it starts when they are first needed
# What no file of a socket may say: something went wrong inside the daemon, or it has no room left.
NEVER = {errno.EIO, errno.ENOSYS, errno.EFAULT, errno.ENOMEM, errno.ESRCH, errno.ENOTSOCK, errno.EPROTO}
PORTS = range(6000, 6004)
LOCAL = {'unix': socket.SOCK_STREAM, 'unixgram': socket.SOCK_DGRAM, 'unixpacket': socket.SOCK_SEQPACKET}


class Interrupted(Exception):
    pass


def wait_for(what, condition, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'never came true: {what}'
        time.sleep(0.02)


# -- Those who answer, and those who do not ---------------------------------------------------------------------------

class World:
    """Addresses by network: whom one can call, and what one can be called at."""

    def __init__(self, folder):
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
        """Answers what comes with the same, for ever, and ends connections in all ways."""
        ready = selectors.DefaultSelector()
        for server, full in self.sockets:
            if not full:
                ready.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                one = key.fileobj
                try:
                    if one.type != socket.SOCK_DGRAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        call, _ = one.accept()
                        call.setblocking(False)
                        ready.register(call, selectors.EVENT_READ)
                        continue
                    data, sender = one.recvfrom(65536)
                    fate = dice.random()
                    if one.type == socket.SOCK_DGRAM:
                        if sender:
                            one.sendto(data, sender)
                    elif not data or fate < 0.1:
                        if fate < 0.02 and one.family == socket.AF_INET:
                            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                        ready.unregister(one)
                        one.close()
                    else:
                        one.send(data)
                        if fate < 0.2:
                            one.shutdown(socket.SHUT_WR)
                        elif fate < 0.25:
                            one.shutdown(socket.SHUT_RD)
                except OSError:
                    pass


# -- What a worker does -----------------------------------------------------------------------------------------------

class Worker:
    actions = {'make': 4, 'remove': 3, 'move': 1, 'change': 1, 'unlink': 2, 'verb': 12, 'clone': 2, 'open': 12, 'dial': 8,
               'pair': 3, 'look': 4, 'option': 3, 'close': 6, 'read': 12, 'write': 12, 'poll': 6, 'switch': 3, 'queue': 6}

    def __init__(self, root, world, done, seed):
        self.root, self.world, self.done = root, world, done
        self.dice = random.Random(seed)
        self.files = []
        self.busy = False

    def run(self):
        signal.signal(signal.SIGALRM, self.interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        while True:
            try:
                self.busy = True
                self.act(self.dice.choices(list(self.actions), self.actions.values())[0])
                self.busy = False
            except Interrupted:
                pass

    def act(self, action):
        self.network = self.dice.choice(list(self.world.calls))
        self.here = f'{self.root}/{self.network}'
        self.one = f'{self.here}/{self.dice.choice(NAMES)}'
        try:
            getattr(self, action)()
            self.done[list(self.actions).index(action)] += 1
        except OSError as error:
            if error.errno in NEVER:
                print(f'{action}: {error} ({self.last})', file=sys.stderr, flush=True)
                self.done[-1] += 1

    def interrupt(self, *_):
        if self.busy:
            self.busy = False
            raise Interrupted

    def keep(self, path, flags):
        self.last = f'{path}, {flags:#x}'
        if self.dice.random() < 0.5:
            flags |= os.O_NONBLOCK
        if len(self.files) > 12:
            self.close()
        fd = os.open(path, flags)
        self.files.append(fd)
        return fd

    def any(self):
        if not self.files:
            raise OSError(errno.EBADF, 'nothing is open')
        return self.dice.choice(self.files)

    def flags(self):
        return self.dice.choice((os.O_RDWR, os.O_RDWR, os.O_RDONLY, os.O_WRONLY))

    def make(self):
        self.last = self.one
        os.mkdir(self.one, self.dice.choice((0o777, 0o700, 0o755)))
        os.chmod(self.one, 0o777)

    def remove(self):
        os.rmdir(self.one)

    def move(self):
        os.rename(self.one, f'{self.here}/{self.dice.choice(NAMES)}')

    def change(self):
        os.chmod(self.one, self.dice.choice((0o777, 0o700, 0o000)))

    def unlink(self):
        os.unlink(self.dice.choice(self.world.places['unix'][:3] + self.world.places['unixgram'][:3]
                                   + self.world.places['unixpacket'][:3]))

    def words(self):
        verb = self.dice.choice(('connect', 'connect', 'announce', 'announce', 'bind', 'hangup', 'shutdown'))
        if verb == 'hangup':
            return verb
        if verb == 'shutdown':
            return f'shutdown {self.dice.choice(("read", "write"))}'
        return f'{verb} {self.dice.choice((self.world.calls if verb == "connect" else self.world.places)[self.network])}'

    def verb(self):
        fd = self.keep(f'{self.one}/ctl', self.dice.choice((os.O_RDWR, os.O_WRONLY)))
        words = '\n'.join(self.words() for _ in range(self.dice.choice((1, 1, 1, 2, 3))))
        self.last = words
        os.write(fd, words.encode())

    def clone(self):
        fd = self.keep(f'{self.here}/clone', os.O_RDWR)
        os.read(fd, 100)
        os.write(fd, self.words().encode())

    def open(self):
        name = self.dice.choice(('data', 'data', 'accept', 'accept', 'listen', 'next', 'drain', 'lines', 'records'))
        self.keep(f'{self.one}/{name}', self.flags())

    def dial(self):
        address = self.dice.choice(self.world.calls[self.network])
        self.keep(f'{self.here}/dial{"" if address[0] == "/" else "/"}{address}', self.flags())

    def pair(self):
        """One end that announces, one that dials it, and what is said between them."""
        place = self.dice.choice(self.world.places[self.network][:4])
        with open(f'{self.one}/ctl', 'w') as ctl:
            ctl.write(f'announce {place}')
        fd = self.keep(f'{self.here}/dial{"" if place[0] == "/" else "/"}{place}', os.O_RDWR)
        os.write(fd, b'hello\n' * self.dice.randrange(1000))
        os.read(self.keep(f'{self.one}/{"data" if self.network in ("udp", "unixgram") else "accept"}', os.O_RDWR), 4096)

    def look(self):
        for name in self.dice.choice((['local', 'remote', 'peer'], ['error', 'queued'], ['status'])):
            with open(f'{self.one}/{name}') as file:
                file.read()
        os.listdir(self.dice.choice((self.one, self.here)))

    def option(self):
        path = f'{self.one}/options/{self.dice.choice(os.listdir(self.one + "/options") or ["none"])}'
        with open(path) as file:
            value = file.read()
        if self.dice.random() < 0.5:
            with open(path, 'w') as file:
                file.write(self.dice.choice((value, '0', '1', '4096', 'nonsense')))

    def queue(self):
        """POSIX message queues, in the same company."""
        one = f'{self.root}/../posix/mq/{self.dice.choice(NAMES)}'
        deed = self.dice.random()
        if deed < 0.15:
            os.mkdir(one)
            os.chmod(one, 0o777)
        elif deed < 0.25:
            os.rmdir(one)
        elif deed < 0.3:
            with open(f'{one}/maxmsg', 'w') as file:
                file.write(self.dice.choice('123'))
        else:
            self.keep(f'{one}/{self.dice.choice(("data", "lines", "records", "next", "drain"))}', self.flags())

    def close(self):
        if self.files:
            os.close(self.files.pop(self.dice.randrange(len(self.files))))

    def read(self):
        os.read(self.any(), self.dice.choice((1, 10, 1000, 65536, 1 << 20)))

    def write(self):
        kind = self.dice.random()
        if kind < 0.2:
            peers = [a for a in self.world.calls[self.network] if 'host' not in a] + ['-']
            data = b'%s 5\nhello\n' % self.dice.choice(peers).encode()
        elif kind < 0.3:
            data = b'x' * self.dice.choice((100000, 1 << 20))
        else:
            data = b'hello\n' * self.dice.choice((1, 10, 1000)) + b'rest'
        os.write(self.any(), data)

    def poll(self):
        poll = select.poll()
        for _ in range(3):
            poll.register(self.any(), self.dice.choice((select.POLLIN, select.POLLOUT, select.POLLIN | select.POLLOUT,
                                                        select.POLLRDHUP, 0)))
        poll.poll(self.dice.choice((0, 10, None)))

    def switch(self):
        fd = self.any()
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) ^ os.O_NONBLOCK)


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


# -- What is asked of the daemon --------------------------------------------------------------------------------------

class Daemon:
    def __init__(self, pid):
        self.proc = f'/proc/{pid}'

    def descriptors(self):
        return sorted(os.readlink(f'{self.proc}/fd/{fd}') for fd in os.listdir(f'{self.proc}/fd'))

    def count(self, what):
        return len(os.listdir(f'{self.proc}/{what}'))

    def ticks(self):
        fields = open(f'{self.proc}/stat').read().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])

    def rests(self):
        """Not even a twentieth of a second's time in a second."""
        before = self.ticks()
        time.sleep(1)
        return self.ticks() - before < os.sysconf('SC_CLK_TCK') / 20


def look_around(root, clock):
    """Beats the clock as long as others' waits are not its own."""
    while True:
        os.stat(f'{root}/../sysv/msg')
        os.listdir(f'{root}/tcp')
        os.listdir(f'{root}/unix')
        clock[:8] = struct.pack('d', time.monotonic())
        time.sleep(0.01)


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
    """SIGKILL ends a process whatever it waits for. Returns how long that took."""
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not os.waitpid(pid, os.WNOHANG)[0]:
        taken = time.monotonic() - began
        assert taken < D_LIMIT, f'{pid} was killed and is not gone after {taken} s: {state(pid)} {stack(pid)}'
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


def torture(root, daemon, seed, seconds, folder):
    dice = random.Random(seed)
    world = World(folder)
    # The first queue that is opened starts what stays from then on.
    os.mkdir(f'{root}/../posix/mq/first')
    os.close(os.open(f'{root}/../posix/mq/first/data', os.O_RDWR))
    os.rmdir(f'{root}/../posix/mq/first')
    wait_for('the first queue is closed', lambda: not any('first' in name for name in daemon.descriptors()))
    before, threads = daemon.descriptors(), daemon.count('task')
    others = [start(world.serve, random.Random(seed))]
    clock = mmap.mmap(-1, 8)
    clock[:8] = struct.pack('d', time.monotonic())
    others.append(start(look_around, root, clock))
    done = memoryview(mmap.mmap(-1, 8 * len(Worker.actions) + 8)).cast('Q')  # the last: refusals as there may be none
    workers, number, slowest, latest = [], 0, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        while len(workers) < WORKERS:
            number += 1
            workers.append(start(Worker(root, world, done, seed * 1000003 + number).run, uid=dice.choice(USERS)))
        slowest = max(slowest, kill(workers.pop(dice.randrange(len(workers)))))
        late = time.monotonic() - struct.unpack('d', clock[:8])[0]
        latest = max(latest, late)
        assert late < LIMIT, f'nobody could look around for {late} s'
        time.sleep(dice.random() * 0.05)  # the pace of killing, not a wait for anything
    for pid in workers + others:
        slowest = max(slowest, kill(pid))
    wait_for('all is removed', lambda: remove_all(root))
    print(' '.join(f'{name} {count}' for name, count in zip(Worker.actions, done)))
    print(f'{number} workers; the slowest took {slowest:.3f} s to die, the longest look around {latest:.3f} s')
    assert done[-1] == 0, f'{done[-1]} refusals as there may be none'
    left(daemon, before, threads)


def left(daemon, before, threads):
    """What the daemon has must be what it had before."""
    try:
        wait_for('the descriptors are those of before', lambda: daemon.descriptors() == before)
        wait_for('the threads are those of before', lambda: daemon.count('task') <= threads + IDLE_THREADS)
        wait_for('the daemon is at rest', daemon.rests)
    except AssertionError:
        print('now', daemon.descriptors(), daemon.count('task'), 'before', before, threads, file=sys.stderr)
        raise


# -- Waiting ----------------------------------------------------------------------------------------------------------

def polls(fd, events):
    poll = select.poll()
    poll.register(fd, events)
    print('poll ended', fd, events, poll.poll(), file=sys.stderr)


def writes(fd):
    while True:
        os.write(fd, b'x' * 50000)


def tell(conversation, words):
    with open(f'{conversation}/ctl', 'w') as ctl:
        ctl.write(words)


def half_closed(root, network, waiting):
    """Connections of which either end has shut down its writing; in each, all that then has to be waited for."""
    family, at = (socket.AF_INET, ('127.0.0.1', 0)) if network == 'tcp' else (socket.AF_UNIX, '\0' + network)
    server = socket.socket(family, LOCAL.get(network, socket.SOCK_STREAM))
    server.bind(at)
    server.listen(9)
    address = '%s:%d' % server.getsockname() if network == 'tcp' else '@' + network
    theirs = os.open(f'{root}/{network}/dial/{address}', os.O_RDWR)
    peer, _ = server.accept()
    peer.shutdown(socket.SHUT_WR)
    assert os.read(theirs, 1) == b''
    waiting += [start(polls, theirs, 0), start(polls, theirs, select.POLLPRI), start(writes, theirs)]
    os.mkdir(f'{root}/{network}/ours')
    tell(f'{root}/{network}/ours', f'connect {address}\nshutdown write')
    ours = os.open(f'{root}/{network}/ours/data', os.O_RDWR)
    for events in 0, select.POLLIN, select.POLLRDHUP:
        waiting.append(start(polls, ours, events))
    waiting.append(start(os.read, ours, 1))
    return server, peer, server.accept()


def unanswered(root, world, waiting):
    """Connections that do not get there, and callers that do not come."""
    for network in 'tcp', 'unix', 'unixpacket':
        here = f'{root}/{network}'
        full = '127.0.0.9:7002' if network == 'tcp' else f'@{world.tag}{network}-full'
        fd = os.open(f'{here}/dial/{full}', os.O_RDWR | os.O_NONBLOCK)
        waiting += [start(polls, fd, select.POLLIN | select.POLLOUT), start(os.open, f'{here}/dial/{full}', os.O_RDWR)]
        for name in 'connecting', 'announced':
            os.mkdir(f'{here}/{name}')
        waiting.append(start(tell, f'{here}/connecting', f'connect {full}'))
        wait_for('it connects', lambda: 'Connecting' in open(f'{here}/connecting/status').read())
        fd = os.open(f'{here}/connecting/data', os.O_RDWR)
        waiting += [start(os.read, fd, 1), start(os.write, fd, b'x'), start(polls, fd, select.POLLOUT)]
        tell(f'{here}/announced', 'announce ' + ('127.0.0.1:0' if network == 'tcp' else f'@announced{network}'))
        fd = os.open(f'{here}/announced/data', os.O_RDWR)
        waiting += [start(os.open, f'{here}/announced/accept', os.O_RDWR), start(polls, fd, select.POLLIN),
                    start(os.open, f'{here}/announced/listen', os.O_RDWR)]


def deaf(root, world, waiting):
    """Sockets of datagrams that receive nothing more, and one whose receiver has no room."""
    for network, address in ('udp', '127.0.0.1:7001'), ('unixgram', f'{world.folder}/unixgram'):
        os.mkdir(f'{root}/{network}/deaf')
        tell(f'{root}/{network}/deaf', f'connect {address}\nshutdown read')
        fd = os.open(f'{root}/{network}/deaf/data', os.O_RDWR)
        assert os.read(fd, 1) == b''
        waiting.append(start(polls, fd, 0))
    fd = os.open(f'{root}/unixgram/dial/{world.folder}/unixgram-full', os.O_RDWR)
    waiting += [start(os.write, fd, b'x'), start(polls, fd, select.POLLOUT), start(os.read, fd, 1)]


def rest_while(root, daemon, world):
    waiting = []
    try:
        held = [half_closed(root, network, waiting) for network in ('tcp', 'unix', 'unixpacket')]
        unanswered(root, world, waiting)
        deaf(root, world, waiting)
        wait_for('the daemon is at rest while others wait', daemon.rests)
        awake = [pid for pid in waiting if state(pid) != 'S']
        print(f'{len(waiting)} wait at {len(held)} servers, {len(awake)} do not', flush=True)
        assert not awake
    finally:
        for pid in reversed(waiting):  # those first who would find that another one was killed
            kill(pid)
    os._exit(0)


def rest(root, daemon, _seed, _seconds, folder):
    world = World(folder)
    before, threads = daemon.descriptors(), daemon.count('task')
    pid = start(rest_while, root, daemon, world)
    assert os.waitpid(pid, 0)[1] == 0
    wait_for('all is removed', lambda: remove_all(root))
    left(daemon, before, threads)


# -- Messages ---------------------------------------------------------------------------------------------------------

def message(i, dice):
    return b'%d %d ' % (i, (length := dice.choice((0, 1, 10, 1000, 20000)))) + bytes([33 + i % 90]) * length


def often_interrupted():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)


def patiently(fd, dice, events, call, *args):
    """As it is, or with O_NONBLOCK and poll. (Python itself goes on after EINTR.)"""
    os.set_blocking(fd, dice.random() < 0.5)
    while True:
        try:
            return call(fd, *args)
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, events)
            assert poll.poll(LIMIT * 1000), f'poll is not told of {events}'


def send(conversation, dice, end):
    often_interrupted()
    files = {name: os.open(f'{conversation}/{name}', os.O_WRONLY) for name in ('data', 'lines', 'records')}
    i = 0
    while i < 100 or time.monotonic() < end:
        name = dice.choice(list(files))
        batch = [message(i + n, dice) for n in range(1 if name == 'data' else dice.randrange(1, 20))]
        i += len(batch)
        framed = {'data': b'%s', 'lines': b'%s\n', 'records': b'- %d\n%s\n'}[name]
        text = b''.join(framed % ((len(one), one) if name == 'records' else one) for one in batch)
        while text:
            text = text[patiently(files[name], dice, select.POLLOUT, os.write, text):]
    os.write(files['data'], b'%d 3 end' % i)
    os._exit(0)


def one_message(read, dice):
    """By reads that may be smaller than the message; all of it, and nothing of the next."""
    text = b''
    while text.count(b' ') < 2 or len(text) < len(b' '.join(text.split(b' ')[:2])) + 1 + int(text.split(b' ')[1]):
        text += read(dice.choice((1, 7, 100, 65536)))
    return [text]


def received(conversation, name, files, dice):
    if name in ('next', 'drain'):
        files[name] = os.open(f'{conversation}/{name}', os.O_RDONLY)

    def read(size):
        return patiently(files[name], dice, select.POLLIN, os.read, size)
    if name == 'data':
        return one_message(read, dice)
    text = read(65536)
    if name in ('next', 'drain'):
        while (more := read(dice.choice((100, 65536)))):
            text += more
        os.close(files[name])
        return [text] if name == 'next' else text.splitlines()
    if name == 'lines':
        return text.splitlines()
    found = []
    while text:
        head, _, text = text.partition(b'\n')
        length = int(head.split()[1])
        assert text[length:length + 1] == b'\n', text[length:]
        found.append(text[:length])
        text = text[length + 1:]
    return found


def receive(conversation, dice):
    often_interrupted()
    files = {name: os.open(f'{conversation}/{name}', os.O_RDONLY) for name in ('data', 'lines', 'records')}
    following = 0
    while True:
        for text in received(conversation, dice.choice(('data', 'lines', 'records', 'next', 'drain')), files, dice):
            number, length, rest = text.split(b' ')
            assert int(number) == following, f'{number} instead of {following}'
            if rest == b'end':
                print(f'{following} messages', flush=True)
                os._exit(0)
            assert rest == bytes([33 + following % 90]) * int(length), f'{text[:100]} has {len(rest)} bytes'
            following += 1


def messages(root, daemon, seed, seconds, _folder):
    before, threads = daemon.descriptors(), daemon.count('task')
    both = []
    end = time.monotonic() + seconds
    for network in 'unixgram', 'unixpacket':
        here = f'{root}/{network}'
        for name in 'from', 'to':
            os.mkdir(f'{here}/{name}')
        tell(f'{here}/to', f'announce @messages{network}')
        tell(f'{here}/from', f'connect @messages{network}')
        to = f'{here}/to'
        if network == 'unixpacket':
            listening = os.open(f'{to}/listen', os.O_RDWR)
            to = f'{here}/{os.read(listening, 10).decode().strip()}'
        both += [start(send, f'{here}/from', random.Random(seed), end), start(receive, to, random.Random(seed + 1))]
    try:
        for pid in both:
            wait_for('all have ended', lambda: state(pid) == 'Z', seconds + LIMIT)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        for pid in both:
            if state(pid) != 'gone':
                kill(pid)
    os.close(listening)
    wait_for('all is removed', lambda: remove_all(root))
    left(daemon, before, threads)


def main():
    mode, root, daemon = sys.argv[1], sys.argv[2], Daemon(int(sys.argv[3]))
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 60
    print(f'seed {seed}', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        {'torture': torture, 'rest': rest, 'messages': messages}[mode](root, daemon, seed, seconds, folder)


main()
