#!/usr/bin/env python3
"""socket_dial.py NETWORK ADDRESS: sends the standard input to ADDRESS, and its end as well; prints the answer.

    echo hello | socket_dial.py /ipc/socket/tcp localhost:7777
"""
import os
import sys
import threading


def send(ctl, data):
    try:
        while piece := os.read(0, 65536):
            while piece:
                piece = piece[data.write(piece):]
        # That nothing more will come is told by closing this way of the connection alone.
        ctl.write(b"shutdown write\n")
    except OSError:
        pass  # the other end has hung up; what it had to say is read


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: socket_dial.py NETWORK ADDRESS")
    network, address = sys.argv[1:]
    # clone makes a conversation, and is its ctl. It goes when its last file is closed.
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
