"""A real broker that kills itself with SIGKILL at a named step.

    python -m tests.peers.doomed_broker STEP [NTH] -- serve --config FILE

Everything is the broker's own code, but for one function that is wrapped: before or after its NTH
call that counts, the process names the step in the file that DOOMED_WITNESS names, and dies. A
function that is no longer there makes the driver fail before the broker starts.

Without arguments it is a nursery: see Nursery.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.dicom.uids import FILM_BOX, FILM_SESSION
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request
from tests.peers.broker_process import BrokerProcess

WITNESS = "DOOMED_WITNESS"
"""Names the file in which the dying process says where it died."""

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40
"""A child that has not come to its step by then ends of itself."""

Counts = Callable[..., bool]
"""Whether a call with these arguments is one to count."""


def always(*_arguments: object, **_named: object) -> bool:
    """Every call counts."""
    return True


@dataclass(frozen=True)
class Step:
    """A place in the code, and what is done by the time it is reached."""

    name: str
    moment: str
    """before or after the call."""
    place: str
    """`module:name` or `module:Class.method`."""
    counts: Counts = always


def _is_folder(path: Path) -> bool:
    return len(path.name) == 2


def _of_action(*arguments: object) -> bool:
    return any(isinstance(each, Request) and each.field == Command.N_ACTION for each in arguments)


def _for_action(_requestor: object, field: int, *_arguments: object) -> bool:
    return field == Command.N_ACTION


def _of(wanted: str) -> Counts:
    def counts(_scu: object, sop_class: str, *_arguments: object) -> bool:
        return sop_class == wanted

    return counts


def _listed(*steps: Step) -> dict[str, Step]:
    return {step.name: step for step in steps}


_SPOOL = "broker.spool.files"
_UPLOADING = "broker.spool.upload"
_UPLOAD = f"{_UPLOADING}:PixelUpload"
_CLAIMS = "broker.store.queue.claims:Claims"
_SCU = "broker.dicom.scu.print_scu:PrintScu"
_POOL = "broker.relay.open_sessions:OpenSessions"
_SESSION = "broker.dicom.scu.print_session:PrintSession"

FRONT_DOOR = _listed(
    Step("pixels-arrived", "before", f"{_UPLOAD}.__init__"),
    Step("file-made", "after", f"{_UPLOAD}.__init__"),
    Step("pixels-begun", "after", f"{_UPLOAD}._write"),
    Step("pixels-written", "before", f"{_UPLOADING}:_sync"),
    Step("pixels-fsynced", "after", f"{_UPLOADING}:_sync"),
    Step("pixels-received", "after", f"{_UPLOAD}.finish"),
    Step("print-requested", "before", "broker.relay.intake:Intake.accept"),
    Step("renamed", "after", "os:link"),
    Step("directory-fsynced", "after", f"{_SPOOL}:sync_folder", _is_folder),
    Step("kept", "after", f"{_SPOOL}:Spool.keep"),
    Step("rows-written", "after", "broker.store.queue.submission:insert_job"),
    Step("rows-committed", "after", "broker.store.queue.submission:Submission.admit"),
    Step("accepted", "after", "broker.relay.intake:Intake.accept"),
    Step(
        "success-sent",
        "after",
        "broker.dicom.upper_layer.association:AcceptedAssociation._respond",
        _of_action,
    ),
    Step("incoming-dropped", "after", f"{_SPOOL}:Spool.drop"),
)
"""From the first pixel that comes to the modality's release, in their order."""

BACK_DOOR = _listed(
    Step("job-chosen", "before", f"{_CLAIMS}.claim"),
    Step("claimed", "after", f"{_CLAIMS}.claim"),
    Step("associated", "before", f"{_SESSION}.begin"),
    Step("film-session-created", "after", f"{_SESSION}.begin"),
    Step("film-box-created", "after", f"{_SCU}.create", _of(FILM_BOX)),
    Step("image-set", "after", f"{_SCU}.set"),
    Step("asked", "after", f"{_CLAIMS}.asked"),
    Step(
        "n-action-left",
        "before",
        "broker.dicom.upper_layer.requestor:Requestor._answer",
        _for_action,
    ),
    Step("answered", "after", f"{_SCU}.action"),
    Step("settled", "after", f"{_CLAIMS}.accepted"),
    Step("film-box-deleted", "after", f"{_SCU}.delete", _of(FILM_BOX)),
    Step("lingers", "after", f"{_POOL}.take_back"),
    Step("finished", "after", f"{_CLAIMS}.finish"),
    Step("film-session-deleted", "after", f"{_SCU}.delete", _of(FILM_SESSION)),
    Step("released", "after", f"{_SESSION}.end"),
)
"""From the choice of a printer to the end of its association, in their order."""

