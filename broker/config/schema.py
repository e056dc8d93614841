"""What the configuration file may say: its tables and their keys."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from broker.config.modalities import ModalitySection
from broker.config.section import Section
from broker.config.values import (
    AdaptationNames,
    AeTitle,
    AeTitles,
    Flag,
    Folder,
    Host,
    Keywords,
    ListenHosts,
    ListenPort,
    Networks,
    PduLength,
    PemFile,
    Port,
    PrinterName,
    amount,
    as_written,
    choice,
    database_url,
    host,
    seconds,
    whole,
)
from broker.model.films.layout import MAX_BOXES
from broker.model.peers.hosts import HIDDEN
from broker.model.printers.printer import Address
from broker.model.storage.disk import Room


def database_file(data_dir: str, url: str) -> Path:
    """The SQLite file of a site with that `broker.data_dir` and `database.url`."""
    named = url.removeprefix("sqlite:///")
    return Path(named) if named else Path(data_dir) / "broker.db"


def fuller(data_dir: str, url: str) -> tuple[Path, int]:
    """The folder, of the spool's and the database's, whose disk has less free, and how many bytes
    that is.

    Raises: OSError: when a folder is not there.
    """
    free = {folder: shutil.disk_usage(folder).free for folder in _folders(data_dir, url)}
    folder = min(free, key=lambda each: free[each])
    return folder, free[folder]


@lru_cache(maxsize=8)
def _folders(data_dir: str, url: str) -> tuple[Path, ...]:
    """Mostly one. It is asked for twice with every film."""
    return tuple(dict.fromkeys((Path(data_dir), database_file(data_dir, url).parent)))


def _url(value: object) -> str:
    """Empty, or http(s). The value is not repeated: it may hold a password."""
    if isinstance(value, str) and value.startswith(HIDDEN):
        raise ValueError(
            "is what `broker config show` prints in place of a secret; write the address itself, "
            "which `broker config show --secrets` prints"
        )
    if not isinstance(value, str) or not (value == "" or value.startswith(("http://", "https://"))):
        raise ValueError('is not an address; use "" or one that begins with https:// or http://')
    return value


def _addresses(value: object) -> str:
    """Empty, or mail addresses with commas between them."""
    found = value.split(",") if isinstance(value, str) and value else []
    if not isinstance(value, str) or not all("@" in each.strip(" ")[1:-1] for each in found):
        raise ValueError(
            f"{as_written(value)} is not a mail address; use ruth@example.org, and commas between "
            "several"
        )
    return value


def _mail_host(value: object) -> str:
    """Empty, or a host."""
    return "" if value == "" else host(value)


MailHost = Annotated[str, BeforeValidator(_mail_host)]
Url = Annotated[str, BeforeValidator(_url)]
Addresses = Annotated[str, BeforeValidator(_addresses)]


class Notify(Section):
    """Messages about printers, held and waiting jobs and the disk; never about patients."""

    webhook: Url = Field(default="", description="POSTed to as JSON; empty: none")
    mail_host: MailHost = Field(default="", description="the mail server; empty: no mail")
    mail_port: Port = 25
    mail_security: Annotated[
        Literal["none", "starttls", "tls"], choice("none", "starttls", "tls")
    ] = Field(default="none", description="none, starttls or tls")
    mail_user: str = Field(default="", description="empty: the server wants no password")
    mail_password_file: PemFile = Field(
        default="", description="a file with the password alone; relative to this file"
    )
    mail_from: Addresses = Field(default="", description="the sender")
    mail_to: Addresses = Field(default="", description="recipients, with commas between")
    oldest_job_s: Annotated[float, seconds(1, 604800)] = Field(
        default=900.0, description="a queued job that is older waits too long"
    )
    reminder_s: Annotated[float, seconds(60, 604800)] = Field(
        default=3600.0, description="a condition that lasts is reported again after this time"
    )
    page: Url = Field(default="", description="where people find the page, for the messages")

    @property
    def to(self) -> tuple[str, ...]:
        """Who gets mail."""
        return tuple(each.strip() for each in self.mail_to.split(",") if each.strip())


class Broker(Section):
    """What modalities call, and where films are kept."""

    ae_title: AeTitle = Field(default="BROKER", description="what modalities call")
    ae_titles: AeTitles = Field(
        default=(), description='more AE titles that modalities may call, as ["PRINT", "print"]'
    )
    any_ae: Flag = Field(
        default=False, description="true: whatever AE title a modality calls is taken, even none"
    )
    strict: AeTitles = Field(
        default=(),
        description="AE titles of modalities whose requests must keep to the standard in all; "
        "the log tells what is tolerated of others",
    )
    send_events: Flag = Field(
        default=False,
        description="true: a modality that keeps an association open is told of the Printer as its "
        "status changes (N-EVENT-REPORT)",
    )
    host: ListenHosts = Field(
        default="*",
        description='where to listen: "*" is every interface, IPv4 and IPv6, 0.0.0.0 is IPv4 '
        "alone; or an address, a name, or a list of them",
    )
    port: ListenPort = Field(default=11112, description="0 takes any free port")
    data_dir: Folder = Field(
        default="broker-data",
        description="SQLite database and spool; relative to this file's folder",
    )
    grace_s: Annotated[float, seconds(0, 3600)] = Field(
        default=5.0,
        description="how long associations in use and attempts may go on after a stop; a service "
        "manager must wait 3 s longer",
    )

    @property
    def called(self) -> frozenset[str] | None:
        """AE titles that modalities may call; None: any."""
        return None if self.any_ae else frozenset({self.ae_title, *self.ae_titles})


class TlsSection(Section):
    """Films over TLS: from modalities on a port of its own, and to printers with `tls = true`."""

    certificate: PemFile = Field(
        default="", description="PEM, issuers below it; relative to this file; empty: no TLS port"
    )
    key: PemFile = Field(
        default="", description="PEM, without a passphrase; empty: it is in the certificate's file"
    )
    port: ListenPort = Field(default=2762, description="where modalities print over TLS")
    only: Flag = Field(default=False, description="true: there is no port without TLS")
    client_ca: PemFile = Field(
        default="", description="PEM, who issues modalities' certificates; empty: they need none"
    )
    ca: PemFile = Field(
        default="", description="PEM, who issues printers' certificates; empty: as this machine"
    )


class DatabaseSection(Section):
    """Where the queue is kept."""

    url: Annotated[str, BeforeValidator(database_url)] = Field(
        default="", description='empty: SQLite in data_dir; or "sqlite:////folder/broker.db"'
    )


class PrinterSection(Section):
    """One printer of the pool."""

    name: PrinterName = Field(description="what operators type")
    ae_title: AeTitle = Field(description="what the broker calls")
    host: Host
    port: Port
    weight: Annotated[int, whole("a weight", 1, 256)] = Field(
        default=100, description="1..256; a printer of twice the weight gets twice the films"
    )
    associations: Annotated[int, whole("a number of associations", 1, 64)] = Field(
        default=1, description="at once"
    )
    lut_level: Annotated[
        Literal["film box", "film session"], choice("film box", "film session")
    ] = Field(
        default="film box",
        description='where a Presentation LUT is given first; or "film session", there alone',
    )
    adapt: AdaptationNames = Field(
        default=(),
        description='what its films may change beside what is harmless, as ["film-size"]; or '
        '["no-trim"]: what they may not be printed without; see `broker help printers`',
    )
    omit: Keywords = Field(
        default=(),
        description='attributes that it is never asked for, as ["Trim", "SmoothingType"]',
    )
    implicit_only: Flag = Field(
        default=False, description="whether it is spoken to in Implicit VR alone"
    )
    max_pdu: PduLength = Field(
        default=0, description="bytes of a PDU to it and from it, at most; 0: as both sides say"
    )
    identify: Flag = Field(default=True, description="whether it is asked which machine it is")
    tls: Flag = Field(default=False, description="whether it speaks TLS on its port")


class HealthSection(Section):
    """How printers are checked, and what modalities hear of them."""

    interval_s: Annotated[float, seconds(0.05, 3600)] = Field(
        default=5.0, description="between checks"
    )
    rise: Annotated[int, whole("a number of checks", 1, 100)] = Field(
        default=2, description="checks passed in a row until a printer is up"
    )
    fall: Annotated[int, whole("a number of checks", 1, 100)] = Field(
        default=3, description="checks failed in a row until it is down"
    )
    timeout_s: Annotated[float, seconds(0.05, 600)] = Field(
        default=5.0, description="how long one check may take"
    )
    status_while_kept: Annotated[Literal["WARNING", "NORMAL"], choice("WARNING", "NORMAL")] = Field(
        default="WARNING",
        description="what modalities hear while films are kept and no printer is well: WARNING "
        "with QUEUED, or NORMAL for those that print at nothing else",
    )


class Retry(Section):
    """What happens to a job that a printer did not take."""

    tries: Annotated[int, whole("a number of tries", 1, 1000)] = Field(
        default=5, description="refusals by a healthy printer, before hold"
    )
    give_up_s: Annotated[float, seconds(0, 604800)] = Field(
        default=900.0, description="and not before so long after the first of them"
    )
    on_impossible: Annotated[Literal["refuse", "hold"], choice("refuse", "hold")] = Field(
        default="refuse",
        description="what every printer was seen to refuse: refused to the modality as they do, or "
        'taken, and "hold"',
    )
    learned_days: Annotated[float, amount("a number of days", 0, 3650)] = Field(
        default=30.0,
        description="what a printer was seen to refuse, or not to take, is believed for so long; "
        "0: hardly at all",
    )
    first_delay_s: Annotated[float, seconds(0.01, 86400)] = Field(
        default=2.0, description="before the second try; doubles with each further one"
    )
    max_delay_s: Annotated[float, seconds(0.01, 86400)] = Field(default=60.0, description="at most")
    on_uncertain: Annotated[Literal["hold", "reprint"], choice("hold", "reprint")] = Field(
        default="hold", description='a film that was asked for and not answered; or "reprint"'
    )


class Duplicates(Section):
    """What happens to a film that a modality sends again."""

    window_s: Annotated[float, seconds(0, 604800)] = Field(
        default=900.0,
        description="equal films of one modality within this time are flagged; 0: none",
    )
    on_duplicate: Annotated[Literal["print", "hold"], choice("print", "hold")] = Field(
        default="print", description='print it, flagged as a possible duplicate; or "hold"'
    )


class RetentionSection(Section):
    """How long finished jobs are kept, and how much of the disk stays free."""

    pixels_hours: Annotated[float, amount("a number of hours", 0, 87600)] = Field(
        default=24.0, description="after the end of a job its pixels are removed: no more reprint"
    )
    rows_days: Annotated[float, amount("a number of days", 0, 3650)] = Field(
        default=90.0,
        description="after the end of a job its row is removed, too; not before its pixels",
    )
    orphans_days: Annotated[float, amount("a number of days", 0, 3650)] = Field(
        default=7.0,
        description="how long files that no job refers to are set aside; 0: removed at once",
    )
    pixels_mb: Annotated[int, whole("a number of megabytes", 0, 100_000_000)] = Field(
        default=0,
        description="most that finished jobs may keep; those that ended first go; 0: no such limit",
    )
    floor_mb: Annotated[int, whole("a number of megabytes", 0, 10_000_000)] = Field(
        default=200,
        description="with less free disk finished jobs lose their pixels; then no new film session",
    )


class LimitsSection(Section):
    """What one peer, and all peers together, may use."""

    associations: Annotated[int, whole("a number of associations", 1, 10000)] = Field(
        default=128, description="at once, from all addresses"
    )
    associations_per_peer: Annotated[int, whole("a number of associations", 1, 10000)] = Field(
        default=32,
        description="at once, of one AE title at an address; not more than from all addresses",
    )
    establish_s: Annotated[float, seconds(0.1, 600)] = Field(
        default=30.0, description="from the connection to the association"
    )
    message_s: Annotated[float, seconds(0.1, 7200)] = Field(
        default=300.0,
        description="for a message to come; counts on while it moves at 16 KB/s or more",
    )
    idle_s: Annotated[float, seconds(0.1, 86400)] = Field(
        default=3600.0, description="without any message"
    )
    image_mb: Annotated[int, whole("a number of megabytes", 1, 4000)] = Field(
        default=256, description="of one image; not more than of a film session"
    )
    session_mb: Annotated[int, whole("a number of megabytes", 1, 1_000_000)] = Field(
        default=4096, description="of the images of one film session that wait to be printed"
    )
    address_mb: Annotated[int, whole("a number of megabytes", 1, 1_000_000)] = Field(
        default=8192, description="likewise, of all film sessions of one AE title at an address"
    )
    film_boxes: Annotated[int, whole("a number of film boxes", 1, 100_000)] = Field(
        default=2000, description="of one film session, with ten image boxes each or fewer"
    )
    image_boxes: Annotated[int, whole("a number of image boxes", 1, MAX_BOXES)] = Field(
        default=400, description="of one film box"
    )
    sheets: Annotated[int, whole("a number of films", 1, 1_000_000)] = Field(
        default=10_000, description="films times copies of one print request of a film session"
    )
    waiting_jobs: Annotated[int, whole("a number of jobs", 1, 1_000_000)] = Field(
        default=1000,
        description="not finished, of one AE title at an address; then no more films of it",
    )
    waiting_mb: Annotated[int, whole("a number of megabytes", 0, 10_000_000)] = Field(
        default=0,
        description="of its unprinted images; 0: no more than is still free above floor_mb",
    )
    queue_jobs: Annotated[int, whole("a number of jobs", 0, 10_000_000)] = Field(
        default=0, description="not finished, in all; 0: ten times waiting_jobs"
    )

    @property
    def whole_queue(self) -> int:
        """Unfinished jobs that there may be in all."""
        return self.queue_jobs or 10 * self.waiting_jobs


class Printing(Section):
    """How long a printer may take with a film, before the attempt counts as broken off; and how
    long its association is kept for the next one."""

    connect_s: Annotated[float, seconds(0.05, 600)] = Field(
        default=5.0, description="until it takes the connection"
    )
    association_s: Annotated[float, seconds(0.05, 600)] = Field(
        default=20.0, description="until it answers the association"
    )
    create_s: Annotated[float, seconds(0.05, 3600)] = Field(
        default=60.0, description="to create a film session, a film box or a Presentation LUT"
    )
    set_s: Annotated[float, seconds(0.05, 3600)] = Field(
        default=30.0,
        description="to take an image; counts on while its pixels move at 16 KB/s or more",
    )
    action_s: Annotated[float, seconds(0.05, 86400)] = Field(
        default=360.0, description="to answer that it prints; after that a film is uncertain"
    )
    delete_s: Annotated[float, seconds(0.05, 3600)] = Field(
        default=30.0, description="to delete what was printed; costs no film"
    )
    linger_s: Annotated[float, seconds(0, 60)] = Field(
        default=2.0,
        description="how long an association waits for the next film of its film session; it gives "
        "way to other films at once; 0: not at all",
    )


class Web(Section):
    """The page of the print room, its API, and the figures for Prometheus."""

    on: Flag = Field(default=True, description="false: no page is served")
    host: ListenHosts = Field(
        default="127.0.0.1",
        description="where, as broker.host; anything but this machine needs `broker user add`",
    )
    port: ListenPort = Field(default=8080, description="0 takes any free port")
    tls: Flag = Field(default=False, description="true: HTTPS, with the certificate of [tls]")
    trusted_proxy: Networks = Field(
        default=(),
        description="addresses and networks of proxies before the page, whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed",
    )


class LogSection(Section):
    """What goes to stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], choice("debug", "info", "warning", "error")
    ] = Field(default="info", description="debug, info, warning or error")
    format: Annotated[Literal["auto", "console", "json"], choice("auto", "console", "json")] = (
        Field(
            default="auto",
            description="auto (console on a terminal, JSON elsewhere), console or json",
        )
    )


