"""Keys of the configuration that contradict each other, each of them valid in itself.

A number that stands in the file is a mistake when another one makes it mean nothing. A default is
none: it gives way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.config.schema import Broker, PrinterSection, RetentionSection, TlsSection
from broker.config.values import as_written
from broker.model.hosts import EVERY, at_port, hosts_of, is_loopback, plain_host

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class _Bound:
    """A key of a table that must not be more than another of the same table."""

    table: str
    least: str
    most: str


_BOUNDS = (
    _Bound("limits", "associations_per_peer", "associations"),
    _Bound("limits", "image_mb", "session_mb"),
    _Bound("limits", "session_mb", "address_mb"),
)


def give_way(known: dict[str, Any]) -> None:
    """Make defaults no more, or no less, than what the file says beside them."""
    for bound in _BOUNDS:
        table = known.get(bound.table)
        if table is not None and bound.least not in table.model_fields_set:
            least = min(getattr(table, bound.least), getattr(table, bound.most))
            known[bound.table] = _with(table, bound.least, least)
    limits = known.get("limits")
    if (
        limits is not None
        and "waiting_jobs" not in limits.model_fields_set
        and 0 < limits.queue_jobs < limits.waiting_jobs
    ):
        known["limits"] = _with(limits, "waiting_jobs", limits.queue_jobs)
    retention = known.get("retention")
    if retention is not None and "rows_days" not in retention.model_fields_set:
        days = max(retention.rows_days, retention.pixels_hours / 24)
        known["retention"] = _with(retention, "rows_days", days)


def _with(table: Any, key: str, value: float) -> Any:
    """The same table with another default; what stood in the file is still known."""
    changed = table.model_copy(update={key: value})
    changed.model_fields_set.discard(key)
    return changed


def contradictions(known: Mapping[str, Any]) -> list[str]:
    """Mistakes between keys; only those of tables that are right in themselves are seen."""
    problems = []
    web, tls = known.get("web"), known.get("tls")
    if web is not None and web.tls and not (tls is not None and tls.certificate):
        problems.append("web.tls: needs a certificate; set tls.certificate, or web.tls = false")
    notify = known.get("notify")
    if notify is not None and notify.mail_host:
        problems += [
            f"notify.{key}: is missing; mail needs a sender and a recipient"
            for key in ("mail_from", "mail_to")
            if not getattr(notify, key)
        ]
        if notify.mail_user and not notify.mail_password_file:
            problems.append("notify.mail_password_file: is missing; mail_user needs a password")
    retry = known.get("retry")
    if retry is not None and retry.max_delay_s < retry.first_delay_s:
        problems.append(
            f"retry.max_delay_s: {as_written(retry.max_delay_s)} is less than first_delay_s; "
            f"use {as_written(retry.first_delay_s)} or more"
        )
    for bound in _BOUNDS:
        table = known.get(bound.table)
        if table is not None and getattr(table, bound.least) > getattr(table, bound.most):
            least, most = (as_written(getattr(table, key)) for key in (bound.least, bound.most))
            problems.append(
                f"{bound.table}.{bound.least}: {least} is more than {bound.most}, which is {most}; "
                f"use {most} or less"
            )
    limits = known.get("limits")
    if limits is not None and 0 < limits.queue_jobs < limits.waiting_jobs:
        problems.append(
            f"limits.queue_jobs: {limits.queue_jobs} is less than waiting_jobs, which is "
            f"{limits.waiting_jobs}: the queue has room for one modality's jobs at least; use "
            f"{limits.waiting_jobs} or more, or 0"
        )
    if (retention := known.get("retention")) is not None:
        problems += _of_retention(retention)
    duplicates = known.get("duplicates")
    if duplicates is not None and not duplicates.window_s and duplicates.on_duplicate == "hold":
        problems.append(
            "duplicates.window_s: 0 flags no film, so that none is held; use a time above 0, or "
            'on_duplicate = "print"'
        )
    return problems + _of_tls(known) + _of_printers(known)


def _of_tls(known: Mapping[str, Any]) -> list[str]:
    tls, broker = known.get("tls"), known.get("broker", Broker())
    if tls is None:
        return []
    if not tls.certificate:
        needy = [key for key in ("key", "client_ca", "only") if getattr(tls, key)]
        return [
            f"tls.{key}: means nothing without a certificate; name its file in tls.certificate"
            for key in needy
        ]
    if broker is not None and tls.port and tls.port == broker.port and not tls.only:
        return [f"tls.port: {tls.port} is also broker.port; use another port, or only = true"]
    return []


def _of_retention(retention: RetentionSection) -> list[str]:
    days = retention.pixels_hours / 24
    if retention.rows_days >= days:
        return []
    return [
        f"retention.rows_days: {as_written(retention.rows_days)} is less than pixels_hours, which "
        f"is {as_written(retention.pixels_hours)}: a row is not removed before its pixels; "
        f"use {days:.4g} or more"
    ]


def _of_printers(known: Mapping[str, Any]) -> list[str]:
    """Printers in the place of others, or of the broker."""
    problems = []
    peers: dict[tuple[str, str, int], int] = {}
    broker, tls = known.get("broker", Broker()), known.get("tls", TlsSection())
    for number, printer in enumerate(known.get("printers", ()), start=1):
        if printer is None:
            continue
        where = f"printers[{number}]"
        peer = (printer.ae_title, _address(printer.host), printer.port)
        earlier = peers.setdefault(peer, number)
        if earlier != number:
            problems.append(
                f"{where}: {printer.ae_title}@{at_port(printer.host, printer.port)} is also "
                f"printers[{earlier}]; remove one, or correct its ae_title, host or port"
            )
        if broker is not None and _same_place(broker, tls, printer):
            problems.append(
                f"{where}.host: {at_port(printer.host, printer.port)} is the broker itself; "
                "use the printer's own host and port"
            )
    return problems


def _same_place(broker: Broker, tls: TlsSection | None, printer: PrinterSection) -> bool:
    """Whether the printer is where the broker listens, as far as the file alone can tell."""
    ports = set() if tls is not None and tls.only else {broker.port}
    if tls is not None and tls.certificate:
        ports.add(tls.port)
    if printer.port not in ports:
        return False
    called = _place(printer.host)
    listens = {_place(each) for each in hosts_of(broker.host)}
    return called in listens | {EVERY} or (EVERY in listens and called == _LOOPBACK)


def _place(host: str) -> str:
    """One spelling for every name of this machine's loopback, and one for all interfaces."""
    if is_loopback(host) or host.lower() == "localhost.localdomain":
        return _LOOPBACK
    address = _address(host)
    return EVERY if address in ("0.0.0.0", "::") else address


def _address(host: str) -> str:
    """One spelling for every way to write an address, or a name."""
    try:
        return str(ipaddress.ip_address(plain_host(host)))
    except ValueError:
        return host.lower()
