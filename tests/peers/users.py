"""Users of the system other than the one that runs the tests, and a folder that all of them reach.

Only root can act as another user. What is not there for it here is a failure where everything is
required (BROKER_REQUIRE_ALL), and else skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.required import cannot_run

OWNER, THIRD = 64801, 64802
"""Numbers that no account of a usual system has."""
PATIENCE_S = 60.0
REPOSITORY = Path(__file__).parents[2]

CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
[web]
port = 0
[health]
timeout_s = 2
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "127.0.0.1"
port = 1
"""


@dataclass
class Users:
    """A folder that every user reaches, with a configuration in it, and the broker's program."""

    folder: Path
    python: str
    repository: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the program needs to be found."""
    mounted: list[Path] = field(default_factory=list)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.folder / "broker.toml"

    @property
    def data(self) -> Path:
        """The data folder, which is not made yet."""
        return self.folder / "broker-data"

    def make_data(self, owner: int) -> None:
        """Make the data folder, that user's alone."""
        self.data.mkdir(mode=0o700)
        os.chown(self.data, owner, owner)

    def start(
        self, *arguments: str, uid: int = 0, config: Path | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """Begin a command as that user."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/",
            "LOGNAME": "root" if uid == 0 else "",
            "COLUMNS": "80",
            "BROKER_CONFIG": str(config or self.file),
            **self.environment,
        }
        begun = subprocess.Popen(
            [self.python, "-m", "broker.cli.main", *arguments],
            cwd=self.repository,
            env=environment,
            text=True,
            user=uid,
            group=uid,
            extra_groups=[],
            **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more),
        )
        self.started.append(begun)
        return begun

    def run(
        self, *arguments: str, uid: int = 0, text: str = "", config: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as that user, with `text` on stdin, to its end."""
        started = self.start(*arguments, uid=uid, config=config, stdin=subprocess.PIPE)
        out, err = started.communicate(text, PATIENCE_S)
        return subprocess.CompletedProcess(arguments, started.returncode, out, err)

    def owners(self) -> Mapping[str, int]:
        """The data folder and all in it, with whom it belongs to."""
        found = [self.data, *self.data.rglob("*")]
        return {str(each): each.lstat().st_uid for each in found}


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """The first log line of that event. AssertionError when the log ends without."""
    assert process.stderr is not None
    seen = []
    for text in process.stderr:
        seen.append(text)
        line: dict[str, Any] = json.loads(text)
        if line["event"] == event:
            return line
    raise AssertionError(f"no {event}; the log: {seen}")


@contextmanager
def users() -> Iterator[Users]:
    """Skips, or fails, where no other user can be had."""
    if os.geteuid() != 0:
        cannot_run("only root can act as other users")
    folder = Path(tempfile.mkdtemp(prefix="broker-users-"))
    folder.chmod(0o755)
    made = Users(folder, sys.executable, REPOSITORY)
    try:
        if not _reaches(made):
            _mount(made)
        made.file.write_text(CONFIGURATION)
        yield made
    finally:
        for begun in made.started:
            if begun.poll() is None:
                begun.kill()
                begun.communicate(timeout=PATIENCE_S)
        for each in made.mounted:
            # Lazily: processes of a broker that was killed may not have ended yet.
            subprocess.run(["umount", "--lazy", each], check=True)
        shutil.rmtree(folder)


def _reaches(made: Users) -> bool:
    """Whether another user can run the program where it is."""
    try:
        return made.run("--version", uid=THIRD).returncode == 0
    except PermissionError:
        return False


def _mount(made: Users) -> None:
    """Show the program in the folder, as it lies in folders that only root reaches."""
    program, base = Path(sys.executable).resolve(), Path(sys.base_prefix).resolve()
    elsewhere = [Path(each) for each in dict.fromkeys(sys.path) if Path(each).is_dir()]
    elsewhere = [each for each in elsewhere if not each.resolve().is_relative_to(base)]
    _show(made, base, python := made.folder / "python")
    _show(made, REPOSITORY, repository := made.folder / "repository")
    found = [str(repository)]
    for number, path in enumerate(elsewhere):
        _show(made, path, packages := made.folder / f"packages-{number}")
        found.append(str(packages))
    if program.is_relative_to(base):
        made.python = str(python / program.relative_to(base))
    made.repository = repository
    made.environment = {
        "PYTHONPATH": os.pathsep.join(found),
        "LD_LIBRARY_PATH": str(python / "lib"),
    }
    if not _reaches(made):
        cannot_run(f"other users cannot run {sys.executable}")


def _show(made: Users, path: Path, point: Path) -> None:
    point.mkdir(mode=0o755)
    command = ["mount", "-o", "bind,ro", path, point]
    if subprocess.run(command, capture_output=True).returncode:
        cannot_run("other users cannot reach the program, and no right to mount it elsewhere")
    made.mounted.append(point)
