"""The configuration: one TOML file, checked whole, every mistake named in one go.

A mistake reads `broker.toml: printers[2].port: 99999 is not a port; use 1 to 65535`: the file, the
key, what is wrong, what would be right. Printers are counted from 1, as they stand in the file.

Keys may contradict each other, each of them valid in itself. A number that stands in the file is a
mistake when another one makes it mean nothing. A default is none: it gives way.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from broker.config.modalities import ModalitySection, doubled
from broker.config.schema import (
    LISTED,
    SECTIONS,
    Broker,
    Config,
    DatabaseSection,
    Notify,
    PrinterSection,
    RetentionSection,
    TlsSection,
)
from broker.config.section import Section
from broker.config.values import as_written
from broker.model.peers.hosts import EVERY, at_port, hosts_of, is_loopback, plain_host, shown

_LOOPBACK = "127.0.0.1"
_EACH = {"printers": "printer", "modalities": "modality"}
_NONE = {
    "printers": "No printers: new films are refused",
    "modalities": "No nicknames: modalities are shown by AE title",
}
_NEEDED: Mapping[type[Section], str] = {
    PrinterSection: "every printer needs name, ae_title, host and port",
    ModalitySection: "every modality here needs ae_title and nickname",
}


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
    problems += doubled(known.get("modalities", ()))
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


__all__ = [
    "Config",
    "ConfigError",
    "load",
    "locate",
    "parse",
    "required",
    "show",
    "warnings",
    "without_secrets",
]

FILE_NAME = "broker.toml"
"""What is read from the working folder when nothing else is named."""
VARIABLE = "BROKER_CONFIG"
"""Names the file when no option does."""


class ConfigError(Exception):
    """The configuration cannot be used. `problems` has one line for each mistake, `rest` what is
    right of [tls] and the printers: more mistakes may be found in what they name. `queue` has what
    is right beside the printers, where the mistakes leave no question which queue is meant."""

    def __init__(
        self, problems: list[str], rest: Config | None = None, queue: Config | None = None
    ) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.rest = rest
        self.queue = queue


def locate(path: Path | None) -> Path | None:
    """The file to read: the one named, else BROKER_CONFIG's, else ./broker.toml if it is there."""
    if path is not None:
        return path
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path(FILE_NAME) if Path(FILE_NAME).exists() else None


def required(path: Path | None) -> Path:
    """The file to read, for what must not begin on all defaults.

    Raises: ConfigError: when none is named and there is no ./broker.toml.
    """
    file = locate(path)
    if file is None:
        raise ConfigError(
            [
                f"no configuration file: none is named with -c FILE or {VARIABLE}, and there is no "
                f"{FILE_NAME} in {Path.cwd()}. `broker config init` writes one with comments: fill "
                "in what it leaves empty, then name it with -c FILE"
            ]
        )
    return file


def load(path: Path | None = None) -> Config:
    """The configuration; all defaults where no file is named or found.

    Raises: ConfigError: when the file cannot be read or used.
    """
    file = locate(path)
    if file is None:
        return parse("", folder=Path.cwd())
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError([f"{file}: is not UTF-8 text; save it as UTF-8"]) from None
    except OSError as error:
        origin = f" (named by {VARIABLE})" if path is None and file != Path(FILE_NAME) else ""
        words = (error.strerror or "cannot be read").lower()
        remedy = "name a file that can be read"
        if isinstance(error, FileNotFoundError):
            remedy += ", or write it with `broker config init`"
        raise ConfigError([f"{file}: {words}{origin}; {remedy}"]) from None
    return parse(text, name=str(file), folder=file.absolute().parent)


