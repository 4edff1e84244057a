#!/usr/bin/env python3
"""usage: shm_note.py OBJECT [TEXT]

Leaves TEXT in shared memory, or without it prints what is there. OBJECT is a segment or object in sysv/shm or posix/shm,
made when it is not there yet: /ipc/posix/shm/note.
"""
import mmap
import os
import sys


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.splitlines()[0])
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
