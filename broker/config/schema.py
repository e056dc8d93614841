"""What the configuration file may say: its tables and their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from broker.config import places
from broker.config.notify import Notify
from broker.config.section import Section
from broker.config.values import (
    AeTitle,
    Flag,
    Folder,
    Host,
    ListenHosts,
    ListenPort,
    PemFile,
    Port,
    PrinterName,
    amount,
    choice,
    database_url,
    seconds,
    whole,
)
from broker.model.printer import Address
from broker.model.room import Room


class Broker(Section):
    """What modalities call, and where films are kept."""

    ae_title: AeTitle = Field(default="BROKER", description="what modalities call")
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
        default="film box", description='where it wants its Presentation LUT; or "film session"'
    )
    tls: Flag = Field(default=False, description="whether it speaks TLS on its port")


class HealthSection(Section):
    """How printers are checked."""

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


class Retry(Section):
    """What happens to a job that a printer did not take."""

    tries: Annotated[int, whole("a number of tries", 1, 1000)] = Field(
        default=5, description="refusals by a healthy printer, before hold"
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
    """What a modality, or a stranger, may take."""

    associations: Annotated[int, whole("a number of associations", 1, 10000)] = Field(
        default=128, description="at once, from all addresses"
    )
    associations_per_peer: Annotated[int, whole("a number of associations", 1, 10000)] = Field(
        default=32, description="at once, from one address; not more than from all"
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
    """How long a printer may take with a film, before the attempt counts as broken off."""

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


class Web(Section):
    """The page of the print room, its API, and the figures for Prometheus."""

    on: Flag = Field(default=True, description="false: no page is served")
    host: ListenHosts = Field(
        default="127.0.0.1",
        description="where, as broker.host; anything but this machine needs `broker user add`",
    )
    port: ListenPort = Field(default=8080, description="0 takes any free port")
    tls: Flag = Field(default=False, description="true: HTTPS, with the certificate of [tls]")


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
        return places.database_file(self.broker.data_dir, self.database.url)

    @property
    def database_url(self) -> str:
        """The address of the SQLite file, never empty."""
        return f"sqlite:///{self.database_file.absolute()}"

    def room(self) -> Room:
        """On the fuller of the disks that hold the spool and the database; OSError."""
        _, free = places.fuller(self.broker.data_dir, self.database.url)
        return Room(free, self.retention.floor_mb << 20)

    @property
    def fuller(self) -> Path:
        """The folder, of the spool's and the database's, whose disk has less free; OSError."""
        return places.fuller(self.broker.data_dir, self.database.url)[0]

    def addresses(self) -> tuple[Address, ...]:
        """The printers as the rest of the broker knows them, in the order of the file."""
        return tuple(Address(**each.model_dump(exclude={"tls"})) for each in self.printers)


SECTIONS: dict[str, type[Section]] = {
    name: PrinterSection if name == "printers" else type(field.default)
    for name, field in Config.model_fields.items()
}
