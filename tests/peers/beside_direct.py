"""The same film asked of a dcmprscp directly, and of its twin through a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from broker.model.jobs.job import State
from broker.model.printers.printer import Address
from tests.peers.asking import Told, ask
from tests.peers.film_kinds import Kind
from tests.peers.heard import Heard, heard
from tests.peers.printer_profiles import AE_TITLE, DUMP, Keys, print_scp
from tests.peers.stored_print import StoredPrint, stored_prints
from tests.relay.conftest import Relay

CLAIMED = {"NumberOfCopies": "[1]", "PrintPriority": "[MED]"}
"""What the broker's answer to N-CREATE of the film session says where the modality says nothing,
and what the printer is therefore asked for."""
LONGEST = 160
"""Characters of a line that is told: one may be a table."""
ENDED = (State.SENT, State.HELD, State.CANCELLED)


Pairs = tuple[tuple[str, str], ...]
"""Keywords and values, as DCMTK writes them."""


class Verdict(StrEnum):
    """What one kind of film came to."""

    EQUAL = "equal"
    """Printed both ways, and the printer kept the same."""
    ADAPTED = "adapted"
    """Refused directly; the broker printed it, and said what the printer was not asked for."""
    REFUSED = "refused"
    """Refused directly, and at the console."""
    HELD = "held"
    """Refused directly; the console was told success, and the film is held."""
    DIFFERENT = "different"
    """Printed directly, and not through the broker, or otherwise; or printed by the broker without
    what was asked for, and nothing says so."""


@dataclass(frozen=True)
class Printed:
    """A film that a dcmprscp took."""

    session: Pairs
    """What was asked of its film session, in the printer's words."""
    film: Pairs
    """What was asked of its film box and image boxes."""
    stored: StoredPrint

    def differences(self, other: Printed) -> list[str]:
        """What is otherwise there, a line each."""
        found = []
        if self.session != other.session:
            found.append(f"film session: {sorted(set(self.session) ^ set(other.session))}")
        for each in fields(StoredPrint):
            mine, theirs = getattr(self.stored, each.name), getattr(other.stored, each.name)
            if mine != theirs:
                found.append(f"{each.name}: {_changes(mine, theirs)}")
        return found


@dataclass(frozen=True)
class Beside:
    """What became of one kind, both ways, with the same pixels."""

    direct: Told
    console: Told
    """Of the broker."""
    straight: list[Printed]
    behind: list[Printed]
    states: list[State]
    """Of the broker's jobs."""
    said: list[str]
    """Why they are held, and what is said beside films that are printed."""
    unsaid: list[str]
    """What was asked for, and the printer was not asked for, and nothing says so."""

    @property
    def verdict(self) -> Verdict:
        """See Verdict."""
        sent = self.console.printed and all(each is State.SENT for each in self.states)
        if self.direct.printed:
            return Verdict.EQUAL if sent and not self.differences else Verdict.DIFFERENT
        if not self.console.printed:
            return Verdict.REFUSED
        if not sent:
            return Verdict.HELD
        return Verdict.DIFFERENT if self.unsaid else Verdict.ADAPTED

    @property
    def differences(self) -> list[str]:
        """Between what the two printers kept."""
        if len(self.straight) != len(self.behind):
            return [f"{len(self.behind)} films instead of {len(self.straight)}"]
        return [
            line
            for one, other in zip(self.straight, self.behind, strict=True)
            for line in one.differences(other)
        ]

    @property
    def words(self) -> str:
        """What came of it through the broker, for a person."""
        if not self.console.printed:
            return f"refused at the console: {self.console}"
        told = [*self.said, *(self.differences if self.direct.printed else ())]
        told += [f"not asked for in silence: {', '.join(self.unsaid)}"] if self.unsaid else []
        return f"{', '.join(map(str, self.states))}: {'; '.join(told) or 'nothing said'}"


@dataclass
class _Tray:
    """What a dcmprscp has printed since it was looked at last."""

    folder: Path
    read: int = 0
    """Bytes of its dump."""

    def take(self) -> list[Printed]:
        """The films, which are removed: what is looked at again costs time."""
        with (self.folder / DUMP).open("rb") as dump:
            dump.seek(self.read)
            said = dump.read()
        self.read += len(said)
        stored = stored_prints(self.folder)
        for path in (self.folder / "database").glob("*.dcm"):
            path.unlink()
        requests = _requests(heard(said.decode("latin-1")))
        requests += requests[-1:] * (len(stored) - len(requests))  # one N-ACTION for several
        return [Printed(*asked, film) for asked, film in zip(requests, stored, strict=False)]


