"""`broker check`: a deep check of printers, or of the broker itself, fit for load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, configured
from broker.cli.options import ae_title as titled
from broker.model.hosts import at_port, called_here, plain_host
from broker.model.printer import Address
from broker.operations.failures import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from ssl import SSLContext

    from broker.config.schema import Config
    from broker.model.health import Check
    from broker.model.printer import Printer
    from broker.operations.readiness import Readiness

ANY_AE = "ANY-SCP"
"""What a peer is called when nobody said how: many do not look."""
TLS_DOOR = "broker (TLS)"
"""No printer can be called so."""


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
    import time
    from concurrent.futures import ThreadPoolExecutor

    from broker.cli import tables
    from broker.config.file import load
    from broker.model.health import CheckKind
    from broker.operations import documents
    from broker.service.optional_packages import left_out

    with left_out("numpy", "PIL"):
        from broker.dicom.scu.probe import probe

    settings = load(file := configured(ctx, config, opens_data=False))
    healthy = {CheckKind.NORMAL, CheckKind.WARNING, CheckKind.BUSY}
    peers = _everybody(settings) if host is None else [_peer(settings, host, port, called_ae)]
    known = {} if port is not None else _known(settings, ctx.command_path, file)
    sealed = _sealed(settings, peers, tls=tls and port is not None)
    if tls and port is None and (plain := [each.name for each in peers if each.name not in sealed]):
        typer.echo(
            f"--tls is for HOST and PORT; without TLS, as configured: {', '.join(plain)}", err=True
        )

    def ask(address: Address) -> Check:
        return probe(
            address,
            calling_ae=ae_title or settings.broker.ae_title,
            timeout_s=settings.health.timeout_s,
            tls=sealed.get(address.name),
        )

    with ThreadPoolExecutor(max(1, len(peers))) as pool:
        checks = list(pool.map(ask, peers))
    films = _films(settings) if host is None else None
    if as_document:
        typer.echo(
            tables.as_json(
                [
                    documents.of_check(peer.name, place(peer), found, healthy=found.kind in healthy)
                    | {"tls": peer.name in sealed}
                    | documents.of_observed(known.get(peer))
                    for peer, found in zip(peers, checks, strict=True)
                ]
                + ([] if films is None else [_films_document(settings, films)])
            )
        )
    else:
        console = tables.terminal()
        if not peers:
            none = "No printers are configured and no broker answers: nothing to check."
            typer.echo(none if films is None else "No printers are configured.", err=True)
        for peer, found in zip(peers, checks, strict=True):
            name = "" if peer.name == at_port(peer.host, peer.port) else f"{peer.name} "
            verdict = "healthy" if found.kind in healthy else "NOT healthy"
            said = found.words.removeprefix(f"{peer.name}: ")
            if not said.lower().startswith(found.kind):
                said = f"{found.kind}: {said}"
            words = f" ({said})" if found.words else ""
            sentence = f"{name}{place(peer)}{_how(settings, peer, sealed)}: {verdict}{words}"
            tables.show(tables.folded(sentence, console.width), console)
            if peer in known:
                for seen in _seen(known[peer], time.time(), healthy=found.kind in healthy):
                    tables.show(tables.folded(seen, console.width, 8), console)
        for line, indent in [] if films is None else _films_lines(settings, films):
            tables.show(tables.folded(line, console.width, indent), console)
    if films is not None and not films.ready:
        raise typer.Exit(FAILED)
    if not peers or any(found.kind not in healthy for found in checks):
        raise typer.Exit(FAILED)


def _films(config: Config) -> Readiness | None:
    """Whether films can be taken by the broker that runs here; None where none does, and where its
    database cannot be opened, which is said on stderr."""
    from broker.operations import opened as desk
    from broker.operations.failures import explained
    from broker.operations.readiness import look
    from broker.store import schema
    from broker.store.occupancy import Occupancy

    if not (config.database_file.exists() and Occupancy.taken(config.data_dir)):
        return None
    try:
        with desk.database(config) as opened:
            schema.check(opened)
            return look(desk.store_over(opened, config))
    except Exception as error:
        _, lines = explained(error) or (0, [])
        if not lines:
            raise
        typer.echo(f"whether films can be taken is not known: {'; '.join(lines)}", err=True)
        return None


def _films_document(config: Config, films: Readiness) -> dict[str, object]:
    """As the other rows, with the data directory for an address."""
    from broker.operations import documents

    return {
        "name": "films",
        "address": str(config.data_dir),
        "healthy": films.ready,
        "kind": "ready" if films.ready else "not ready",
        "words": "; ".join((*(each.words for each in films.obstacles), *films.remarks)),
        "tls": False,
    } | documents.of_observed(None)


def _films_lines(config: Config, films: Readiness) -> list[tuple[str, int]]:
    """Whether films can be taken, and each thing that is in the way."""
    from broker.operations.readiness import ObstacleKind

    verdict = "can be taken" if films.ready else "can NOT be taken"
    if not films.ready and all(each.kind is ObstacleKind.NO_PRINTER for each in films.obstacles):
        verdict = "are taken and NOT printed"
    said = (*(each.words for each in films.obstacles), *films.remarks)
    return [(f"films {verdict} at {config.data_dir}", 0), *((each, 8) for each in said)]


def _sealed(config: Config, peers: list[Address], *, tls: bool) -> Mapping[str, SSLContext]:
    """With whom to speak TLS, and how; `tls` when it was said so. ConfigError."""
    from broker.config import certificates

    names = {each.name for each in config.printers if each.tls}
    found = {}
    for peer in peers:
        if peer.name == TLS_DOOR:
            found[peer.name] = certificates.calling_itself(config)
        elif tls or peer.name in names:
            found[peer.name] = certificates.calling(config)
    return found


def _how(config: Config, peer: Address, sealed: Mapping[str, SSLContext]) -> str:
    """Whether TLS was spoken, and who said so."""
    if peer.name not in sealed or peer.name == TLS_DOOR:
        return ""
    configured = any(each.name == peer.name for each in config.printers)
    return " over TLS, as configured" if configured else " over TLS"


def place(address: Address) -> str:
    """AE title, host and port in one word."""
    return f"{address.ae_title}@{at_port(address.host, address.port)}"


def _known(config: Config, command: str, file: Path | None) -> dict[Address, Printer]:
    """What the broker's rows say of the printers that are configured; nothing is made or changed.

    A row of another address is of another printer. Rows that cannot be read, or that are another
    user's, are said on stderr.
    """
    import time

    from broker.cli.owner import refusal
    from broker.config.file import locate
    from broker.operations import opened as desk
    from broker.operations.failures import explained
    from broker.store import schema
    from broker.store.printers import Printers

    if refused := refusal(config, command, locate(file)):
        typer.echo(f"what the broker has seen is not known: {refused}", err=True)
        return {}
    if not config.database_file.exists():
        return {}
    try:
        with desk.database(config) as opened:
            schema.check(opened)
            rows = Printers(opened, time.time).list()
    except Exception as error:
        _, lines = explained(error) or (0, [])
        if not lines:
            raise
        typer.echo(f"what the broker has seen is not known: {'; '.join(lines)}", err=True)
        return {}
    configured = set(config.addresses())
    return {row.address: row for row in rows if row.address in configured}


def _seen(printer: Printer, now: float, *, healthy: bool) -> list[str]:
    """What the broker's rows say of a printer, where it is not what this check says."""
    from broker.model.printer import Duty, Health
    from broker.operations.text import age, count, moment

    said = []
    but = "BUT " if healthy else ""
    if printer.health in (Health.DEGRADED, Health.DOWN):
        since = f"{moment(printer.health_since)} UTC ({age(now - printer.health_since)})"
        failed = count(printer.failures_in_row, "failed attempt")
        after = f", after {failed} in a row" if printer.failures_in_row else ""
        why = f": {printer.said}" if printer.reason else ""
        said.append(f"{but}{printer.health} for the broker since {since}{after}{why}")
    elif printer.health is Health.UP and not healthy:
        said.append("still up for the broker, which believes silence after a few checks")
    if printer.duty is not Duty.READY:
        why = f": {printer.duty_reason}" if printer.duty_reason else ""
        since = age(now - printer.duty_since)
        said.append(f"{but}in {printer.duty} for {since}{why}: it gets no new jobs")
    return said


def _everybody(config: Config) -> list[Address]:
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
    """The broker's doors, where this machine reaches them."""
    host = called_here(config.broker.host)
    doors = [] if config.tls.only else [("broker", config.broker.port)]
    if config.tls.certificate:
        doors.append((TLS_DOOR, config.tls.port))
    return [Address(name, config.broker.ae_title, host, port) for name, port in doors]
