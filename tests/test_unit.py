"""The sample unit for systemd: what it takes away, and that systemd reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from broker.config.file import parse
from tests.peers.broker_process import command
from tests.peers.required import cannot_run

UNIT = Path(__file__).parents[1] / "samples" / "broker.service"
MOST_EXPOSED = 15
"""In tenths, as `systemd-analyze security` counts; 10 tenths are the network, which it needs."""
TAKEN_AWAY = {
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProcSubset": "pid",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "LimitCORE": "0",
}


@pytest.fixture
def systemd() -> None:
    """Needs systemd-analyze: skipped without it, or failed where everything is required."""
    if shutil.which("systemd-analyze") is None:
        cannot_run("systemd-analyze is not installed")


def directives() -> dict[str, list[str]]:
    """Every key of the unit with its values, in their order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if match := re.fullmatch(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_what_it_takes_away() -> None:
    """All that the broker does without, once each; system calls in two steps."""
    found = directives()
    assert {key: found.get(key) for key in TAKEN_AWAY} == {
        key: [value] for key, value in TAKEN_AWAY.items()
    }
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged"]


def test_it_limits_memory_and_tasks_and_files() -> None:
    """An attack on the page costs the machine no more; the relay outlives it."""
    found = directives()
    for key in ("MemoryMax", "TasksMax", "LimitNOFILE"):
        assert re.fullmatch(r"\d+[MG]?", found[key][0]), key
    assert found["OOMPolicy"] == ["continue"]


def test_a_stop_may_take_as_long_as_the_configuration_lets_it() -> None:
    """Twice over, with the default grace."""
    grace_s = parse("", folder=Path("/")).broker.grace_s
    assert int(directives()["TimeoutStopSec"][0]) >= 2 * grace_s


def test_it_is_said_how_the_log_rotates() -> None:
    """The unit names the journal and the command to read it; `broker serve --help` says what a file
    needs.
    """
    assert "journalctl -u broker" in UNIT.read_text()
    said = " ".join(command("serve", "--help").stdout.split())
    assert "journald keeps them and makes room by itself" in said
    assert "copytruncate" in said


@pytest.mark.usefixtures("systemd")
def test_systemd_reads_it(tmp_path: Path) -> None:
    """Each key and each value is known; only the program is another one, which is there."""
    copy = tmp_path / "broker.service"
    text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text())
    copy.write_text(text)
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
    )
    said = [line for line in ended.stderr.splitlines() if str(copy) in line or copy.name in line]
    assert (ended.returncode, said) == (0, [])


@pytest.mark.usefixtures("systemd")
def test_its_exposure_is_low() -> None:
    """As systemd counts it, from 0 to 100."""
    ended = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(UNIT)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-200:]