def _requests(messages: list[Heard]) -> list[tuple[Pairs, Pairs]]:
    """What was asked of film session and film, for each N-ACTION."""
    found: list[tuple[Pairs, Pairs]] = []
    session: dict[str, str] = {}
    film: list[tuple[str, str]] = []
    for message in messages:
        match message.kind, message.sop_class:
            case "N-CREATE RQ", "BasicFilmSessionSOPClass":
                session = CLAIMED | dict(message.attributes)
            case "N-SET RQ", "BasicFilmSessionSOPClass":
                session |= dict(message.attributes)
            case "N-CREATE RQ", "BasicFilmBoxSOPClass":
                film = [*message.attributes]
            case "N-SET RQ", "BasicGrayscaleImageBoxSOPClass":
                film += message.attributes
            case "N-ACTION RQ", _:
                found.append((tuple(sorted(session.items())), tuple(film)))
    return found


@dataclass
class Twins:
    """A dcmprscp to print on directly, and its twin behind a broker."""

    straight_port: int
    relay: Relay
    _straight: _Tray
    _behind: _Tray
    _seed: int = field(default=0)

    def print(self, kind: Kind) -> Beside:
        """Print a film of that kind both ways, with pixels that no film had before."""
        self._seed += 1000
        return self.compare(
            lambda: ask(self.straight_port, AE_TITLE, kind, self._seed),
            lambda: ask(self.relay.service.port, "BROKER", kind, self._seed),
            lambda printed: _lacking(kind, printed),
        )

    def forget(self) -> None:
        """What was printed so far is no film of the next comparison."""
        self._straight.take()
        self._behind.take()

    def compare(
        self,
        straight: Callable[[], Told],
        through: Callable[[], Told],
        lacking: Callable[[list[Printed]], list[str]] = lambda _: [],
    ) -> Beside:
        """What becomes of what the two ask for. `lacking` says what the printer was not asked for
        of what it printed."""
        direct = straight()
        before = {job.id for job in self.relay.jobs()}
        console = through()
        new = [job.id for job in self.relay.jobs() if job.id not in before]
        queries = self.relay.service.jobs.queries
        with suppress(AssertionError):  # a job without an end is told by its state
            self.relay.wait_for(lambda: all(queries.get(each).state in ENDED for each in new))
        jobs = [queries.get(each) for each in new]
        said = [job.reason for job in jobs if job.state is not State.SENT]
        said += [film.words for job in jobs for film in queries.films(job.id) if film.words]
        behind = self._behind.take()
        return Beside(
            direct=direct,
            console=console,
            straight=self._straight.take(),
            behind=behind,
            states=[job.state for job in jobs],
            said=list(dict.fromkeys(said)),
            unsaid=[each for each in lacking(behind) if each not in "; ".join(said)],
        )


def _lacking(kind: Kind, printed: list[Printed]) -> list[str]:
    """What of the kind the printer was not asked for, in the broker's words. The place of a
    Presentation LUT is no part of the film."""
    found: list[str] = []
    for film in printed:
        asked = {(key, value.strip("[]")) for key, value in (*film.session, *film.film)}
        wanted = {**kind.session, **kind.box, **kind.image}
        found += [key for key, value in wanted.items() if (key, str(value)) not in asked]
        found += ["other elements"] if kind.private else []
    complete = len(printed) == kind.films
    if complete and kind.look and not any(film.stored.luts for film in printed):
        found.append("Presentation LUT")
    return list(dict.fromkeys(found))


@contextmanager
def twins(folder: Path, keys: Keys, more: str = "") -> Iterator[Twins]:
    """Two dcmprscp that take what the keys say, and a broker before the second; `more` is
    configuration."""
    straight, behind = folder / "straight", folder / "behind"
    with print_scp(straight, keys) as first, print_scp(behind, keys) as second:
        address = Address("oki-1", AE_TITLE, "127.0.0.1", second)
        relay = Relay(folder / "broker", [address], more=more)
        try:
            relay.wait_until_up()
            yield Twins(first, relay, _Tray(straight), _Tray(behind))
            if relay.broken:
                raise AssertionError(f"the broker noted {relay.broken}")
        finally:
            relay.close()


def _changes(mine: object, theirs: object) -> str:
    """Lines of the one that are not in the other, and the reverse, cut short."""
    one, other = (str(each).replace("\\n", "\n").splitlines() for each in (mine, theirs))
    gone, come = (
        [line for line in some if line not in rest] for some, rest in ((one, other), (other, one))
    )
    return f"{_short(gone)} became {_short(come)}"


def _short(lines: list[str]) -> str:
    return ", ".join(line[:LONGEST] for line in lines) or "nothing"
