"""The API of a real page, asked at random for all that its description allows and forbids.

Schemathesis draws the requests. Every answer must be one that the description names, with its
document, and none may be an internal error.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from broker.model.user import Role
from tests.cli.conftest import Site
from tests.web.served_page import PASSWORD, ServedPage

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429]
"""
"""With which of them a request may be refused that the description forbids: it may also be too
large."""
STREAMS = "/api/events"
"""It ends only with its reader; tests of its own read it."""
OPERATOR = "anna"


@dataclass(frozen=True)
class Asked:
    """How a run ended."""

    faults: bool
    said: str
    """What Schemathesis has printed."""


def seed(site: Site, served: ServedPage) -> None:
    """Jobs in each state, up to number 44, printers that are up, and users: the examples of the
    description name some of them."""
    site.up("oki-1", "oki-2")
    for _ in range(11):
        site.job(), site.sent(films=2), site.uncertain(), site.printing()
    site.jobs.commands.hold(1)
    served.add(OPERATOR)
    served.add("victor", Role.VIEWER)


def asked(served: ServedPage, folder: Path, seconds: int, seed_number: int = 1) -> Asked:
    """Ask for that long; reports and its database of examples stay in `folder`."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    program = "from schemathesis.cli import schemathesis; schemathesis(prog_name='st')"
    command = [
        *(sys.executable, "-c", program, "run", f"{served.url}/api/openapi.json"),
        *("--max-time", str(seconds), "--seed", str(seed_number)),
        *("--auth", f"{OPERATOR}:{PASSWORD}", "--checks", ",".join(CHECKS)),
        *("--exclude-path", STREAMS, "--request-timeout", "30", "--no-color"),
        *("--generation-database", "none", "--warnings", "off", "--continue-on-failure"),
        *("--suppress-health-check", "all"),
    ]
    ended = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds * 3 + 120,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"},
    )
    return Asked(ended.returncode != 0, ended.stdout + ended.stderr)
