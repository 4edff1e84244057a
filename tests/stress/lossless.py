#!/usr/bin/env python3
"""lossless.py kills|order DIRECTORY NATIVE [MESSAGES]

Whether messages get lost, come twice or change places in the queue that DIRECTORY is.

kills: 4 writers (two through `data`, one through `lines`, one native) and 4 readers of `data`, which are killed and
started again all along. Each message is read exactly once, but for at most one a killed reader: the one it had and had
not written down. order: 4 writers and one reader of `lines`; every writer's messages come in its order.
"""
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

WRITERS = READERS = 4


def text(writer, number):
    return b'%d %d' % (writer, number)


def write(writer, count, queue, native):
    if writer == 0:
        lines = b''.join(text(writer, i) + b'\n' for i in range(count))
        key = open(queue + '/key').read().strip()
        return subprocess.run([native, 'msg-send-lines', key, '1'], input=lines).returncode
    if writer == 1:
        with open(queue + '/lines', 'wb') as file:
            file.writelines(text(writer, i) + b'\n' for i in range(count))
        return 0
    fd = os.open(queue + '/data', os.O_WRONLY)
    for i in range(count):
        os.write(fd, text(writer, i))
    return 0


def read(log, queue, _native):
    """Writes down each message with one write(2), which no kill can cut."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    fd = os.open(queue + '/data', os.O_RDONLY)
    while True:
        os.write(out, os.read(fd, 65536) + b'\n')


def start(function, *args):
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(function(*args))
        except OSError as error:
            print(function.__name__, args, error, file=sys.stderr, flush=True)
        os._exit(1)
    return pid


def ended(pids):
    """Those of the processes that have ended, each with 0."""
    done = set()
    for pid in pids:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            assert status == 0, f'a writer ended with {status}'
            done.add(pid)
    return done


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'never came true: {what}'
        time.sleep(0.01)


def queued(queue):
    return int(open(queue + '/qnum').read())


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), f'a reader ended by itself with {status}'


def kills(queue, native, messages, folder):
    each = messages // WRITERS
    writers = {start(write, i, each, queue, native) for i in range(WRITERS)}
    logs = [f'{folder}/{i}' for i in range(READERS)]
    readers = [start(read, log, queue, native) for log in logs]
    killed = 0
    while writers:
        writers -= ended(writers)
        i = random.randrange(READERS)
        kill(readers[i])
        killed += 1
        readers[i] = start(read, logs[i], queue, native)
        time.sleep(0.01)  # the pace of killing, not a wait for anything
    wait_for('the queue is empty', lambda: queued(queue) == 0)
    # What was taken last is written down once the readers sleep in read(2).
    wait_for('all readers wait', lambda: all(
        subprocess.run([native, 'is-in', 'read', str(pid)]).returncode == 0 for pid in readers))
    for pid in readers:
        kill(pid)
        killed += 1
    seen = collections.Counter(line for log in logs for line in open(log, 'rb').read().splitlines())
    wanted = {text(writer, i) for writer in range(WRITERS) for i in range(each)}
    twice = [line for line, times in seen.items() if times > 1]
    strange = seen.keys() - wanted
    lost = len(wanted - seen.keys())
    print(f'{len(wanted)} messages, {killed} readers killed, {lost} messages with them')
    assert not twice, f'{len(twice)} came twice: {twice[:3]}'
    assert not strange, f'{len(strange)} were never sent: {list(strange)[:3]}'
    assert lost <= killed, f'{lost} lost, {killed} killed'
    assert len(seen) > len(wanted) // 2


def order(queue, native, messages, _folder):
    each = messages // WRITERS
    writers = {start(write, i, each, queue, native) for i in range(WRITERS)}
    following = [0] * WRITERS
    with open(queue + '/lines', 'rb') as file:
        for _ in range(each * WRITERS):
            writer, number = map(int, file.readline().split())
            assert number == following[writer], f'writer {writer}: {number} instead of {following[writer]}'
            following[writer] += 1
    wait_for('all writers end', lambda: not writers.difference_update(ended(writers)) and not writers)
    assert queued(queue) == 0


def main():
    mode, queue, native = sys.argv[1:4]
    messages = int(sys.argv[4]) if len(sys.argv) > 4 else 200000
    with tempfile.TemporaryDirectory() as folder:
        {'kills': kills, 'order': order}[mode](queue, native, messages, folder)


main()
