#!/usr/bin/env python3
"""pipe_tail.py PIPE: prints the lines that are written to a pipe, with the time.

It ends after the last writer has closed.

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
            poll.poll()  # returns when bytes are in the pipe or the last writer has closed
            some = pipe.read(65536)
            if not some:
                break
            *lines, rest = (rest + some).split(b"\n")
            for line in lines:
                print(time.strftime("%T"), line.decode(), flush=True)


if __name__ == "__main__":
    main()