class Config(Section):
    """The whole file. Paths are absolute once it was loaded."""

    broker: Broker = Broker()
    tls: TlsSection = TlsSection()
    database: DatabaseSection = DatabaseSection()
    printers: tuple[PrinterSection, ...] = ()
    modalities: tuple[ModalitySection, ...] = ()
    health: HealthSection = HealthSection()
    retry: Retry = Retry()
    printing: Printing = Printing()
    duplicates: Duplicates = Duplicates()
    retention: RetentionSection = RetentionSection()
    limits: LimitsSection = LimitsSection()
    web: Web = Web()
    notify: Notify = Notify()
    log: LogSection = LogSection()

    @property
    def data_dir(self) -> Path:
        """The folder of the database and the spool."""
        return Path(self.broker.data_dir)

    @property
    def database_file(self) -> Path:
        """The SQLite file."""
        return database_file(self.broker.data_dir, self.database.url)

    @property
    def database_url(self) -> str:
        """The address of the SQLite file, never empty."""
        return f"sqlite:///{self.database_file.absolute()}"

    def room(self) -> Room:
        """On the fuller of the disks that hold the spool and the database.

        Raises: OSError: when a folder is not there.
        """
        _, free = fuller(self.broker.data_dir, self.database.url)
        return Room(free, self.retention.floor_mb << 20)

    @property
    def fuller(self) -> Path:
        """The folder, of the spool's and the database's, whose disk has less free.

        Raises: OSError: when a folder is not there.
        """
        return fuller(self.broker.data_dir, self.database.url)[0]

    def addresses(self) -> tuple[Address, ...]:
        """The printers as the rest of the broker knows them, in the order of the file."""
        return tuple(Address(**each.model_dump(exclude={"tls"})) for each in self.printers)


LISTED: dict[str, type[Section]] = {"printers": PrinterSection, "modalities": ModalitySection}
"""Tables that stand in the file as often as there are things."""
SECTIONS: dict[str, type[Section]] = {
    name: LISTED[name] if name in LISTED else type(field.default)
    for name, field in Config.model_fields.items()
}
