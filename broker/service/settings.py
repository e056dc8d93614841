"""What the parts of the broker are told of its configuration, and what a running one takes over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from broker.config.schema import Config, TlsSection
from broker.config.section import Section
from broker.dicom.scp.allowance import Allowance
from broker.dicom.scu.print_scu import PrintTimeouts
from broker.dicom.uids import BESIDE_IMAGES, CARRY_IMAGES
from broker.dicom.upper_layer.acceptor import AcceptorSettings
from broker.dicom.upper_layer.connection import Timeouts
from broker.model.printers.printer import KEPT, NORMAL, PoolStatus
from broker.model.printers.retry import Policy
from broker.relay.intake import QueueLimits
from broker.relay.monitor import Rhythm
from broker.relay.upkeep import Keeping
from broker.store.reading.duplicates import Rule

FROM_THE_START = ("broker", "limits", "web", "log")
"""Sections that count from the next start."""
TLS_FROM_THE_START = ("port", "only")


@dataclass(frozen=True)
class Reload:
    """The result of one reload."""

    refused: tuple[str, ...]
    """What is wrong with the new configuration for this broker; then nothing of it is taken."""
    restart: tuple[str, ...]
    """Keys that have changed, and count from the next start."""
    config: Config
    """What the broker goes on with."""


def judged(running: Config, wanted: Config) -> Reload:
    """What a broker that runs with one configuration makes of another, which is right in itself.

    A file that lost its printers, and one of another queue, are taken for mistakes: an editor may
    just have emptied it, or another site's been copied over it.
    """
    refused = tuple(_refused(running, wanted))
    if refused:
        return Reload(refused, (), running)
    kept: dict[str, object] = {name: getattr(running, name) for name in FROM_THE_START}
    kept |= {"database": running.database, "tls": _tls(running.tls, wanted.tls)}
    return Reload((), tuple(_restart(running, wanted)), wanted.model_copy(update=kept))


def _refused(running: Config, wanted: Config) -> Iterator[str]:
    if running.printers and not wanted.printers and "printers" not in wanted.model_fields_set:
        names = ", ".join(each.name for each in running.printers)
        yield (
            f"printers: the file names none, and {names} would be gone; put them back, or write "
            "`printers = []` above the first section where there shall be none"
        )
    for key, before, after in (
        ("broker.data_dir", running.data_dir, wanted.data_dir),
        ("database.url", running.database_file, wanted.database_file),
    ):
        if os.path.realpath(before) != os.path.realpath(after):
            yield (
                f"{key}: names {after}, and this broker's films are in {before}; put that back, or "
                "stop the broker, move the data, and start it again"
            )
            return  # the database's file follows the folder


def _restart(running: Config, wanted: Config) -> Iterator[str]:
    for name in FROM_THE_START:
        for key in _changed(getattr(running, name), getattr(wanted, name)):
            if (name, key) != ("broker", "data_dir"):  # the same folder by another path
                yield f"{name}.{key}"
    for key in _changed(running.tls, wanted.tls):
        if key in TLS_FROM_THE_START:
            yield f"tls.{key}"
    if bool(running.tls.certificate) != bool(wanted.tls.certificate):
        yield "tls.certificate"


def _changed(before: Section, after: Section) -> Iterator[str]:
    for key in type(before).model_fields:
        if getattr(before, key) != getattr(after, key):
            yield key


def _tls(running: TlsSection, wanted: TlsSection) -> TlsSection:
    """Whether and where there is a TLS port stays; what is shown and believed there may change."""
    keys: tuple[str, ...] = TLS_FROM_THE_START
    if bool(running.certificate) != bool(wanted.certificate):
        keys = (*keys, "certificate", "key")
    return wanted.model_copy(update={key: getattr(running, key) for key in keys})


def policy(config: Config) -> Policy:
    """How patient the dispatcher is."""
    retry = config.retry
    return Policy(
        tries=retry.tries,
        give_up_s=retry.give_up_s,
        first_delay_s=retry.first_delay_s,
        max_delay_s=retry.max_delay_s,
        on_uncertain=retry.on_uncertain,
        fall=config.health.fall,
    )


def rhythm(config: Config) -> Rhythm:
    """How often printers are checked."""
    health = config.health
    return Rhythm(interval_s=health.interval_s, rise=health.rise, fall=health.fall)


def kept_status(config: Config) -> PoolStatus:
    """What modalities hear of the Printer while films are kept and no printer is well."""
    return {"WARNING": KEPT, "NORMAL": NORMAL}[config.health.status_while_kept]


def rule(config: Config) -> Rule:
    """What happens to films that come again."""
    duplicates = config.duplicates
    return Rule(duplicates.window_s, hold=duplicates.on_duplicate == "hold")


def acceptor(config: Config) -> AcceptorSettings:
    """Where modalities connect, and within what limits."""
    limits = config.limits
    return AcceptorSettings(
        host=config.broker.host,
        called=config.broker.called,
        port=None if config.tls.only else config.broker.port,
        tls_port=config.tls.port,
        max_associations=limits.associations,
        max_associations_per_peer=limits.associations_per_peer,
        establish_timeout_s=limits.establish_s,
        message_timeout_s=limits.message_s,
        idle_timeout_s=limits.idle_s,
        needed=CARRY_IMAGES,
        beside=BESIDE_IMAGES,
    )


def allowance(config: Config) -> Allowance:
    """How many pixels a modality may send."""
    limits = config.limits
    return Allowance(
        image=limits.image_mb << 20,
        session=limits.session_mb << 20,
        address=limits.address_mb << 20,
        film_boxes=limits.film_boxes,
        image_boxes=limits.image_boxes,
        sheets=limits.sheets,
    )


def queue_limits(config: Config) -> QueueLimits:
    """How much unfinished a modality may have, and all together."""
    limits = config.limits
    return QueueLimits(
        jobs=limits.waiting_jobs,
        all_jobs=limits.whole_queue,
        bytes=limits.waiting_mb << 20,
    )


def keeping(config: Config) -> Keeping:
    """How long finished jobs are kept."""
    retention = config.retention
    return Keeping(
        retention.pixels_hours * 3600,
        retention.rows_days * 86400,
        retention.orphans_days * 86400,
    )


def timeouts(config: Config) -> PrintTimeouts:
    """How long a printer may take."""
    printing = config.printing
    release_s = min(Timeouts.release_s, printing.association_s)
    return PrintTimeouts(
        association=Timeouts(printing.connect_s, printing.association_s, release_s),
        create_s=printing.create_s,
        set_s=printing.set_s,
        action_s=printing.action_s,
        delete_s=printing.delete_s,
    )
