"""What the configuration means to each room, in that room's own words."""

from __future__ import annotations

from broker.config.schema import Config
from broker.dicom.scp.allowance import Allowance
from broker.dicom.scu.print_scu import PrintTimeouts
from broker.dicom.upper_layer.requestor import Timeouts
from broker.model.retry import Policy
from broker.relay.monitor import Rhythm
from broker.relay.quota import QueueLimits
from broker.relay.upkeep import Keeping
from broker.store.duplicates import Rule


def policy(config: Config) -> Policy:
    """How patient the dispatcher is."""
    retry = config.retry
    return Policy(
        tries=retry.tries,
        first_delay_s=retry.first_delay_s,
        max_delay_s=retry.max_delay_s,
        on_uncertain=retry.on_uncertain,
        fall=config.health.fall,
    )


def rhythm(config: Config) -> Rhythm:
    """How often printers are checked."""
    health = config.health
    return Rhythm(interval_s=health.interval_s, rise=health.rise, fall=health.fall)


def rule(config: Config) -> Rule:
    """What happens to films that come again."""
    duplicates = config.duplicates
    return Rule(duplicates.window_s, hold=duplicates.on_duplicate == "hold")


def allowance(config: Config) -> Allowance:
    """How many pixels a modality may send."""
    limits = config.limits
    return Allowance(
        image=limits.image_mb << 20,
        session=limits.session_mb << 20,
        address=limits.address_mb << 20,
        film_boxes=limits.film_boxes,
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
