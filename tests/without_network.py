"""Run a command in a network namespace of its own, in which only the loopback interface exists: a test's helper.

``unshare --net --map-root-user python without_network.py COMMAND...`` brings the loopback up, then becomes COMMAND.
"""

import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])
