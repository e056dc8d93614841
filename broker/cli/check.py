"""`broker check`: a deep check of printers, or of the broker itself, fit for load balancers; what
it finds is collected first, then said in sentences or as a document.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, configured
from broker.cli.options import ae_title as titled
from broker.model.peers.hosts import at_port, called_here, plain_host
from broker.model.printers.health import Check, CheckKind
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.operations import documents
from broker.operations.words.failures import FAILED
from broker.operations.words.text import age, count, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from ssl import SSLContext

    from broker.config.schema import Config
    from broker.operations.condition.readiness import Readiness

OVER_TLS = "broker (TLS)"
"""The listener for TLS. No printer can have this name."""
ANY_AE = "ANY-SCP"
"""What a peer is called when the command names no AE title: many do not look."""


def check(
    ctx: typer.Context,
    host: Annotated[
        str | None,
        typer.Argument(
            metavar="HOST",
            help="Host or address to check, with PORT; or a configured printer's name.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Argument(metavar="PORT", min=1, max=65535, help="Its port.")
    ] = None,
    ae_title: Annotated[
        str,
        typer.Option(
            "--ae-title", help="Our AE title; else the broker's.", metavar="AE", callback=titled
        ),
    ] = "",
    called_ae: Annotated[
        str,
        typer.Option(
            "--called-ae",
            help="The AE title to call; else as configured.",
            metavar="AE",
            callback=titled,
        ),
    ] = "",
    tls: Annotated[
        bool, typer.Option("--tls", help="Speak TLS with HOST and PORT; printers as configured.")
    ] = False,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check printers, or the broker, by C-ECHO and N-GET.

    Exit 0 when all are healthy, else 1.

    Without HOST and PORT: every configured printer, the broker itself, and, where it runs on
    this machine, whether films can be taken: what a film needs is tried. A printer that is
    busy, or low on something, is healthy; one that needs a person before it prints is not.

    What the broker has seen of a printer while printing is said, too, and marked with BUT; it
    does not change the exit code, which is this check's alone.

    Example: broker check 192.168.85.200 11112 --called-ae OKI1
    """
    from broker.cli.check import CheckedPeer, document, sentences
    from broker.cli.output.tables import as_json, folded, show, terminal
    from broker.config.file import load

    settings = load(file := configured(ctx, config, opens_data=False))
    peers = _all_peers(settings) if host is None else [_peer(settings, host, port, called_ae)]
    rows = {} if port is not None else _rows(settings, ctx.command_path, file)
    contexts = _tls_contexts(settings, peers, tls=tls and port is not None)
    plain = [each.name for each in peers if each.name not in contexts]
    if tls and port is None and plain:
        typer.echo(
            f"--tls is for HOST and PORT; without TLS, as configured: {', '.join(plain)}", err=True
        )
    checks = _checks(settings, peers, contexts, ae_title or settings.broker.ae_title)
    checked = [
        CheckedPeer(peer, found, peer.name in contexts, rows.get(peer))
        for peer, found in zip(peers, checks, strict=True)
    ]
    films = _films(settings) if host is None else None
    if as_document:
        typer.echo(as_json(document(checked, settings, films)))
    else:
        if not peers:
            none = "No printers are configured and no broker answers: nothing to check."
            typer.echo(none if films is None else "No printers are configured.", err=True)
        console = terminal()
        for sentence, indent in sentences(checked, settings, films):
            show(folded(sentence, console.width, indent), console)
    if not peers or not all(each.healthy for each in checked) or (films and not films.ready):
        raise typer.Exit(FAILED)


def _checks(
    config: Config, peers: Sequence[Address], contexts: Mapping[str, SSLContext], calling_ae: str
) -> list[Check]:
    """One check of each peer, all at the same time."""
    from concurrent.futures import ThreadPoolExecutor

    from broker.service.process_start import left_out

    with left_out("numpy", "PIL"):
        from broker.dicom.scu.probe import probe

    def ask(address: Address) -> Check:
        return probe(
            address,
            calling_ae=calling_ae,
            timeout_s=config.health.timeout_s,
            tls=contexts.get(address.name),
        )

    with ThreadPoolExecutor(max(1, len(peers))) as pool:
        return list(pool.map(ask, peers))


def _films(config: Config) -> Readiness | None:
    """Whether films can be taken by the broker that runs here; None where none does, and where its
    database cannot be opened, which is said on stderr."""
    from broker.operations.condition.readiness import look
    from broker.operations.opened import Store, database
    from broker.operations.words.failures import explained
    from broker.store import schema
    from broker.store.occupancy import Occupancy

    if not (config.database_file.exists() and Occupancy.taken(config.data_dir)):
        return None
    try:
        with database(config) as opened:
            schema.check(opened)
            return look(Store(config, opened))
    except Exception as error:
        _, lines = explained(error) or (0, [])
        if not lines:
            raise
        typer.echo(f"whether films can be taken is not known: {'; '.join(lines)}", err=True)
        return None


def _tls_contexts(
    config: Config, peers: Sequence[Address], *, tls: bool
) -> Mapping[str, SSLContext]:
    """By the peers' names, for those with which TLS is used; `tls` when the command says so.

    Raises: ConfigError: when a certificate or key cannot be used.
    """
    from broker.config import certificates

    names = {each.name for each in config.printers if each.tls}
    found = {}
    for peer in peers:
        if peer.name == OVER_TLS:
            found[peer.name] = certificates.calling_itself(config)
        elif tls or peer.name in names:
            found[peer.name] = certificates.calling(config)
    return found