START = _listed(
    Step("occupied", "after", "broker.store.occupancy:Occupancy.take"),
    Step("incoming-cleared", "after", f"{_SPOOL}:Spool.clear_incoming"),
    Step("recovering", "before", "broker.store.queue.recovery:Recovery.recover"),
    Step("claim-ended", "after", "broker.store.queue.recovery:end"),
    Step("recovered", "after", "broker.store.queue.recovery:Recovery.recover"),
    Step("swept", "after", f"{_SPOOL}:Spool.sweep"),
)
"""From the start of a broker on the data of one that was killed, in their order."""

STEPS = {**FRONT_DOOR, **BACK_DOOR, **START}


def arm(step: Step, nth: int, die: Callable[[], None]) -> None:
    """Wrap the step's function so that its `nth` call that counts ends in `die`.

    AttributeError or ImportError when there is no such function any more.
    """
    owner, name, function, kind = _found(step.place)
    calls = itertools.count(1)

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        doomed = step.counts(*arguments, **named) and next(calls) == nth
        if doomed and step.moment == "before":
            die()
        result = function(*arguments, **named)
        if doomed:
            die()
        return result

    setattr(owner, name, kind(wrapped))


def _found(place: str) -> tuple[Any, str, Callable[..., Any], Callable[..., Any]]:
    """The owner of a function, its name there, itself, and what it is wrapped in."""
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    raw = vars(owner).get(name)
    if isinstance(raw, classmethod):
        return owner, name, raw.__func__, classmethod
    if not inspect.isroutine(raw):
        raise AttributeError(f"{place} is no function any more")
    return owner, name, raw, lambda function: function


def _die(step: Step, nth: int) -> None:
    """Name the step where a power cut would not erase it; then no `finally` runs any more."""
    descriptor = os.open(os.environ[WITNESS], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{step.name} {nth}\n".encode())
    os.fsync(descriptor)
    os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Arm the step, then be the broker."""
    named, handed = arguments, ["--"]
    if "--" in arguments:
        cut = arguments.index("--")
        named, handed = arguments[:cut], arguments[cut:]
    if not 1 <= len(named) <= 2 or named[0] not in STEPS or WITNESS not in os.environ:
        raise SystemExit(
            f"usage: {WITNESS}=FILE python -m tests.peers.doomed_broker STEP [NTH] -- serve ...\n"
            f"steps: {', '.join(STEPS)}"
        )
    step, nth = STEPS[named[0]], int(named[1]) if len(named) == 2 else 1
    arm(step, nth, lambda: _die(step, nth))
    sys.argv = ["broker", *handed[1:]]
    from broker.cli.main import main as broker

    broker()


class Nursery(BrokerProcess):
    """Gives birth to doomed brokers, one after the other, with everything imported beforehand.

    Use it as a context: whatever it has born ends with it.
    """

    def __init__(self) -> None:
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.doomed_broker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __exit__(self, *_: object) -> None:
        """Kill it with its child."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def bear(self, config: Path, step: str, nth: int) -> None:
        """Begin the life of a broker that dies at a step; the one before has died."""
        self.lines.clear()
        self.witness = config.parent / f"witness-{step}"
        order = [
            str(self.witness),
            step,
            str(nth),
            "--",
            "serve",
            "--no-web",
            "--config",
            str(config),
        ]
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def wait_for_port(self) -> int:
        """What its child listens on."""
        return int(self.wait_for("broker listens")["port"])

    def wait_for_death(self) -> str:
        """Where its child died, in its own words; AssertionError when it ended otherwise."""
        code = self.wait_for("broker ended")["code"]
        assert code == -signal.SIGKILL, self.lines
        return self.witness.read_text().strip()


def bear_children() -> None:
    """What a nursery does: a child for each line that it reads, and a line when it has ended."""
    for module in (
        "broker.cli.main",
        "broker.service.logs",
        "broker.config.file",
        "broker.service.service",
    ):
        importlib.import_module(module)
    for line in sys.stdin:
        witness, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ[WITNESS] = witness
            signal.alarm(PATIENCE_S)
            main(arguments)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(2, json.dumps({"event": "broker ended", "code": code}).encode() + b"\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1:])
    else:
        bear_children()
