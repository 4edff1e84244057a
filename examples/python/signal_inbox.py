#!/usr/bin/env python3
"""signal_inbox.py DIRECTORY COUNT: makes an inbox, prints its pid and COUNT signals with their senders, and removes it.

DIRECTORY is /ipc/signal/inbox/NAME.

    signal_inbox.py /ipc/signal/inbox/mail 2
"""
import os
import sys

if len(sys.argv) != 3:
    sys.exit("usage: " + os.path.basename(sys.argv[0]) + " DIRECTORY COUNT")
directory, count = sys.argv[1], int(sys.argv[2])
os.mkdir(directory)
try:
    with open(directory + "/pid") as pid:
        print(pid.read().strip(), flush=True)
    with open(directory + "/lines") as lines:
        for _ in range(count):
            name, *fields = lines.readline().split()
            sent = dict(field.split("=") for field in fields)
            print(f"{name} with {sent['value']} from uid {sent['uid']}", flush=True)
finally:
    os.rmdir(directory)