def _rows(config: Config, command: str, file: Path | None) -> dict[Address, Printer]:
    """What the broker's rows say of the printers that are configured; nothing is made or changed.

    A row of another address is of another printer. Rows that cannot be read, or that are another
    user's, are said on stderr.
    """
    from broker.cli.owner import refusal
    from broker.config.file import locate
    from broker.operations.condition.whole import standing_printers
    from broker.operations.opened import Store, database
    from broker.operations.words.failures import explained
    from broker.store import schema

    if refused := refusal(config, command, locate(file)):
        typer.echo(f"what the broker has seen is not known: {refused}", err=True)
        return {}
    if not config.database_file.exists():
        return {}
    try:
        with database(config) as opened:
            schema.check(opened)
            rows = standing_printers(Store(config, opened))
    except Exception as error:
        _, lines = explained(error) or (0, [])
        if not lines:
            raise
        typer.echo(f"what the broker has seen is not known: {'; '.join(lines)}", err=True)
        return {}
    configured = set(config.addresses())
    return {row.address: row for row in rows if row.address in configured}


def _all_peers(config: Config) -> list[Address]:
    """Every printer, and the broker."""
    return [each for each in (*config.addresses(), *_itself(config)) if each.port]


def _peer(config: Config, host: str, port: int | None, called_ae: str) -> Address:
    """The one to check, with the AE title that the configuration has for it."""
    known, host = config.addresses(), plain_host(host)
    if port is None:
        for address in known:
            if address.name == host:
                return _called(address, called_ae)
        names = ", ".join(address.name for address in known) or "none"
        raise typer.BadParameter(
            f"{host} is not a configured printer ({names}); to check a host, give its port too"
        )
    for address in (*known, *_itself(config)):
        if (address.host, address.port) == (host, port):
            return _called(address, called_ae)
    return Address(at_port(host, port), called_ae or ANY_AE, host, port)


def _called(address: Address, called_ae: str) -> Address:
    from dataclasses import replace

    return replace(address, ae_title=called_ae) if called_ae else address


def _itself(config: Config) -> list[Address]:
    """The broker's listeners, where this machine reaches them."""
    host = called_here(config.broker.host)
    ports = {} if config.tls.only else {"broker": config.broker.port}
    if config.tls.certificate:
        ports[OVER_TLS] = config.tls.port
    return [Address(name, config.broker.ae_title, host, port) for name, port in ports.items()]


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
    def told(self) -> str:
        """What it said, without its name."""
        return self.check.words.removeprefix(f"{self.address.name}: ")

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
        seen = _seen(each, now)
        yield from ((words, BELOW) for words in (*seen, *_remedies(each, config, now, seen=seen)))
    if films is not None:
        yield from _films_sentences(config, films)


def _finding(checked: CheckedPeer, config: Config) -> str:
    address, check = checked.address, checked.check
    name = "" if address.name == at_port(address.host, address.port) else f"{address.name} "
    words = checked.told
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


def _remedies(
    checked: CheckedPeer, config: Config, now: float, *, seen: Sequence[str]
) -> list[str]:
    """What to do about what this check found, and about what the broker has seen."""
    from broker.model.reasons.causes import of_printer, of_printer_words, printers_remedy
    from broker.model.reasons.remedies import Cause, Face

    name, row = checked.address.name, checked.row
    if checked.address in _itself(config):
        # What it says of itself is told with the films, below.
        says = checked.told.startswith(("FAILURE", "WARNING"))
        own = Cause.NOT_RUNNING if "refused the connection" in checked.told else Cause.RELAY
        causes = [] if checked.healthy or says else [own]
    else:
        causes = [] if checked.healthy else [of_printer_words(checked.told)]
        causes += of_printer(row, now) if row is not None and seen else ()
    return [
        printers_remedy(cause, name, name).at(Face.COMMANDS)
        for cause in dict.fromkeys(causes)
        if cause is not Cause.KNOWN_REFUSAL
    ]


def _seen(checked: CheckedPeer, now: float) -> list[str]:
    """What the broker's rows say of a printer, where it is not what this check says."""
    if (printer := checked.row) is None:
        return []
    found, healthy, told = [], checked.healthy, checked.told
    but = "BUT " if healthy else ""
    if printer.refusing:
        found.append(f"{but}it {printer.refusing}")
    if printer.health in (Health.DEGRADED, Health.DOWN):
        since = f"{moment(printer.health_since)} UTC ({age(now - printer.health_since)})"
        failed = count(printer.failures_in_row, "failed attempt")
        after = f", after {failed} in a row" if printer.failures_in_row else ""
        why = f": {printer.said}" if printer.reason and printer.said != told else ""
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
    """Whether films can be taken, and each thing that is in the way, with what to do about it."""
    from broker.model.reasons.causes import advised
    from broker.operations.condition.whole import CAUSES

    verdict = "can be taken" if films.ready else "can NOT be taken"
    yield f"films {verdict} at {config.data_dir}", 0
    places = {"folder": config.fuller, "file": config.database_file}
    for each in films.obstacles:
        yield f"{each.words}.", BELOW
        yield advised(CAUSES[each.kind], **places).commands, BELOW
    yield from ((remark, BELOW) for remark in films.remarks)
