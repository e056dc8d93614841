"""The certificates that `[tls]` names: read, tried, and ready for use.

TLS is 1.2 or newer, with cipher suites of forward secrecy (PS3.15 B.9 and B.12; BCP 195). Nobody is
ever asked for a passphrase.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker.config.file import ConfigError
from broker.config.file import load as load_file
from broker.config.schema import Config

SOON_S = 30 * 86400.0
"""A certificate that expires before is worth a word."""
_NOT_YET, _EXPIRED = 9, 10
_BEGIN = "-----BEGIN "
_CERTIFICATE, _KEY = "CERTIFICATE-----", "PRIVATE KEY-----"
_REMEDIES = {
    "certificate": "name the file of the broker's certificate",
    "key": "name the file of the certificate's key",
    "client_ca": "name the file of who issues modalities' certificates",
    "ca": "name the file of who issues printers' certificates",
}
"""Where another file was meant, by key."""
_OTHER_KEY = frozenset({"KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED", "KEY_TYPE_MISMATCH"})
_RENEW = "put a renewed one there, and send the broker SIGHUP"


@dataclass(frozen=True)
class Certificates:
    """What `[tls]` comes to."""

    modalities: ssl.SSLContext | None = None
    """For those who call; None where there is no TLS port."""
    printers: Mapping[str, ssl.SSLContext] = field(default_factory=dict)
    """For those whom we call over TLS, by name."""
    warnings: tuple[str, ...] = ()
    """Of a certificate that has expired, or soon will."""

    @property
    def listening(self) -> ssl.SSLContext:
        """For modalities, where there is a TLS port."""
        assert self.modalities is not None
        return self.modalities


def read(file: Path | None, now: float) -> tuple[Config, Certificates]:
    """The configuration, as `broker.config.load` finds it, and its certificates. ConfigError with
    the mistakes of both in one go."""
    try:
        config = load_file(file)
    except ConfigError as error:
        found = list(error.problems)
        if error.rest is not None:
            try:
                load(error.rest, now)
            except ConfigError as more:
                found += more.problems
        raise ConfigError(found) from error
    return config, load(config, now)


def load(config: Config, now: float) -> Certificates:
    """Read the files. ConfigError with each that cannot be used, and what to do about it.

    A certificate that has expired is no reason not to serve those who do without.
    """
    problems: list[str] = []

    def tried(make: Callable[[Config], ssl.SSLContext]) -> ssl.SSLContext | None:
        try:
            return make(config)
        except ConfigError as error:
            problems.extend(each for each in error.problems if each not in problems)
            return None

    modalities = tried(called) if config.tls.certificate else None
    names = [each.name for each in config.printers if each.tls]
    context = tried(calling) if names else None
    if problems:
        raise ConfigError(problems)
    printers = {} if context is None else dict.fromkeys(names, context)
    warnings = _validity(config, now) if modalities else ()
    return Certificates(modalities, printers, (*warnings, *_of_trusted(config, now)))


def _of_trusted(config: Config, now: float) -> list[str]:
    """What is to be known of those whom we trust: peers are refused whose issuer has expired."""
    said = []
    for key, whose in (("client_ca", "modalities"), ("ca", "printers")):
        if not (file := getattr(config.tls, key)):
            continue
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            _believe(context, key, file)
        except ConfigError as error:
            # Where it is needed, that was a mistake.
            said += [f"{each}; it is not needed yet" for each in error.problems]
            continue
        for each in context.get_ca_certs():
            until = ssl.cert_time_to_seconds(str(each["notAfter"]))
            if until - now <= SOON_S:
                when = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d}"
                ends = f"expired on {when}, {whose} of it are refused" if until <= now else ""
                ends = ends or f"expires on {when}, and {whose} of it are refused then"
                said.append(f"tls.{key}: {file}: {_subject(each)} {ends}; {_RENEW}")
    return said


def _subject(certificate: Mapping[str, Any]) -> str:
    """The last, and so the most particular part of its subject's name."""
    parts = [value for part in certificate.get("subject", ()) for _, value in part]
    return f'"{parts[-1]}"' if parts else "a certificate"


def called(config: Config) -> ssl.SSLContext:
    """For modalities, who show a certificate if `client_ca` is given. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # An association is long: a shorter handshake for the next is not worth a ticket.
    context.num_tickets = 0
    _show(context, config)
    if config.tls.client_ca:
        _believe(context, "client_ca", config.tls.client_ca)
        # And whoever has our own key: `broker check` calls the broker so.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _believe(context, "certificate", config.tls.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def calling(config: Config) -> ssl.SSLContext:
    """For printers, who are shown our certificate if they ask. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    if config.tls.ca:
        # A printer's own certificate will do as well: many have signed their own.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _believe(context, "ca", config.tls.ca)
    else:
        context.load_default_certs()
    if config.tls.certificate:
        _show(context, config)
    return context


