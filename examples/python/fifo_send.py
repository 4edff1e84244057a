#!/usr/bin/env python3
"""fifo_send.py FIFO LINE...: writes lines to a FIFO, and fails if no process has it open for reading.

    fifo_send.py /ipc/fifo/echo hello quit
"""
import errno
import os
import sys


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: fifo_send.py FIFO LINE...")
    try:
        # Without O_NONBLOCK the open would wait for a reader.
        fifo = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            sys.exit("no reader: " + sys.argv[1])
        raise
    for line in sys.argv[2:]:
        os.write(fifo, line.encode() + b"\n")
    os.close(fifo)


if __name__ == "__main__":
    main()