def parse(text: str, *, name: str = FILE_NAME, folder: Path) -> Config:
    """The configuration in a TOML text; relative paths start from `folder`.

    Raises: ConfigError: with every mistake, each line beginning with `name`.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = max(1, len(text.rstrip().splitlines()))
        words, _, place = str(error).rstrip(")").rpartition(" (at ")
        place = place.replace("end of document", f"the end, line {last}")
        raise ConfigError([f"{name}: {place}: {words}; this is not TOML"]) from None
    problems: list[str] = []
    known: dict[str, Any] = {}
    for key, value in tables.items():
        if key not in SECTIONS:
            problems.append(f"{key}: {_unknown(key, list(SECTIONS), 'a section')}")
        elif key not in LISTED:
            known[key] = _section(key, value, SECTIONS[key], problems)
        elif not isinstance(value, list):
            problems.append(f"{key}: is one table; write [[{key}]] above each {_EACH[key]}")
        else:
            known[key] = tuple(
                _section(f"{key}[{number}]", each, LISTED[key], problems)
                for number, each in enumerate(value, start=1)
            )
    problems += _same_names(tables.get("printers"))
    give_way(known)
    problems += contradictions(known)
    if problems:
        rest: dict[str, Any] = {"printers": tuple(filter(None, known.get("printers", ())))}
        if known.get("tls") is not None:
            rest["tls"] = known["tls"]
        lines = [f"{name}: {problem}" for problem in problems]
        queue = _queue(tables, known)
        raise ConfigError(
            lines,
            _absolute(Config(**rest), folder),
            None if queue is None else _absolute(queue, folder),
        )
    return _absolute(Config(**known), folder)


def _queue(tables: Mapping[str, Any], known: Mapping[str, Any]) -> Config | None:
    """What is right of a file with mistakes, without its printers; None where it may name another
    queue than is meant."""
    kept: dict[str, Any] = {name: each for name, each in known.items() if each is not None}
    kept.pop("printers", None)
    for name in LISTED.keys() & kept.keys():
        kept[name] = tuple(filter(None, kept[name]))
    places: tuple[tuple[str, str, type[Section]], ...] = (
        ("broker", "data_dir", Broker),
        ("database", "url", DatabaseSection),
    )
    for name, key, model in places:
        table = tables.get(name, {})
        # A key or a table of another name may be one of these that was mistyped.
        if not isinstance(table, Mapping) or not set(table) <= set(model.model_fields):
            return None
        place = {key: table[key]} if key in table else {}
        kept.setdefault(name, _section(name, place, model, []))
    if not set(tables) <= set(SECTIONS) or None in kept.values():
        return None
    return Config(**kept)


def _section(
    where: str, table: object, model: type[Section], problems: list[str]
) -> Section | None:
    """One table, checked; None, and its mistakes in `problems`, where it has any."""
    if not isinstance(table, Mapping):
        name = where.partition("[")[0]
        heading = f"[[{name}]]" if name in LISTED else f"[{name}]"
        # An address may hold a password: it is not repeated.
        told = "an address" if isinstance(table, str) and "://" in table else as_written(table)
        words = f"{told} is not a table; write {heading} above its keys"
        problems.append(f"{where}: {words}")
        return None
    try:
        return model.model_validate(table)
    except ValidationError as error:
        for mistake in error.errors():
            key = str(mistake["loc"][0])
            match mistake["type"]:
                case "extra_forbidden":
                    words = _unknown(key, list(model.model_fields), "a key")
                case "missing":
                    words = f"is missing; {_NEEDED[model]}"
                case _:
                    words = str(mistake["ctx"]["error"])
            problems.append(f"{where}.{key}: {words}")
    return None


def _unknown(key: str, known: list[str], noun: str) -> str:
    """What to say of a key that is not known."""
    homes = [name for name, model in SECTIONS.items() if key in model.model_fields]
    if homes:
        return f"is not {noun} here; it belongs to [{homes[0]}]"
    if nearest := difflib.get_close_matches(key, known, n=1):
        return f"is not {noun} that the broker knows; did you mean {nearest[0]}?"
    return f"is not {noun} that the broker knows; use {', '.join(known)}"


def _same_names(printers: object) -> list[str]:
    """Printers that share a name, whatever else is wrong with them."""
    problems = []
    names: dict[str, int] = {}
    for number, printer in enumerate(printers if isinstance(printers, list) else (), start=1):
        name = printer.get("name") if isinstance(printer, Mapping) else None
        if not isinstance(name, str):
            continue
        earlier = names.setdefault(name.strip(), number)
        if earlier != number:
            problems.append(
                f'printers[{number}].name: "{name}" is also the name of printers[{earlier}]; '
                "give each printer its own"
            )
    return problems


def _absolute(config: Config, folder: Path) -> Config:
    """The same configuration with its paths absolute."""
    broker = {**config.broker.model_dump()}
    broker["data_dir"] = str(folder / Path(config.broker.data_dir).expanduser())
    url = config.database.url
    if url:
        url = f"sqlite:///{folder / Path(url.removeprefix('sqlite:///')).expanduser()}"
    tls = config.tls.model_dump()
    for key in ("certificate", "key", "client_ca", "ca"):
        if tls[key]:
            tls[key] = str(folder / Path(tls[key]).expanduser())
    notify = config.notify.model_dump()
    if notify["mail_password_file"]:
        password = Path(notify["mail_password_file"]).expanduser()
        notify["mail_password_file"] = str(folder / password)
    return config.model_copy(
        update={
            "broker": Broker(**broker),
            "database": DatabaseSection(url=url),
            "tls": TlsSection(**tls),
            "notify": Notify(**notify),
        }
    )


def warnings(config: Config) -> list[str]:
    """What is allowed and may be a mistake."""
    if config.printers:
        return []
    return ["no printers are configured: new films are refused until there is one"]


def without_secrets(config: Config) -> Config:
    """The same configuration as it may be shown: secrets in its addresses are hidden."""
    notify, database = config.notify, config.database
    hidden = {"webhook": shown(notify.webhook, path=False), "page": shown(notify.page)}
    return config.model_copy(
        update={
            "notify": notify.model_copy(update=hidden),
            "database": database.model_copy(update={"url": shown(database.url)}),
        }
    )


def show(config: Config, *, secrets: bool = False) -> str:
    """The effective file, as TOML. With `secrets`, or where it has none, it loads to an equal
    configuration; an address that is hidden is a mistake in a file."""
    if not secrets:
        config = without_secrets(config)
    lines = []
    for name, model in SECTIONS.items():
        value = getattr(config, name)
        tables = value if name in LISTED else (value,)
        heading = f"[[{name}]]" if name in LISTED else f"[{name}]"
        if not tables:
            lines += [f"# {_NONE[name]}. {heading} begins one.", ""]
        for table in tables:
            lines.append(heading)
            for key, field in model.model_fields.items():
                line = f"{key} = {as_written(getattr(table, key))}"
                lines.append(f"{line:<30} # {field.description}" if field.description else line)
            lines.append("")
    return "\n".join(lines)
