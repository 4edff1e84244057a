#!/usr/bin/env python3
"""socket_records.py DIRECTORY ADDRESS: answers every message that comes to ADDRESS, to whoever sent it, with its number.

DIRECTORY is the conversation that it makes for that, on udp or unixgram. Says where messages are to be sent.

    socket_records.py /ipc/socket/udp/numbers :7777
"""
import os
import sys


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: socket_records.py DIRECTORY ADDRESS")
    conversation, address = sys.argv[1:]
    os.mkdir(conversation, 0o700)
    try:
        with open(f"{conversation}/ctl", "w") as ctl:
            ctl.write(f"bind {address}")
        with open(f"{conversation}/local") as local:
            print(local.read(), end="", flush=True)
        count = 0
        with open(f"{conversation}/records", "rb") as reader, open(f"{conversation}/records", "wb", buffering=0) as writer:
            # A head, ADDRESS LENGTH, then so many bytes and a newline.
            while head := reader.readline():
                sender, length = head.rsplit(b" ", 1)
                message = reader.read(int(length) + 1)[:-1]
                count += 1
                answer = b"%d: %s" % (count, message)
                if sender != b"-":  # else it has no address
                    writer.write(b"%s %d\n%s\n" % (sender, len(answer), answer))
    except KeyboardInterrupt:
        pass
    finally:
        os.rmdir(conversation)


if __name__ == "__main__":
    main()
