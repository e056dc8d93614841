"""What `broker check` found, as sentences and as a document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.cli.check import OVER_TLS
from broker.model.health import Check, CheckKind
from broker.model.hosts import at_port
from broker.model.printer import Address, Duty, Health, Printer
from broker.operations import documents
from broker.operations.text import age, count, moment

if TYPE_CHECKING:
    from broker.config.schema import Config
    from broker.operations.readiness import Readiness

HEALTHY = {CheckKind.NORMAL, CheckKind.WARNING, CheckKind.BUSY}
BELOW = 8
"""Columns by which a sentence is indented that belongs to the one above."""

Sentence = tuple[str, int]
"""And its indentation."""


@dataclass(frozen=True)
class CheckedPeer:
    """A printer or a listener of the broker, and what was found."""

    address: Address
    check: Check
    tls: bool
    row: Printer | None
    """What the broker's rows say of it, where it is a printer that they know."""

    @property
    def healthy(self) -> bool:
        """Whether it prints, or will as soon as it is no longer busy."""
        return self.check.kind in HEALTHY

    @property
    def place(self) -> str:
        """AE title, host and port in one word."""
        return f"{self.address.ae_title}@{at_port(self.address.host, self.address.port)}"


def document(
    checked: Sequence[CheckedPeer], config: Config, films: Readiness | None
) -> list[documents.Document]:
    """One row for each peer, then one for the films."""
    rows = [
        documents.of_check(each.address.name, each.place, each.check, healthy=each.healthy)
        | {"tls": each.tls}
        | documents.of_observed(each.row)
        for each in checked
    ]
    return rows if films is None else [*rows, _films_row(config, films)]


def sentences(
    checked: Sequence[CheckedPeer], config: Config, films: Readiness | None
) -> Iterator[Sentence]:
    """One for each peer, and below it what the broker has seen of it; then the films."""
    now = time.time()
    for each in checked:
        yield _finding(each, config), 0
        if each.row is not None:
            yield from ((words, BELOW) for words in _seen(each.row, now, healthy=each.healthy))
    if films is not None:
        yield from _films_sentences(config, films)


def _finding(checked: CheckedPeer, config: Config) -> str:
    address, check = checked.address, checked.check
    name = "" if address.name == at_port(address.host, address.port) else f"{address.name} "
    words = check.words.removeprefix(f"{address.name}: ")
    if not words.lower().startswith(check.kind):
        words = f"{check.kind}: {words}"
    verdict = "healthy" if checked.healthy else "NOT healthy"
    why = f" ({words})" if check.words else ""
    return f"{name}{checked.place}{_tls(checked, config)}: {verdict}{why}"


def _tls(checked: CheckedPeer, config: Config) -> str:
    """Whether TLS was used, and whether the configuration says so."""
    if not checked.tls or checked.address.name == OVER_TLS:
        return ""
    configured = any(each.name == checked.address.name for each in config.printers)
    return " over TLS, as configured" if configured else " over TLS"


def _seen(printer: Printer, now: float, *, healthy: bool) -> list[str]:
    """What the broker's rows say of a printer, where it is not what this check says."""
    found = []
    but = "BUT " if healthy else ""
    if printer.health in (Health.DEGRADED, Health.DOWN):
        since = f"{moment(printer.health_since)} UTC ({age(now - printer.health_since)})"
        failed = count(printer.failures_in_row, "failed attempt")
        after = f", after {failed} in a row" if printer.failures_in_row else ""
        why = f": {printer.said}" if printer.reason else ""
        found.append(f"{but}{printer.health} for the broker since {since}{after}{why}")
    elif printer.health is Health.UP and not healthy:
        found.append("still up for the broker, which believes silence after a few checks")
    if printer.duty is not Duty.READY:
        why = f": {printer.duty_reason}" if printer.duty_reason else ""
        since = age(now - printer.duty_since)
        found.append(f"{but}in {printer.duty} for {since}{why}: it gets no new jobs")
    return found


def _films_row(config: Config, films: Readiness) -> documents.Document:
    """As the rows of peers, with the data directory for an address."""
    return {
        "name": "films",
        "address": str(config.data_dir),
        "healthy": films.ready,
        "kind": "ready" if films.ready else "not ready",
        "words": "; ".join((*(each.words for each in films.obstacles), *films.remarks)),
        "tls": False,
    } | documents.of_observed(None)


def _films_sentences(config: Config, films: Readiness) -> Iterator[Sentence]:
    """Whether films can be taken, and each thing that is in the way."""
    from broker.operations.readiness import ObstacleKind

    verdict = "can be taken" if films.ready else "can NOT be taken"
    if not films.ready and all(each.kind is ObstacleKind.NO_PRINTER for each in films.obstacles):
        verdict = "are taken and NOT printed"
    yield f"films {verdict} at {config.data_dir}", 0
    yield from ((each.words, BELOW) for each in films.obstacles)
    yield from ((remark, BELOW) for remark in films.remarks)