def calling_itself(config: Config) -> ssl.SSLContext:
    """For the broker's own TLS port, by any name: its certificate and no other is believed."""
    context = calling(config)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _believe(context, "certificate", config.tls.certificate)
    return context


def _show(context: ssl.SSLContext, config: Config) -> None:
    """Use the certificate and its key."""
    certificate, key = config.tls.certificate, config.tls.key or config.tls.certificate
    own = "key" if config.tls.key else "certificate"
    try:
        _holds("certificate", certificate, _CERTIFICATE)
    except ConfigError:
        if config.tls.key and _has(certificate, _KEY) and _has(key, _CERTIFICATE):
            words = "is the private key, and tls.key names the certificate; swap the two"
            raise _mistake("certificate", certificate, words) from None
        raise
    text = _holds(own, key, _KEY)
    if "ENCRYPTED" in text:
        words = "has a passphrase; give the key without (openssl pkey -in … -out …)"
        raise _mistake(own, key, words)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason in _OTHER_KEY:
            words = "is not the key of the certificate; name the two that belong together"
            raise _mistake(own, key, words) from error
        raise _mistake("certificate", certificate, _unusable(error)) from error
    except OSError as error:
        raise _mistake("certificate", certificate, _unreadable(error)) from error


def _believe(context: ssl.SSLContext, key: str, file: str) -> None:
    _holds(key, file, _CERTIFICATE)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        raise _mistake(key, file, _unusable(error)) from error
    except OSError as error:
        raise _mistake(key, file, _unreadable(error)) from error


def _holds(key: str, file: str, what: str) -> str:
    """The text of a PEM file that has such a part in it."""
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:  # noqa: PTH123 - any path
            text = opened.read()
    except PermissionError as error:
        words = f"cannot be read by this user (uid {os.getuid()}); let the broker's user read it"
        raise _mistake(key, file, words) from error
    except OSError as error:
        raise _mistake(key, file, _unreadable(error)) from error
    if not _is_in(text, what):
        noun = "certificate" if what == _CERTIFICATE else "private key"
        remedy = _REMEDIES[key]
        if key == "certificate" and noun != key:
            remedy = "name its file in tls.key"
        raise _mistake(key, file, f"has no {noun} in PEM; {remedy}")
    return text


def _is_in(text: str, what: str) -> bool:
    lines = (line.rstrip() for line in text.split("\n"))
    return any(line.startswith(_BEGIN) and line.endswith(what) for line in lines)


def _has(file: str, what: str) -> bool:
    """Whether a file can be read, and has such a part in it."""
    try:
        return _is_in(Path(file).read_text(encoding="utf-8", errors="replace"), what)
    except OSError:
        return False


def _mistake(key: str, file: str, words: str) -> ConfigError:
    return ConfigError([f"tls.{key}: {file}: {words}"])


def _unreadable(error: OSError) -> str:
    return f"{(error.strerror or 'cannot be read').lower()}; name a PEM file"


def _unusable(error: ssl.SSLError) -> str:
    told = str(error.reason or error).replace("_", " ").lower()
    return f"cannot be used ({told}); have a new one made"


def _validity(config: Config, now: float) -> tuple[str, ...]:
    """Shake hands with ourselves, as a modality that knows this certificate would."""
    file = config.tls.certificate
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(server, config)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _believe(client, "certificate", file)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(there, back, server_side=True)
    theirs = client.wrap_bio(back, there)
    where = f"tls.certificate: {file}:"
    try:
        for end in (theirs, ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    except ssl.SSLCertVerificationError as error:
        match error.verify_code:
            case code if code == _EXPIRED:
                return (f"{where} has expired, modalities refuse it; {_RENEW}",)
            case code if code == _NOT_YET:
                return (f"{where} is not valid yet; set this machine's clock right",)
        return (f"{where} modalities may refuse it: {error.verify_message}",)
    except ssl.SSLError as error:
        raise _mistake("certificate", file, _unusable(error)) from error
    shown = theirs.getpeercert() or {}
    until = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    if until - now > SOON_S:
        return ()
    return (f"{where} expires on {datetime.fromtimestamp(until, UTC):%Y-%m-%d}; {_RENEW}",)
