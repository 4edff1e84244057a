"""rest and messages of conversations.py: many who wait; and messages while those who have to wait are interrupted."""
import os
import random
import select
import signal
import socket
import sys
import time

from conversing import LIMIT, LOCAL, World, had, kill, left, remove_all, start, state, tell, wait_for


def polls(fd, events):
    poll = select.poll()
    poll.register(fd, events)
    print('poll ended', fd, events, poll.poll(), file=sys.stderr)


def writes(fd):
    while True:
        os.write(fd, b'x' * 50000)


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
    before = had(root, daemon)
    pid = start(rest_while, root, daemon, world)
    assert os.waitpid(pid, 0)[1] == 0
    wait_for('all is removed', lambda: remove_all(root))
    left(daemon, before)


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
    before = had(root, daemon)
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
    left(daemon, before)
