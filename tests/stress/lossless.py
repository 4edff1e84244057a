#!/usr/bin/env python3
"""lossless.py kills|order DIRECTORY NATIVE [MESSAGES]

Stress test: no message of a queue is lost, duplicated or reordered. DIRECTORY is the directory of the queue.

kills: 4 writers send (two through `data`, one through `lines`, one with msgsnd) to 4 readers of `data`. The test kills
and restarts readers again and again. The readers receive each message exactly once, and log it. One message per killed
reader may be missing from the logs: the one that the reader had received and not yet logged. order: 4 writers send to
one reader of `lines`. The messages of each writer must arrive in order.
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
    """Logs each message with one write(2), which SIGKILL does not interrupt."""
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


def reap_ended(pids):
    """Returns the processes that have ended. Their status must be 0."""
    done = set()
    for pid in pids:
        ended_pid, status = os.waitpid(pid, os.WNOHANG)
        if ended_pid:
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


def test_kills(queue, native, messages, folder):
    each = messages // WRITERS
    writers = {start(write, i, each, queue, native) for i in range(WRITERS)}
    logs = [f'{folder}/{i}' for i in range(READERS)]
    readers = [start(read, log, queue, native) for log in logs]
    killed = 0
    while writers:
        writers -= reap_ended(writers)
        i = random.randrange(READERS)
        kill(readers[i])
        killed += 1
        readers[i] = start(read, logs[i], queue, native)
        time.sleep(0.01)  # the interval between kills; nothing depends on it
    wait_for('the queue is empty', lambda: queued(queue) == 0)
    # Once all readers are blocked in read(2), they have logged their last messages.
    wait_for('all readers are blocked', lambda: all(
        subprocess.run([native, 'is-in', 'read', str(pid)]).returncode == 0 for pid in readers))
    for pid in readers:
        kill(pid)
        killed += 1
    seen = collections.Counter(line for log in logs for line in open(log, 'rb').read().splitlines())
    wanted = {text(writer, i) for writer in range(WRITERS) for i in range(each)}
    twice = [line for line, times in seen.items() if times > 1]
    unknown = seen.keys() - wanted
    lost = len(wanted - seen.keys())
    print(f'{len(wanted)} messages, {killed} readers killed, {lost} messages lost with them')
    assert not twice, f'{len(twice)} messages arrived twice: {twice[:3]}'
    assert not unknown, f'{len(unknown)} messages were never sent: {list(unknown)[:3]}'
    assert lost <= killed, f'{lost} messages lost, {killed} readers killed'
    assert len(seen) > len(wanted) // 2


def test_order(queue, native, messages, _folder):
    each = messages // WRITERS
    writers = {start(write, i, each, queue, native) for i in range(WRITERS)}
    next_number = [0] * WRITERS
    with open(queue + '/lines', 'rb') as file:
        for _ in range(each * WRITERS):
            writer, number = map(int, file.readline().split())
            assert number == next_number[writer], f'writer {writer}: {number} instead of {next_number[writer]}'
            next_number[writer] += 1
    wait_for('all writers end', lambda: not writers.difference_update(reap_ended(writers)) and not writers)
    assert queued(queue) == 0


def main():
    mode, queue, native = sys.argv[1:4]
    messages = int(sys.argv[4]) if len(sys.argv) > 4 else 200000
    with tempfile.TemporaryDirectory() as folder:
        {'kills': test_kills, 'order': test_order}[mode](queue, native, messages, folder)


main()
