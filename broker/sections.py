"""What the configuration file may say: its tables, their keys, and what each value must be.

A mistake says what is wrong, then what would be right.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from broker.model.printer import Address


def as_written(value: object) -> str:
    """A value as it would stand in a TOML file."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _whole(noun: str, low: int, high: int) -> BeforeValidator:
    """A whole number from low to high; `noun` has its article."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"{as_written(value)} is not {noun}; use {low} to {high}")
        return value

    return BeforeValidator(check)


def _seconds(low: float, high: float) -> BeforeValidator:
    """A time in seconds from low to high, whole or not."""

    def check(value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
            raise ValueError(
                f"{as_written(value)} is not a time in seconds; use {low:g} to {high:g}"
            )
        return float(value)  # type: ignore[arg-type]

    return BeforeValidator(check)


def _text(wrong: Callable[[str], bool], right: str) -> BeforeValidator:
    """A string without spaces around it; `right` says what would be right."""

    def check(value: object) -> str:
        text = value.strip(" ") if isinstance(value, str) else ""
        if not isinstance(value, str) or wrong(text):
            raise ValueError(f"{as_written(value)} is not {right}")
        return text

    return BeforeValidator(check)


def _choice(*words: str) -> BeforeValidator:
    """One of a few words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            known = " or ".join(f'"{word}"' for word in words)
            raise ValueError(f"{as_written(value)} is not a choice; use {known}")
        return value

    return BeforeValidator(check)


def _database_url(value: object) -> str:
    """Empty, or SQLite in a named file. The value is never repeated: it may hold a password."""
    if not isinstance(value, str):
        raise ValueError('is not a string; use "" for SQLite in data_dir')
    scheme = value.partition(":")[0].lower()
    if scheme.startswith("postgres"):
        raise ValueError(
            "PostgreSQL is not supported by this version, which keeps its queue in SQLite; "
            'use "" for SQLite in data_dir, or "sqlite:////folder/broker.db"'
        )
    path = value.removeprefix("sqlite:///")
    if value and (path == value or not path or path == ":memory:" or "?" in path):
        raise ValueError(
            "is not the address of an SQLite file; "
            'use "" for SQLite in data_dir, or "sqlite:////folder/broker.db"'
        )
    return value


Port = Annotated[int, _whole("a port", 1, 65535)]
"""A port to call."""
ListenPort = Annotated[int, _whole("a port", 0, 65535)]
"""A port to listen on; 0 takes any free one."""
AeTitle = Annotated[
    str,
    _text(
        lambda text: not re.fullmatch(r"[ -\[\]-~]{1,16}", text),
        "an AE title; use 1 to 16 ASCII characters, no backslash, not only spaces",
    ),
]
"""PS3.5 6.2, AE; spaces around it mean nothing and are dropped."""
Host = Annotated[
    str,
    _text(
        lambda text: not re.fullmatch(r"[^\s\x00-\x1f/@\"]{1,253}", text),
        "a host; use a name or an IP address, without a port",
    ),
]
PrinterName = Annotated[
    str,
    _text(
        lambda text: not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", text),
        "a name to type; use 1 to 32 letters, digits, dots, dashes and underscores, "
        "a letter or a digit first",
    ),
]
Folder = Annotated[
    str, _text(lambda text: not text or "\0" in text, "a folder; use a path, as a string")
]


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Broker(Section):
    """What modalities call, and where films are kept."""

    ae_title: AeTitle = Field(default="BROKER", description="what modalities call")
    host: Host = Field(default="0.0.0.0", description="where to listen; 0.0.0.0 is every interface")
    port: ListenPort = Field(default=11112, description="0 takes any free port")
    data_dir: Folder = Field(
        default="broker-data",
        description="SQLite database and spool; relative to this file's folder",
    )
    max_associations: Annotated[int, _whole("a number of associations", 1, 10000)] = Field(
        default=64, description="from modalities, at once"
    )
    grace_s: Annotated[float, _seconds(0, 3600)] = Field(
        default=10.0,
        description="how long running associations and attempts may go on after a stop",
    )


