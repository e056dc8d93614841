"""A network of machines that can lose their power: namespaces of the kernel's, on one switch.

A process that is killed has its connections closed by its kernel, and its peers are told. A machine
that loses its power tells nothing. Here the link of a machine is cut, so that nothing there hears
or is heard; the machine that comes back with the same addresses knows of no connection.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

HERE = "10.77.0.1"
"""The address of the test itself, and of a broker that it starts."""
_CLONE_NEWNET = 0x40000000
_NUMBERS = itertools.count(1)
_FOLDER = Path("/run/netns")


def missing() -> str:
    """Why there can be no such network here; empty where there can."""
    if shutil.which("ip") is None:
        return "`ip` is missing: apt-get install iproute2"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Network() as network:
            network.machine()
    except CannotBuild as exc:
        return f"no network of namespaces can be made: {exc}"
    return ""


class CannotBuild(RuntimeError):
    """`ip` says no."""


class Network:
    """The switch, the test's own place on it, and the machines."""

    def __init__(self) -> None:
        self._name = f"broker-test-{os.getpid()}-{next(_NUMBERS)}"
        self._machines: list[Machine] = []

    def __enter__(self) -> Self:
        _ip("netns", "add", self._name)
        try:
            self._build()
        except BaseException:
            _ip("netns", "del", self._name)
            raise
        return self

    def _build(self) -> None:
        _ip("-n", self._name, "link", "set", "lo", "up")
        _ip("-n", self._name, "link", "add", "switch", "type", "bridge")
        # A switch without any machine is a switch all the same: it must not say `no carrier`.
        _ip("-n", self._name, "link", "add", "port0", "type", "veth", "peer", "name", "end0")
        _ip("-n", self._name, "link", "set", "end0", "up")
        _ip("-n", self._name, "link", "set", "port0", "master", "switch", "up")
        _ip("-n", self._name, "addr", "add", f"{HERE}/24", "dev", "switch")
        _ip("-n", self._name, "link", "set", "switch", "up")

    def __exit__(self, *_: object) -> None:
        for each in self._machines:
            each.remove()
        _ip("netns", "del", self._name)

    def machine(self) -> Machine:
        """One more, switched on."""
        made = Machine(self._name, len(self._machines) + 2)
        self._machines.append(made)
        made.switch_on()
        return made

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and the threads and processes that it starts meanwhile, are at the test's
        place."""
        with _inside(self._name):
            yield


class Machine:
    """One machine on the switch, with an address that stays."""

    def __init__(self, network: str, number: int) -> None:
        self.address = f"10.77.0.{number}"
        self._network = network
        self._number = number
        self._lives = itertools.count(1)
        self._name = ""
        self._next = ""
        self._gone: list[str] = []

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and the threads and processes that it starts meanwhile, are there."""
        with _inside(self._name):
            yield

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """The same in its next life, which has no link yet."""
        if not self._next:
            self._next = self._made()
        with _inside(self._next):
            yield

    def lose_power(self) -> None:
        """From now on nothing comes from there, and nothing is heard there."""
        _ip("-n", self._network, "link", "del", f"port{self._number}")
        self._gone.append(self._name)
        self._name = ""

    def switch_on(self) -> None:
        """The same addresses, and no memory of any connection."""
        self._name, self._next = self._next or self._made(), ""
        port, mac = f"port{self._number}", f"02:00:00:00:00:{self._number:02x}"
        _ip("-n", self._network, "link", "add", port, "type", "veth", "peer", "name", "eth0")
        _ip("-n", self._network, "link", "set", "eth0", "netns", self._name, "address", mac)
        _ip("-n", self._name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self._name, "link", "set", "eth0", "up")
        _ip("-n", self._network, "link", "set", port, "master", "switch", "up")

    def remove(self) -> None:
        """Take it away; what still runs there is for its starter to end."""
        for name in filter(None, (*self._gone, self._name, self._next)):
            _ip("netns", "del", name)

    def _made(self) -> str:
        name = f"{self._network}-{self._number}-{next(self._lives)}"
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        return name


def _ip(*arguments: str) -> None:
    done = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        raise CannotBuild(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextlib.contextmanager
def _inside(namespace: str) -> Iterator[None]:
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(_FOLDER / namespace, os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(before)
    finally:
        os.close(before)


def _enter(descriptor: int) -> None:
    """Move this thread alone; sockets stay where they were made."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
