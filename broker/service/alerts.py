"""Messages to people, put together from the configuration; beside the relay, which knows nothing of
them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from broker.alerts.delivery import Mail, NoticeFormat, Send, mail, webhook
from broker.alerts.notifier import Notifier
from broker.config.schema import Config
from broker.events import Note
from broker.model.peers.nicknames import Nicknames
from broker.model.peers.refusal import Refusal
from broker.model.printable import one_line
from broker.model.reasons.alert_rules import AlertLimits, Seen
from broker.model.reasons.refused_modalities import RefusedModality
from broker.model.storage.disk import MB
from broker.model.vitals import Storage
from broker.operations.condition.alarms import LOCKED_S, LOG_MB, log_reader
from broker.operations.condition.readiness import look, read_vitals
from broker.operations.condition.refusals import keeps_from_printing, name_of
from broker.operations.condition.whole import refused, situation, standing_printers
from broker.operations.opened import Store
from broker.store.database import Database
from broker.store.refusals import RefusedCaller

FIRST_CHECKS_S = 60.0
"""Nothing is told for so long, at most, while printers have not been checked since the start."""


def ways(config: Config) -> Mapping[str, Send]:
    """Each way that the site wants to be told by, by name."""
    notify = config.notify
    form = NoticeFormat(config.broker.ae_title, notify.page)
    found: dict[str, Send] = {}
    if notify.webhook:
        found["webhook"] = webhook(notify.webhook, form)
    if notify.mail_host:
        settings = Mail(
            notify.mail_host,
            notify.mail_port,
            notify.mail_security,
            notify.mail_user,
            notify.mail_password_file,
            notify.mail_from,
            notify.to,
        )
        found["mail"] = mail(settings, form)
    return found


class Notices:
    """The messages of a running broker: `start`, `reload` and `stop` with it."""

    def __init__(
        self,
        config: Config,
        database: Database,
        note: Note,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._note = note
        self._clock = clock
        self._started_at = time.time()
        self._began = time.monotonic()
        self._notifier = self._made(config)

    def start(self) -> None:
        """Begin to look."""
        self._notifier.start()

    def reload(self, config: Config) -> None:
        """Go on with another configuration."""
        self._notifier.stop()
        self._notifier = self._made(config)
        self._notifier.start()

    def stop(self) -> None:
        """End."""
        self._notifier.stop()

    def _made(self, config: Config) -> Notifier:
        return Notifier(
            config.data_dir / "notices.json",
            self._see(config),
            AlertLimits(config.notify.oldest_job_s, config.notify.reminder_s),
            ways(config),
            clock=self._clock,
            note=self._note,
        )

    def _see(self, config: Config) -> Callable[[], Seen | None]:
        store = Store(config, self._database)

        def see() -> Seen | None:
            vitals = read_vitals(config.data_dir)
            storage = vitals.storage if vitals is not None else Storage()
            if storage.damage or storage.replaced:
                return Seen(damage=storage.damage, replaced=storage.replaced)
            printers = standing_printers(store)
            if time.monotonic() - self._began < FIRST_CHECKS_S and any(
                (each.last_check_at or 0) < self._started_at for each in printers
            ):
                return None  # what is known of them is of an earlier life
            room, now = config.room(), time.time()
            low = room.low and room.refuses(store.references.kept_bytes())
            looked = look(store, patience_s=LOCKED_S, writing=False)
            whole, flow = situation(store, looked.obstacles, printers, now), store.flow.flow()
            return Seen(
                printers=printers,
                why_refused=refused(looked.obstacles),
                remedy=whole.commands,
                waiting=flow.waiting,
                unbound_s=_age(flow.unbound_at, now),
                accepted_at=flow.accepted_at,
                held=tuple(store.jobs.held_by_broker()),
                oldest_s=_age(flow.oldest_at, now),
                low=low,
                free_mb=room.free // MB,
                faults=storage.faults,
                log_mb=storage.log_bytes // MB if storage.log_bytes > LOG_MB * MB else 0,
                log_reader=log_reader(storage),
                incomplete=vitals.incomplete if vitals is not None else (),
                refused=tuple(
                    _modality(each, store.nicknames)
                    for each in store.refusals.callers()
                    if _to_tell(each)
                ),
            )

        return see


def _age(at: float | None, now: float) -> float:
    """In seconds; 0 of nothing, and of what a clock that was set back has in the future."""
    return 0.0 if at is None else max(0.0, now - at)


def _to_tell(caller: RefusedCaller) -> bool:
    """A nearly full disk has a message of its own."""
    return keeps_from_printing(caller) and caller.kind != Refusal.DISK_NEARLY_FULL


def _modality(caller: RefusedCaller, nicknames: Nicknames) -> RefusedModality:
    about = ", ".join(filter(None, (caller.last_status, caller.last_attribute)))
    if caller.kind == Refusal.CALLED_AE:
        about = f"it calls {one_line(caller.last_called_ae)}"
    who, named = name_of(caller), name_of(caller, nicknames)
    return RefusedModality(caller.kind, who, caller.last_at, about, named)
