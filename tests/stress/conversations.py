#!/usr/bin/env python3
"""conversations.py torture|rest|messages SOCKET DAEMON [SEED [SECONDS]]

Stress test: concurrent operations on conversations and on dial below the directory SOCKET of a daemon with the pid
DAEMON. The test runs as root in the network namespace of the daemon.

torture: workers of three users make random operations on a few shared names. They make, clone, rename and remove
conversations; write all verbs with good and bad addresses; open, read, write and poll all files; dial servers that
answer, servers that do not, and each other; and use POSIX message queues. Signals interrupt the workers all the time,
and the test kills and replaces them. Meanwhile stat and ls of the tree must not hang, and a killed worker must end at
once. After all objects are removed, the daemon must have the same descriptors and threads as before, and be idle.

rest: many processes block in every way, on half-closed connections and on connections that are never made. The daemon
must be idle meanwhile. messages: each message arrives once, whole and in order, while signals interrupt the reader and
the writer.
"""
import errno
import fcntl
import mmap
import os
import random
import select
import signal
import struct
import sys
import tempfile
import time

from conversations_waiting import messages, rest
from conversing import LIMIT, Daemon, World, check_resources, kill, remove_all, resources_of, start, wait_for

WORKERS = 12
USERS = 0, 1000, 1001
NAMES = 'a', 'b', 'c', '0', '1', '2', '3'
# Errors that no file of a socket may return: they show a fault in the daemon, or that it has no resources left.
NEVER = {errno.EIO, errno.ENOSYS, errno.EFAULT, errno.ENOMEM, errno.ESRCH, errno.ENOTSOCK, errno.EPROTO}


class Interrupted(Exception):
    pass


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
        self.conversation = f'{self.here}/{self.dice.choice(NAMES)}'
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

    def any_file(self):
        if not self.files:
            raise OSError(errno.EBADF, 'no file is open')
        return self.dice.choice(self.files)

    def flags(self):
        return self.dice.choice((os.O_RDWR, os.O_RDWR, os.O_RDONLY, os.O_WRONLY))

    def make(self):
        self.last = self.conversation
        os.mkdir(self.conversation, self.dice.choice((0o777, 0o700, 0o755)))
        os.chmod(self.conversation, 0o777)

    def remove(self):
        os.rmdir(self.conversation)

    def move(self):
        os.rename(self.conversation, f'{self.here}/{self.dice.choice(NAMES)}')

    def change(self):
        os.chmod(self.conversation, self.dice.choice((0o777, 0o700, 0o000)))

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
        fd = self.keep(f'{self.conversation}/ctl', self.dice.choice((os.O_RDWR, os.O_WRONLY)))
        words = '\n'.join(self.words() for _ in range(self.dice.choice((1, 1, 1, 2, 3))))
        self.last = words
        os.write(fd, words.encode())

    def clone(self):
        fd = self.keep(f'{self.here}/clone', os.O_RDWR)
        os.read(fd, 100)
        os.write(fd, self.words().encode())

    def open(self):
        name = self.dice.choice(('data', 'data', 'accept', 'accept', 'listen', 'next', 'drain', 'lines', 'records'))
        self.keep(f'{self.conversation}/{name}', self.flags())

    def dial(self):
        address = self.dice.choice(self.world.calls[self.network])
        self.keep(f'{self.here}/dial{"" if address[0] == "/" else "/"}{address}', self.flags())

    def pair(self):
        """Announces at one end, dials it, and transfers bytes in both directions."""
        place = self.dice.choice(self.world.places[self.network][:4])
        with open(f'{self.conversation}/ctl', 'w') as ctl:
            ctl.write(f'announce {place}')
        fd = self.keep(f'{self.here}/dial{"" if place[0] == "/" else "/"}{place}', os.O_RDWR)
        os.write(fd, b'hello\n' * self.dice.randrange(1000))
        name = 'data' if self.network in ('udp', 'unixgram') else 'accept'
        os.read(self.keep(f'{self.conversation}/{name}', os.O_RDWR), 4096)

    def look(self):
        for name in self.dice.choice((['local', 'remote', 'peer'], ['error', 'queued'], ['status'])):
            with open(f'{self.conversation}/{name}') as file:
                file.read()
        os.listdir(self.dice.choice((self.conversation, self.here)))

    def option(self):
        path = f'{self.conversation}/options/{self.dice.choice(os.listdir(self.conversation + "/options") or ["none"])}'
        with open(path) as file:
            value = file.read()
        if self.dice.random() < 0.5:
            with open(path, 'w') as file:
                file.write(self.dice.choice((value, '0', '1', '4096', 'nonsense')))

    def queue(self):
        """A random operation on a POSIX message queue."""
        queue = f'{self.root}/../posix/mq/{self.dice.choice(NAMES)}'
        choice = self.dice.random()
        if choice < 0.15:
            os.mkdir(queue)
            os.chmod(queue, 0o777)
        elif choice < 0.25:
            os.rmdir(queue)
        elif choice < 0.3:
            with open(f'{queue}/maxmsg', 'w') as file:
                file.write(self.dice.choice('123'))
        else:
            self.keep(f'{queue}/{self.dice.choice(("data", "lines", "records", "next", "drain"))}', self.flags())

    def close(self):
        if self.files:
            os.close(self.files.pop(self.dice.randrange(len(self.files))))

    def read(self):
        os.read(self.any_file(), self.dice.choice((1, 10, 1000, 65536, 1 << 20)))

    def write(self):
        kind = self.dice.random()
        if kind < 0.2:
            peers = [a for a in self.world.calls[self.network] if 'host' not in a] + ['-']
            data = b'%s 5\nhello\n' % self.dice.choice(peers).encode()
        elif kind < 0.3:
            data = b'x' * self.dice.choice((100000, 1 << 20))
        else:
            data = b'hello\n' * self.dice.choice((1, 10, 1000)) + b'rest'
        os.write(self.any_file(), data)

    def poll(self):
        poll = select.poll()
        for _ in range(3):
            events = self.dice.choice((select.POLLIN, select.POLLOUT, select.POLLIN | select.POLLOUT, select.POLLRDHUP, 0))
            poll.register(self.any_file(), events)
        poll.poll(self.dice.choice((0, 10, None)))

    def switch(self):
        fd = self.any_file()
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) ^ os.O_NONBLOCK)


