"""What a value of the configuration file must be, and what is said of a mistake."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator

from broker.model.films.adaptations import ALL as ADAPTATIONS
from broker.model.films.adaptations import OMITTED
from broker.model.peers.caller import RIGHT_TITLE, is_ae_title
from broker.model.peers.hosts import EVERY, plain_host
from broker.model.peers.trusted_proxies import network_of


def as_written(value: object) -> str:
    """A value as it would stand in a TOML file."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def whole(noun: str, low: int, high: int) -> BeforeValidator:
    """A whole number from low to high; `noun` has its article."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"{as_written(value)} is not {noun}; use {low} to {high}")
        return value

    return BeforeValidator(check)


def amount(noun: str, low: float, high: float) -> BeforeValidator:
    """A number from low to high, whole or not; `noun` has its article."""

    def check(value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
            raise ValueError(f"{as_written(value)} is not {noun}; use {low:g} to {high:g}")
        return float(value)  # type: ignore[arg-type]

    return BeforeValidator(check)


def seconds(low: float, high: float) -> BeforeValidator:
    """A time in seconds from low to high, whole or not."""
    return amount("a time in seconds", low, high)


def _text(wrong: Callable[[str], bool], right: str) -> BeforeValidator:
    """A string without spaces around it; `right` says what would be right."""

    def check(value: object) -> str:
        text = value.strip(" ") if isinstance(value, str) else ""
        if not isinstance(value, str) or wrong(text):
            raise ValueError(f"{as_written(value)} is not {right}")
        return text

    return BeforeValidator(check)


def choice(*words: str) -> BeforeValidator:
    """One of a few words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            known = " or ".join(f'"{word}"' for word in words)
            raise ValueError(f"{as_written(value)} is not a choice; use {known}")
        return value

    return BeforeValidator(check)


def database_url(value: object) -> str:
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


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{as_written(value)} is not a choice; use true or false")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]


def _pdu_length(value: object) -> int:
    """0, or a length that carries a message of any printer."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if not number or not (value == 0 or 4096 <= value <= 131072):  # type: ignore[operator]
        raise ValueError(f"{as_written(value)} is not a length of PDUs; use 0, or 4096 to 131072")
    return value  # type: ignore[return-value]


PduLength = Annotated[int, BeforeValidator(_pdu_length)]
Port = Annotated[int, whole("a port", 1, 65535)]
"""A port to call."""
ListenPort = Annotated[int, whole("a port", 0, 65535)]
"""A port to listen on; 0 takes any free one."""
AeTitle = Annotated[
    str,
    _text(
        lambda text: not is_ae_title(text),
        f"an AE title; {RIGHT_TITLE}",
    ),
]
"""PS3.5 6.2, AE; spaces around it mean nothing and are dropped."""


def _ae_titles(value: object) -> tuple[str, ...]:
    """A list of AE titles."""
    if not isinstance(value, tuple | list):
        raise ValueError(f'{as_written(value)} is not a list of AE titles; write it as ["CT1"]')
    found = [each.strip(" ") if isinstance(each, str) else "" for each in value]
    for each, sent in zip(found, value, strict=True):
        if not is_ae_title(each):
            raise ValueError(f"{as_written(sent)} is not an AE title; {RIGHT_TITLE}")
    return tuple(dict.fromkeys(found))


AeTitles = Annotated[tuple[str, ...], BeforeValidator(_ae_titles)]


def words(noun: str, known: tuple[str, ...]) -> BeforeValidator:
    """A list of some of these words; `noun` has its article."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, tuple | list):
            meant = value if value in known else known[-1]
            raise ValueError(f'{as_written(value)} is not a list; write it as ["{meant}"]')
        for each in value:
            if each not in known:
                raise ValueError(f"{as_written(each)} is not {noun}; use {', '.join(known)}")
        return tuple(dict.fromkeys(value))

    return BeforeValidator(check)


AdaptationNames = Annotated[tuple[str, ...], words("an adaptation", ADAPTATIONS)]
"""Names of `model.adaptations`."""
Keywords = Annotated[tuple[str, ...], words("an attribute that can be omitted", OMITTED)]
"""Attributes that a printer need not be asked for."""


def _wrong_host(text: str) -> bool:
    """A colon is of an IPv6 address, and `*` is no peer."""
    host = plain_host(text)
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return True
    return not re.fullmatch(r"[^\s\x00-\x1f/@\"\[\]*]{1,253}", host)


def host(value: object) -> str:
    """A peer: a name or an address, without the brackets of an IPv6 address."""
    text = value.strip(" ") if isinstance(value, str) else ""
    if _wrong_host(text):
        words = "is not a host; use a name or an IP address, without a port"
        raise ValueError(f"{as_written(value)} {words}")
    return plain_host(text)


def _listen_hosts(value: object) -> str | tuple[str, ...]:
    """Where to listen: one host, or a list of them; `*` is every interface."""
    if isinstance(value, tuple | list):
        if not value:
            raise ValueError('[] names no host; use "*" for every interface')
        found = tuple(dict.fromkeys(_listen_host(each) for each in value))
        return found if len(found) > 1 else found[0]
    return _listen_host(value)


def _listen_host(value: object) -> str:
    text = value.strip(" ") if isinstance(value, str) else ""
    if text == EVERY:
        return text
    if "," in text:
        listed = as_written([each.strip() for each in text.split(",") if each.strip()])
        raise ValueError(f"{as_written(value)} is several hosts; write them as a list, {listed}")
    if _wrong_host(text):
        raise ValueError(
            f'{as_written(value)} is not a host; use "*", a name or an IP address, without a port, '
            "or a list of them"
        )
    return plain_host(text)


def _networks(value: object) -> tuple[str, ...]:
    """A list of addresses and networks, none of which is all addresses."""
    if not isinstance(value, tuple | list):
        raise ValueError(f'{as_written(value)} is not a list; write it as ["192.0.2.7"]')
    found = []
    for each in value:
        try:
            network = network_of(each if isinstance(each, str) else "")
        except ValueError:
            raise ValueError(
                f"{as_written(each)} is not an address or a network; use 192.0.2.7 or 192.0.2.0/24"
            ) from None
        if network.prefixlen == 0:
            raise ValueError(f"{as_written(each)} is every address; name those of the proxy alone")
        found.append(each)
    return tuple(dict.fromkeys(found))


Networks = Annotated[tuple[str, ...], BeforeValidator(_networks)]
Host = Annotated[str, BeforeValidator(host)]
ListenHosts = Annotated[str | tuple[str, ...], BeforeValidator(_listen_hosts)]
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
PemFile = Annotated[
    str, _text(lambda text: "\0" in text, "a file; use the path of a PEM file, as a string")
]
"""Empty where there is none."""
