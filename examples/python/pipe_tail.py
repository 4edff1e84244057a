#!/usr/bin/env python3
"""pipe_tail.py PIPE: prints what is written to a pipe, with the time, until its last writer has gone.

    pipe_tail.py /ipc/pipe/log
"""
import select
import sys
import time


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: pipe_tail.py PIPE")
    with open(f"{sys.argv[1]}/read", "rb", buffering=0) as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        rest = b""
        while True:
            poll.poll()  # sleeps until there are bytes, or nobody is left to write any
            some = pipe.read(65536)
            if not some:
                break
            *lines, rest = (rest + some).split(b"\n")
            for line in lines:
                print(time.strftime("%T"), line.decode(), flush=True)


if __name__ == "__main__":
    main()
