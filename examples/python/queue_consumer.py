#!/usr/bin/env python3
"""queue_consumer.py QUEUE [COUNT]: receives and prints messages, one per line.

It ends after COUNT messages; without COUNT it never ends.

    queue_consumer.py /ipc/sysv/msg/jobs 10
"""
import itertools
import sys


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: queue_consumer.py QUEUE [COUNT]")
    turns = range(int(sys.argv[2])) if len(sys.argv) == 3 else itertools.count()
    # Without a buffer, each read() is one read(2) and receives one message.
    with open(f"{sys.argv[1]}/data", "rb", buffering=0) as queue:
        for _ in turns:
            message = queue.read(1 << 20)
            sys.stdout.buffer.write(message + b"\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
