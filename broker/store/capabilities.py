"""What printers were seen to accept or refuse, as rows. What stands here is believed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from broker.model.films.capabilities import Capability, Combination, Lesson, PrintObject, Trait
from broker.store.backend import Prepared, Row, fixed
from broker.store.database import Database
from broker.store.reading.job_rows import UNREADABLE, combination_from_json, combination_to_json
from broker.store.tables import capabilities, printers

MOST = 500
"""Of one printer and kind: a modality may send another value with each film."""

_SHOWN = select(
    capabilities.c.printer,
    capabilities.c.lesson,
    capabilities.c.level,
    capabilities.c.keyword,
    capabilities.c.value,
    capabilities.c.among,
    capabilities.c.answer,
    capabilities.c.learned_at,
)
_OF_PRINTER = Prepared(_SHOWN.where(capabilities.c.printer == bindparam("its_name")))
_REFUSALS = Prepared(_SHOWN.where(capabilities.c.lesson == fixed([Lesson.REFUSES])[0]))
_ADD = Prepared(insert(capabilities), *(each.name for each in capabilities.c))
_KEY = ("printer", "lesson", "level", "keyword", "value", "among")


class Capabilities:
    """Every question about capabilities, and every change to them. For any thread, in any
    process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self.version = 0
        """Another number after each change through this object; any thread may ask."""

    def of(self, printer: str) -> tuple[Capability, ...]:
        """All of a printer, in the order in which they were learned."""
        with self._database.read() as connection:
            rows = _OF_PRINTER.rows(connection, its_name=printer)
        return tuple(sorted(_read(rows), key=lambda each: each.learned_at))

    def refusals(self) -> dict[str, tuple[Capability, ...]]:
        """What each printer of the configuration refuses, by name; empty where none is known to
        refuse anything."""
        with self._database.read() as connection:
            if not (found := refusals(connection)):
                return {}
            names = connection.execute(
                select(printers.c.name).where(printers.c.removed_at.is_(None))
            ).scalars()
            return {name: found.get(name, ()) for name in names}

    def learn(self, printer: str, capability: Capability) -> bool:
        """Believe it of a printer from now on; whether it is new, or has another answer. For a
        printer that was taken out of the configuration for good, nothing is written."""
        trait = capability.trait
        row: dict[str, Any] = {
            "printer": printer,
            "lesson": capability.lesson,
            "level": trait.level,
            "keyword": trait.keyword,
            "value": trait.value,
            "among": combination_to_json(capability.among),
        }
        with self._database.write() as connection:
            if not connection.execute(
                select(printers.c.name).where(printers.c.name == printer)
            ).scalar():
                return False
            same = [capabilities.c[name] == row[name] for name in _KEY]
            before = connection.execute(select(capabilities.c.answer).where(*same)).scalar()
            connection.execute(delete(capabilities).where(*same))
            _ADD.change(connection, **row, answer=capability.answer, learned_at=self._clock())
            _bound(connection, printer, capability.lesson)
        self.version += 1
        return before != capability.answer

    def forget(self, printer: str, asked: Combination) -> bool:
        """Forget that a printer refuses this; whether it was known."""
        with self._database.write() as connection:
            known = ask_anew(connection, [asked], printer)
        self.version += 1
        return bool(known)

    def expire(self, before: float) -> int:
        """Forget what was learned before that time; how much that was."""
        old = capabilities.c.learned_at < before
        with self._database.read() as connection:
            if not connection.execute(select(func.count()).where(old)).scalar():
                return 0
        with self._database.write() as connection:
            expired = int(connection.execute(delete(capabilities).where(old)).rowcount)
        self.version += 1
        return expired


def refusals(connection: Connection) -> dict[str, tuple[Capability, ...]]:
    """What printers are known to refuse, by name."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _REFUSALS.rows(connection):
        found[row[0]].append(row)
    return {name: tuple(_read(rows)) for name, rows in found.items()}


def forget(
    connection: Connection, printer: str, lessons: Collection[Lesson] = frozenset(Lesson)
) -> int:
    """Forget these lessons about a printer; how many that were."""
    which = capabilities.c.printer == printer, capabilities.c.lesson.in_(list(lessons))
    return int(connection.execute(delete(capabilities).where(*which)).rowcount)


def ask_anew(connection: Connection, asked: Iterable[Combination], printer: str = "") -> int:
    """Forget that printers refuse these: of one printer, or of all; how much that was."""
    among = list(map(combination_to_json, asked))
    which = [capabilities.c.lesson == Lesson.REFUSES, capabilities.c.among.in_(among)]
    if printer:
        which.append(capabilities.c.printer == printer)
    return int(connection.execute(delete(capabilities).where(*which)).rowcount)


def _bound(connection: Connection, printer: str, lesson: Lesson) -> None:
    """Forget the oldest of too many of one kind."""
    own = (capabilities.c.printer == printer) & (capabilities.c.lesson == lesson)
    number = connection.execute(select(func.count()).where(own)).scalar_one()
    if number > MOST:
        times = select(capabilities.c.learned_at).where(own).order_by(capabilities.c.learned_at)
        latest = connection.execute(times.offset(number - MOST)).scalars().first()
        connection.execute(delete(capabilities).where(own, capabilities.c.learned_at < latest))


def _read(rows: Iterable[Row]) -> Iterator[Capability]:
    """One that is damaged is passed over: it is learned again."""
    for _, lesson, level, keyword, value, among, answer, learned_at in rows:
        try:
            trait = Trait(PrintObject(level), keyword, value)
            combination = combination_from_json(among)
            yield Capability(Lesson(lesson), trait, combination, answer, learned_at)
        except UNREADABLE:
            continue
