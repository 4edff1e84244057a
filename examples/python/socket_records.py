#!/usr/bin/env python3
"""socket_records.py DIRECTORY ADDRESS: receives datagrams on ADDRESS and answers each one with its number and its text.

DIRECTORY is a conversation on udp or unixgram, which the program makes and removes. The program prints its address.
SIGINT ends it.

    socket_records.py /ipc/socket/udp/numbers 127.0.0.1:7777
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
            # A record is a head (ADDRESS LENGTH and a newline), LENGTH bytes and a newline.
            while head := reader.readline():
                sender, length = head.rsplit(b" ", 1)
                message = reader.read(int(length) + 1)[:-1]
                count += 1
                answer = b"%d: %s" % (count, message)
                if sender != b"-":  # "-": the sender has no address
                    writer.write(b"%s %d\n%s\n" % (sender, len(answer), answer))
    except KeyboardInterrupt:
        pass
    finally:
        os.rmdir(conversation)


if __name__ == "__main__":
    main()
