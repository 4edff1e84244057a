#!/usr/bin/env python3
"""shm_note.py OBJECT [TEXT]: stores TEXT in shared memory, or prints the text that is stored there.

OBJECT is a directory in sysv/shm or posix/shm. It is made if it does not exist.

    shm_note.py /ipc/posix/shm/note "buy milk"
"""
import mmap
import os
import sys


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit('usage: shm_note.py OBJECT [TEXT]')
    path = sys.argv[1]
    if not os.path.isdir(path):
        os.mkdir(path)
    with open(os.path.join(path, 'data'), 'r+b', buffering=0) as data, mmap.mmap(data.fileno(), 0) as memory:
        if len(sys.argv) == 3:
            text = os.fsencode(sys.argv[2]) + b'\0'
            memory[:len(text)] = text
        else:
            print(os.fsdecode(memory[:].split(b'\0', 1)[0]))


main()
