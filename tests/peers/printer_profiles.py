"""DCMTK's print SCP with the profiles of DCMTK's own printers.cfg, or any other set of keys."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.peers.dcmtk import FOLDERS, program

PRINTERS_CFG = tuple(
    Path(folder) / "printers.cfg"
    for folder in ("/etc/dcmtk", "/usr/local/etc/dcmtk", "/usr/share/dcmtk", "/usr/local/etc")
)
"""Where packages put it."""
PROFILES = ("IHEFULL", "IHERESTRICTED", "AGFA", "KODAK", "MERGE_APS", "AYCAN")
"""Those that are printers and need no TLS."""
AE_TITLE = "DCMPRSCP"
PATIENCE_S = 20.0
DUMP = "log/dump.txt"

_WHERE = frozenset({"aetitle", "description", "hostname", "port", "type"})
"""Keys in small letters that say where a printer is, not what it takes."""
_GENERAL = (
    """
[[GENERAL]]
[APPLICATION]
LogDirectory = {folder}/log
"""
    + FOLDERS
    + """[[COMMUNICATION]]
[PRINTER]
Aetitle = {ae_title}
Hostname = localhost
Port = {port}
Type = LOCALPRINTER
"""
)

Keys = Mapping[str, str]
"""What a printer takes, as printers.cfg says it."""


def missing() -> list[str]:
    """What of this cannot be had here, with the Debian package."""
    return [] if any(path.exists() for path in PRINTERS_CFG) else ["printers.cfg (dcmtk)"]


def profile(name: str) -> dict[str, str]:
    """The keys of a profile, as they are spelt in the file.

    Raises: LookupError: when there is no such file, or no such profile in it.
    """
    for path in PRINTERS_CFG:
        if path.exists():
            return _section(path.read_text(errors="replace"), name)
    raise LookupError(f"DCMTK's printers.cfg is in none of {', '.join(map(str, PRINTERS_CFG))}")


def _section(text: str, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    inside = there = False
    for line in text.splitlines():
        said = line.strip()
        if said.startswith("["):
            inside = said == f"[{name}]"
            there |= inside
        elif inside and said and not said.startswith("#"):
            key, _, value = said.partition("=")
            if key.strip().lower() not in _WHERE:
                found[key.strip()] = value.strip()
    if not there:
        raise LookupError(f"DCMTK's printers.cfg has no profile {name}")
    return found


def values(keys: Keys, key: str) -> list[str]:
    """The values of a key that lists what is taken; none where it is not there."""
    return [value for value in keys.get(key, "").split("\\") if value]


@contextmanager
def print_scp(folder: Path, keys: Keys) -> Iterator[int]:
    """A running dcmprscp that takes what the keys say; yields its port.

    It keeps what it prints in `folder`/database, and what it hears and answers in `folder`/`DUMP`.
    """
    for name in ("log", "spool", "database", "lut"):
        (folder / name).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "dcmpstat.cfg"
    general = _GENERAL.format(folder=folder, port=port, ae_title=AE_TITLE)
    config.write_text(general + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    options = ["--quiet", "--dump", "--config", str(config), "--printer", "PRINTER"]
    with (
        (folder / DUMP).open("wb") as dump,
        subprocess.Popen(
            [program("dcmprscp"), *options],
            env={**os.environ, "TCP_NODELAY": "1"},
            stdout=dump,
            stderr=dump,
        ) as process,
    ):
        try:
            _wait_until_it_listens(port, process)
            yield port
        finally:
            process.kill()


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
    raise RuntimeError("dcmprscp does not listen")
