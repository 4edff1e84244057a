"""The modes rest and messages of conversations.py."""
import os
import random
import select
import signal
import socket
import sys
import time

from conversing import (LIMIT, LOCAL, World, check_resources, kill, remove_all, resources_of, start, state, wait_for,
                        write_ctl)


def poll_once(fd, events):
    poll = select.poll()
    poll.register(fd, events)
    print('poll ended', fd, events, poll.poll(), file=sys.stderr)


def write_forever(fd):
    while True:
        os.write(fd, b'x' * 50000)


def wait_half_closed(root, network, waiting):
    """Makes connections of which one end has shut down writing, and starts every operation that blocks on them."""
    family, at = (socket.AF_INET, ('127.0.0.1', 0)) if network == 'tcp' else (socket.AF_UNIX, '\0' + network)
    server = socket.socket(family, LOCAL.get(network, socket.SOCK_STREAM))
    server.bind(at)
    server.listen(9)
    address = '%s:%d' % server.getsockname() if network == 'tcp' else '@' + network
    theirs = os.open(f'{root}/{network}/dial/{address}', os.O_RDWR)
    peer, _ = server.accept()
    peer.shutdown(socket.SHUT_WR)
    assert os.read(theirs, 1) == b''
    waiting += [start(poll_once, theirs, 0), start(poll_once, theirs, select.POLLPRI), start(write_forever, theirs)]
    os.mkdir(f'{root}/{network}/ours')
    write_ctl(f'{root}/{network}/ours', f'connect {address}\nshutdown write')
    ours = os.open(f'{root}/{network}/ours/data', os.O_RDWR)
    for events in 0, select.POLLIN, select.POLLRDHUP:
        waiting.append(start(poll_once, ours, events))
    waiting.append(start(os.read, ours, 1))
    return server, peer, server.accept()


def wait_unanswered(root, world, waiting):
    """Starts operations that wait for a connection that is never made, and for a call that never arrives."""
    for network in 'tcp', 'unix', 'unixpacket':
        here = f'{root}/{network}'
        full = '127.0.0.9:7002' if network == 'tcp' else f'@{world.tag}{network}-full'
        fd = os.open(f'{here}/dial/{full}', os.O_RDWR | os.O_NONBLOCK)
        waiting += [start(poll_once, fd, select.POLLIN | select.POLLOUT), start(os.open, f'{here}/dial/{full}', os.O_RDWR)]
        for name in 'connecting', 'announced':
            os.mkdir(f'{here}/{name}')
        waiting.append(start(write_ctl, f'{here}/connecting', f'connect {full}'))
        wait_for('it connects', lambda: 'Connecting' in open(f'{here}/connecting/status').read())
        fd = os.open(f'{here}/connecting/data', os.O_RDWR)
        waiting += [start(os.read, fd, 1), start(os.write, fd, b'x'), start(poll_once, fd, select.POLLOUT)]
        write_ctl(f'{here}/announced', 'announce ' + ('127.0.0.1:0' if network == 'tcp' else f'@announced{network}'))
        fd = os.open(f'{here}/announced/data', os.O_RDWR)
        waiting += [start(os.open, f'{here}/announced/accept', os.O_RDWR), start(poll_once, fd, select.POLLIN),
                    start(os.open, f'{here}/announced/listen', os.O_RDWR)]


def wait_deaf(root, world, waiting):
    """Starts operations on datagram sockets that have shut down reading, and on one whose receiver is full."""
    for network, address in ('udp', '127.0.0.1:7001'), ('unixgram', f'{world.folder}/unixgram'):
        os.mkdir(f'{root}/{network}/deaf')
        write_ctl(f'{root}/{network}/deaf', f'connect {address}\nshutdown read')
        fd = os.open(f'{root}/{network}/deaf/data', os.O_RDWR)
        assert os.read(fd, 1) == b''
        waiting.append(start(poll_once, fd, 0))
    fd = os.open(f'{root}/unixgram/dial/{world.folder}/unixgram-full', os.O_RDWR)
    waiting += [start(os.write, fd, b'x'), start(poll_once, fd, select.POLLOUT), start(os.read, fd, 1)]


def rest_while(root, daemon, world):
    waiting = []
    try:
        held = [wait_half_closed(root, network, waiting) for network in ('tcp', 'unix', 'unixpacket')]
        wait_unanswered(root, world, waiting)
        wait_deaf(root, world, waiting)
        wait_for('the daemon is idle while processes are blocked', daemon.is_idle)
        awake = [pid for pid in waiting if state(pid) != 'S']
        print(f'{len(waiting)} processes at {len(held)} servers, {len(awake)} of them not blocked', flush=True)
        assert not awake
    finally:
        for pid in reversed(waiting):  # in this order, because the end of an earlier process would wake later ones
            kill(pid)
    os._exit(0)


