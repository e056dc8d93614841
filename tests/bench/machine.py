"""What a bench ran on, in one line: figures of two machines are not compared unawares."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
CPUINFO = Path("/proc/cpuinfo")
PATIENCE_S = 10.0


def machine() -> str:
    """CPU, cores, Python, and the commit where the tests lie in a checkout."""
    said = [_cpu(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", _commit()]
    return ", ".join(filter(None, said))


def _cpu() -> str:
    """Its model, as Linux names it; elsewhere its family."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return " ".join(value.split())
    return platform.machine()


def _commit() -> str:
    """As `git describe` names it, with `-dirty` for what is not committed; empty without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
