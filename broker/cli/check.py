"""`broker check`: a deep check of printers, or of the broker itself, fit for load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.failures import FAILED
from broker.cli.options import ConfigOption, JsonOption, configured
from broker.model.printer import Address

if TYPE_CHECKING:
    from broker.config import Config
    from broker.model.health import Check

ANY_AE = "ANY-SCP"
"""What a peer is called when nobody said how: many do not look."""


def check(
    ctx: typer.Context,
    host: Annotated[
        str | None,
        typer.Argument(metavar="HOST", help="Whom to check; or a configured printer's name."),
    ] = None,
    port: Annotated[
        int | None, typer.Argument(metavar="PORT", min=1, max=65535, help="Its port.")
    ] = None,
    ae_title: Annotated[
        str, typer.Option("--ae-title", help="Our AE title; else the broker's.", metavar="AE")
    ] = "",
    called_ae: Annotated[
        str,
        typer.Option("--called-ae", help="The AE title to call; else as configured.", metavar="AE"),
    ] = "",
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check printers, or the broker, by C-ECHO and N-GET.

    Exit 0 when all are healthy, else 1.

    Without HOST and PORT: every configured printer, and the broker itself. A printer
    that is busy, or low on something, is healthy; one that needs a person before it prints is not.

    Example: broker check 192.168.85.200 11112 --called-ae OKI1
    """
    from concurrent.futures import ThreadPoolExecutor

    from broker.cli import documents, tables
    from broker.config import load
    from broker.dicom.probe import probe
    from broker.model.health import CheckKind

    settings = load(configured(ctx, config))
    healthy = {CheckKind.NORMAL, CheckKind.WARNING, CheckKind.BUSY}
    peers = _everybody(settings) if host is None else [_peer(settings, host, port, called_ae)]

    def ask(address: Address) -> Check:
        return probe(
            address,
            calling_ae=ae_title or settings.broker.ae_title,
            timeout_s=settings.health.timeout_s,
        )

    with ThreadPoolExecutor(max(1, len(peers))) as pool:
        checks = list(pool.map(ask, peers))
    if as_document:
        typer.echo(
            tables.as_json(
                [
                    documents.of_check(peer.name, place(peer), found, healthy=found.kind in healthy)
                    for peer, found in zip(peers, checks, strict=True)
                ]
            )
        )
    elif not peers:
        typer.echo("No printers are configured and no broker answers: nothing to check.", err=True)
    else:
        console = tables.terminal()
        for peer, found in zip(peers, checks, strict=True):
            name = "" if peer.name == f"{peer.host}:{peer.port}" else f"{peer.name} "
            verdict = "healthy" if found.kind in healthy else "NOT healthy"
            said = found.words.removeprefix(f"{peer.name}: ")
            if not said.lower().startswith(found.kind):
                said = f"{found.kind}: {said}"
            words = f" ({said})" if found.words else ""
            sentence = f"{name}{place(peer)}: {verdict}{words}"
            tables.show(tables.folded(sentence, console.width), console)
    if not peers or any(found.kind not in healthy for found in checks):
        raise typer.Exit(FAILED)


def place(address: Address) -> str:
    """AE title, host and port in one word."""
    return f"{address.ae_title}@{address.host}:{address.port}"


def _everybody(config: Config) -> list[Address]:
    """Every printer, and the broker."""
    peers = list(config.addresses())
    return [*peers, _itself(config)] if config.broker.port else peers


def _peer(config: Config, host: str, port: int | None, called_ae: str) -> Address:
    """The one to check, with the AE title that the configuration has for it."""
    known = config.addresses()
    if port is None:
        for address in known:
            if address.name == host:
                return _called(address, called_ae)
        names = ", ".join(address.name for address in known) or "none"
        raise typer.BadParameter(
            f"{host} is not a configured printer ({names}); to check a host, give its port too"
        )
    for address in (*known, _itself(config)):
        if (address.host, address.port) == (host, port):
            return _called(address, called_ae)
    return Address(f"{host}:{port}", called_ae or ANY_AE, host, port)


def _called(address: Address, called_ae: str) -> Address:
    from dataclasses import replace

    return replace(address, ae_title=called_ae) if called_ae else address


def _itself(config: Config) -> Address:
    """The broker, where this machine reaches it."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    host = everywhere.get(config.broker.host, config.broker.host)
    return Address("broker", config.broker.ae_title, host, config.broker.port)
