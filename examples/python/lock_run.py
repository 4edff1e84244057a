#!/usr/bin/env python3
"""Runs a command while it has a semaphore: one at a time where its value is 1, so many where it is more.

HOLD is sysv/sem/NAME/I/hold or posix/sem/NAME/hold.
"""
import subprocess
import sys

if len(sys.argv) < 3:
    sys.exit('usage: lock_run.py HOLD COMMAND [ARGUMENT...]')

# Opening waits; the end of the block gives back, and so does the end of this process, however it comes.
with open(sys.argv[1], 'w'):
    status = subprocess.call(sys.argv[2:])
sys.exit(status)
