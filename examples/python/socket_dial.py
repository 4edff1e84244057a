#!/usr/bin/env python3
"""socket_dial.py NETWORK ADDRESS: connects to ADDRESS, sends standard input, shuts down writing and prints the answer.

    echo hello | socket_dial.py /ipc/socket/tcp 127.0.0.1:7777
"""
import os
import sys
import threading


def send(ctl, data):
    try:
        while piece := os.read(0, 65536):
            while piece:
                piece = piece[data.write(piece):]
        # The other end reads end of file, and can still answer.
        ctl.write(b"shutdown write\n")
    except OSError:
        pass  # the other end has closed; the main thread reads the rest of its answer


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: socket_dial.py NETWORK ADDRESS")
    network, address = sys.argv[1:]
    # Opening clone makes a conversation and returns its ctl. The last close of its files removes the conversation.
    with open(f"{network}/clone", "r+b", buffering=0) as ctl:
        conversation = f"{network}/{ctl.read(100).decode().strip()}"
        ctl.write(f"connect {address}\n".encode())
        with open(f"{conversation}/data", "r+b", buffering=0) as data:
            threading.Thread(target=send, args=(ctl, data), daemon=True).start()
            while piece := data.read(65536):
                sys.stdout.buffer.write(piece)
                sys.stdout.flush()


if __name__ == "__main__":
    main()