class Database(Section):
    """Where the queue is kept."""

    url: Annotated[str, BeforeValidator(_database_url)] = Field(
        default="", description='empty: SQLite in data_dir; or "sqlite:////folder/broker.db"'
    )


class PrinterSection(Section):
    """One printer of the pool."""

    name: PrinterName = Field(description="what operators type")
    ae_title: AeTitle = Field(description="what the broker calls")
    host: Host
    port: Port
    weight: Annotated[int, _whole("a weight", 1, 256)] = Field(
        default=100, description="1..256; a printer of twice the weight gets twice the films"
    )
    associations: Annotated[int, _whole("a number of associations", 1, 64)] = Field(
        default=1, description="at once"
    )
    lut_level: Annotated[
        Literal["film box", "film session"], _choice("film box", "film session")
    ] = Field(
        default="film box", description='where it wants its Presentation LUT; or "film session"'
    )


class Health(Section):
    """How printers are checked."""

    interval_s: Annotated[float, _seconds(0.05, 3600)] = Field(
        default=5.0, description="between checks"
    )
    rise: Annotated[int, _whole("a number of checks", 1, 100)] = Field(
        default=2, description="checks passed in a row until a printer is up"
    )
    fall: Annotated[int, _whole("a number of checks", 1, 100)] = Field(
        default=3, description="checks failed in a row until it is down"
    )
    timeout_s: Annotated[float, _seconds(0.05, 600)] = Field(
        default=5.0, description="how long one check may take"
    )


class Retry(Section):
    """What happens to a job that a printer did not take."""

    tries: Annotated[int, _whole("a number of tries", 1, 1000)] = Field(
        default=5, description="refusals by a healthy printer, before hold"
    )
    first_delay_s: Annotated[float, _seconds(0.01, 86400)] = Field(
        default=2.0, description="before the second try; doubles with each further one"
    )
    max_delay_s: Annotated[float, _seconds(0.01, 86400)] = Field(
        default=60.0, description="at most"
    )
    on_uncertain: Annotated[Literal["hold", "reprint"], _choice("hold", "reprint")] = Field(
        default="hold", description='a film that was asked for and not answered; or "reprint"'
    )


class Web(Section):
    """Accepted, so that one file serves every version; this version serves no page."""

    host: Host = Field(default="127.0.0.1", description="accepted, not used by this version")
    port: ListenPort = Field(default=8080, description="accepted, not used by this version")


class Log(Section):
    """What goes to stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], _choice("debug", "info", "warning", "error")
    ] = Field(default="info", description="debug, info, warning or error")
    format: Annotated[Literal["auto", "console", "json"], _choice("auto", "console", "json")] = (
        Field(
            default="auto",
            description="auto (console on a terminal, JSON elsewhere), console or json",
        )
    )


class Config(Section):
    """The whole file. Paths are absolute once it was loaded."""

    broker: Broker = Broker()
    database: Database = Database()
    printers: tuple[PrinterSection, ...] = ()
    health: Health = Health()
    retry: Retry = Retry()
    web: Web = Web()
    log: Log = Log()

    @property
    def data_dir(self) -> Path:
        """The folder of the database and the spool."""
        return Path(self.broker.data_dir)

    @property
    def database_file(self) -> Path:
        """The SQLite file."""
        named = self.database.url.removeprefix("sqlite:///")
        return Path(named) if named else self.data_dir / "broker.db"

    @property
    def database_url(self) -> str:
        """The address of the SQLite file, never empty."""
        return f"sqlite:///{self.database_file.absolute()}"

    def addresses(self) -> tuple[Address, ...]:
        """The printers as the rest of the broker knows them, in the order of the file."""
        return tuple(Address(**printer.model_dump()) for printer in self.printers)


SECTIONS: dict[str, type[Section]] = {
    "broker": Broker,
    "database": Database,
    "printers": PrinterSection,
    "health": Health,
    "retry": Retry,
    "web": Web,
    "log": Log,
}
