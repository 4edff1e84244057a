#!/usr/bin/env python3
"""lock_run.py HOLD COMMAND [ARGUMENT...]: decrements a semaphore, runs the command and increments the semaphore again.

The value of the semaphore is the number of commands that run at the same time. HOLD is sysv/sem/NAME/I/hold or
posix/sem/NAME/hold.

    lock_run.py /ipc/posix/sem/lock/hold sleep 1
"""
import subprocess
import sys

if len(sys.argv) < 3:
    sys.exit('usage: lock_run.py HOLD COMMAND [ARGUMENT...]')

# The open waits for the semaphore. The end of the block closes the file, and so does the end of this process.
with open(sys.argv[1], 'w'):
    status = subprocess.call(sys.argv[2:])
sys.exit(status)