def look_up_forever(root, clock):
    """Looks the tree up in a loop, and stores the time of the last success in `clock`."""
    while True:
        os.stat(f'{root}/../sysv/msg')
        os.listdir(f'{root}/tcp')
        os.listdir(f'{root}/unix')
        clock[:8] = struct.pack('d', time.monotonic())
        time.sleep(0.01)


def torture(root, daemon, seed, seconds, folder):
    dice = random.Random(seed)
    world = World(folder)
    before = resources_of(root, daemon)
    others = [start(world.serve, random.Random(seed))]
    clock = mmap.mmap(-1, 8)
    clock[:8] = struct.pack('d', time.monotonic())
    others.append(start(look_up_forever, root, clock))
    done = memoryview(mmap.mmap(-1, 8 * len(Worker.actions) + 8)).cast('Q')  # the last one counts the errors in NEVER
    workers, number, slowest, slowest_look_up = [], 0, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        while len(workers) < WORKERS:
            number += 1
            workers.append(start(Worker(root, world, done, seed * 1000003 + number).run, uid=dice.choice(USERS)))
        slowest = max(slowest, kill(workers.pop(dice.randrange(len(workers)))))
        late = time.monotonic() - struct.unpack('d', clock[:8])[0]
        slowest_look_up = max(slowest_look_up, late)
        assert late < LIMIT, f'looking the tree up hangs for {late} s'
        time.sleep(dice.random() * 0.05)  # the interval between kills; nothing depends on it
    for pid in workers + others:
        slowest = max(slowest, kill(pid))
    wait_for('all is removed', lambda: remove_all(root))
    print(' '.join(f'{name} {count}' for name, count in zip(Worker.actions, done)))
    print(f'{number} workers; the slowest ended {slowest:.3f} s after SIGKILL; '
          f'the slowest look-up took {slowest_look_up:.3f} s')
    assert done[-1] == 0, f'{done[-1]} errors that must not occur'
    check_resources(daemon, before)


def main():
    mode, root, daemon = sys.argv[1], sys.argv[2], Daemon(int(sys.argv[3]))
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 60
    print(f'seed {seed}', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        {'torture': torture, 'rest': rest, 'messages': messages}[mode](root, daemon, seed, seconds, folder)


main()