def rest(root, daemon, _seed, _seconds, folder):
    world = World(folder)
    before = resources_of(root, daemon)
    pid = start(rest_while, root, daemon, world)
    assert os.waitpid(pid, 0)[1] == 0
    wait_for('all is removed', lambda: remove_all(root))
    check_resources(daemon, before)


# -- Messages ---------------------------------------------------------------------------------------------------------

def message(i, dice):
    return b'%d %d ' % (i, (length := dice.choice((0, 1, 10, 1000, 20000)))) + bytes([33 + i % 90]) * length


def interrupt_often():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)


def call_patiently(fd, dice, events, call, *args):
    """Makes the call blocking, or with O_NONBLOCK and poll. Python repeats a call that fails with EINTR."""
    os.set_blocking(fd, dice.random() < 0.5)
    while True:
        try:
            return call(fd, *args)
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, events)
            assert poll.poll(LIMIT * 1000), f'poll does not report {events}'


def send(conversation, dice, end):
    interrupt_often()
    files = {name: os.open(f'{conversation}/{name}', os.O_WRONLY) for name in ('data', 'lines', 'records')}
    i = 0
    while i < 100 or time.monotonic() < end:
        name = dice.choice(list(files))
        batch = [message(i + n, dice) for n in range(1 if name == 'data' else dice.randrange(1, 20))]
        i += len(batch)
        framed = {'data': b'%s', 'lines': b'%s\n', 'records': b'- %d\n%s\n'}[name]
        text = b''.join(framed % ((len(one), one) if name == 'records' else one) for one in batch)
        while text:
            text = text[call_patiently(files[name], dice, select.POLLOUT, os.write, text):]
    os.write(files['data'], b'%d 3 end' % i)
    os._exit(0)


def one_message(read, dice):
    """Receives one message in reads of random sizes, which must not return bytes of the next message."""
    text = b''
    while text.count(b' ') < 2 or len(text) < len(b' '.join(text.split(b' ')[:2])) + 1 + int(text.split(b' ')[1]):
        text += read(dice.choice((1, 7, 100, 65536)))
    return [text]


def receive_batch(conversation, name, files, dice):
    if name in ('next', 'drain'):
        files[name] = os.open(f'{conversation}/{name}', os.O_RDONLY)

    def read(size):
        return call_patiently(files[name], dice, select.POLLIN, os.read, size)
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
    messages_read = []
    while text:
        head, _, text = text.partition(b'\n')
        length = int(head.split()[1])
        assert text[length:length + 1] == b'\n', text[length:]
        messages_read.append(text[:length])
        text = text[length + 1:]
    return messages_read


def receive(conversation, dice):
    interrupt_often()
    files = {name: os.open(f'{conversation}/{name}', os.O_RDONLY) for name in ('data', 'lines', 'records')}
    next_number = 0
    while True:
        for text in receive_batch(conversation, dice.choice(('data', 'lines', 'records', 'next', 'drain')), files, dice):
            number, length, rest = text.split(b' ')
            assert int(number) == next_number, f'{number} instead of {next_number}'
            if rest == b'end':
                print(f'{next_number} messages', flush=True)
                os._exit(0)
            assert rest == bytes([33 + next_number % 90]) * int(length), f'{text[:100]} has {len(rest)} bytes'
            next_number += 1


def messages(root, daemon, seed, seconds, _folder):
    before = resources_of(root, daemon)
    processes = []
    end = time.monotonic() + seconds
    for network in 'unixgram', 'unixpacket':
        here = f'{root}/{network}'
        for name in 'from', 'to':
            os.mkdir(f'{here}/{name}')
        write_ctl(f'{here}/to', f'announce @messages{network}')
        write_ctl(f'{here}/from', f'connect @messages{network}')
        to = f'{here}/to'
        if network == 'unixpacket':
            listening = os.open(f'{to}/listen', os.O_RDWR)
            to = f'{here}/{os.read(listening, 10).decode().strip()}'
        processes += [start(send, f'{here}/from', random.Random(seed), end), start(receive, to, random.Random(seed + 1))]
    try:
        for pid in processes:
            wait_for('all have ended', lambda: state(pid) == 'Z', seconds + LIMIT)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        for pid in processes:
            if state(pid) != 'gone':
                kill(pid)
    os.close(listening)
    wait_for('all is removed', lambda: remove_all(root))
    check_resources(daemon, before)
