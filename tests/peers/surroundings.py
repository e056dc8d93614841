"""Machines that differ from this one: without IPv6, or with a network of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.peers.required import cannot_run

_SECCOMP = """
import ctypes, errno, os, struct, sys
# seccomp(2): socket(2) with AF_INET6 (10) fails with EAFNOSUPPORT, as under systemd's
# RestrictAddressFamilies= and on a kernel without IPv6. Offsets are of struct seccomp_data.
SOCKET, ERRNO, ALLOW = {socket}, 0x00050000, 0x7FFF0000
filters = b"".join(struct.pack("HBBI", *each) for each in (
    (0x20, 0, 0, 0), (0x15, 0, 3, SOCKET), (0x20, 0, 0, 16), (0x15, 0, 1, 10),
    (0x06, 0, 0, ERRNO | errno.EAFNOSUPPORT), (0x06, 0, 0, ALLOW)))
held = ctypes.create_string_buffer(filters)
program = struct.pack("HxxxxxxP", len(filters) // 8, ctypes.addressof(held))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, ctypes.create_string_buffer(program)) == 0  # PR_SET_SECCOMP, filter
os.execvp(sys.argv[1], sys.argv[1:])
"""


def without_ipv6_sockets() -> list[str]:
    """A command that runs what is behind it on a kernel that knows no AF_INET6."""
    numbers = {"x86_64": 41, "aarch64": 198}
    number = numbers.get(os.uname().machine)
    if number is None:
        cannot_run(f"the number of socket(2) on {os.uname().machine} is not known here")
    return [sys.executable, "-c", _SECCOMP.replace("{socket}", str(number))]


def own_network(*setup: str) -> list[str]:
    """A command that runs what is behind it in a network of its own, after these shell commands."""
    under = ["unshare", "-n", "sh", "-c", " && ".join(["ip link set lo up", *setup, 'exec "$@"'])]
    tried = subprocess.run([*under, "sh", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        cannot_run(f"no network of its own can be made here: {tried.stderr.strip()}")
    return [*under, "sh"]


def within(process: int) -> Sequence[str]:
    """A command that runs what is behind it in the network of a process."""
    return ["nsenter", "-t", str(process), "-n"]
