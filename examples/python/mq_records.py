#!/usr/bin/env python3
"""mq_records.py QUEUE [COUNT]: receives and prints messages with their priorities, the highest priority first.

It ends after COUNT messages; without COUNT it never ends.

    mq_records.py /ipc/posix/mq/jobs 10
"""
import itertools
import sys


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: mq_records.py QUEUE [COUNT]")
    turns = range(int(sys.argv[2])) if len(sys.argv) == 3 else itertools.count()
    with open(f"{sys.argv[1]}/msgsize") as file:
        largest = int(file.read())
    # The buffer has room for one message and its head. Messages for other readers stay in the queue.
    with open(f"{sys.argv[1]}/records", "rb", buffering=0) as queue:
        for _ in turns:
            head, _, rest = queue.read(largest + 43).partition(b"\n")
            priority, length = head.split()
            print(int(priority), rest[: int(length)].decode(errors="replace"), flush=True)


if __name__ == "__main__":
    main()
