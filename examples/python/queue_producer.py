#!/usr/bin/env python3
"""queue_producer.py QUEUE: sends each line of standard input as a message.

    seq 10 | queue_producer.py /ipc/sysv/msg/jobs
"""
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: queue_producer.py QUEUE")
    # Without a buffer, each write() is one write(2) and sends one message.
    with open(f"{sys.argv[1]}/data", "wb", buffering=0) as queue:
        for line in sys.stdin.buffer:
            queue.write(line.removesuffix(b"\n"))


if __name__ == "__main__":
    main()
