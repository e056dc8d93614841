"""Messages to people, put together from the configuration; beside the relay, which knows nothing of
them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from broker.alerts.delivery import Mail, NoticeFormat, Send, mail, webhook
from broker.alerts.notifier import Notifier
from broker.config.schema import Config
from broker.events import Note
from broker.model.alert_rules import AlertLimits, Seen
from broker.model.disk import MB
from broker.model.printable import one_line
from broker.model.refusal import Refusal
from broker.model.refused_modalities import RefusedModality
from broker.model.vitals import Storage
from broker.operations.alarms import LOG_MB, log_reader
from broker.operations.readiness import read_vitals
from broker.operations.refusals import keeps_from_printing, name_of
from broker.store.printers import Printers
from broker.store.queries import JobQueries
from broker.store.refusals import Refusals, RefusedCaller
from broker.store.spool_references import SpoolReferences

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
        jobs: JobQueries,
        references: SpoolReferences,
        printers: Printers,
        refusals: Refusals,
        note: Note,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._refusals = refusals
        self._references = references
        self._printers = printers
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
        def see() -> Seen | None:
            vitals = read_vitals(config.data_dir)
            storage = vitals.storage if vitals is not None else Storage()
            if storage.damage or storage.replaced:
                return Seen(damage=storage.damage, replaced=storage.replaced)
            printers = tuple(self._printers.list())
            if time.monotonic() - self._began < FIRST_CHECKS_S and any(
                (each.last_check_at or 0) < self._started_at for each in printers
            ):
                return None  # what is known of them is of an earlier life
            room, oldest = config.room(), self._jobs.oldest_unmoved()
            low = room.low and room.refuses(self._references.kept_bytes())
            return Seen(
                printers=printers,
                held=tuple(self._jobs.held_by_broker()),
                oldest_s=0.0 if oldest is None else max(0.0, time.time() - oldest),
                low=low,
                free_mb=room.free // MB,
                faults=storage.faults,
                log_mb=storage.log_bytes // MB if storage.log_bytes > LOG_MB * MB else 0,
                log_reader=log_reader(storage),
                incomplete=vitals.incomplete if vitals is not None else (),
                refused=tuple(map(_modality, filter(_to_tell, self._refusals.callers()))),
            )

        return see


def _to_tell(caller: RefusedCaller) -> bool:
    """A nearly full disk has a message of its own."""
    return keeps_from_printing(caller) and caller.kind != Refusal.DISK_NEARLY_FULL


def _modality(caller: RefusedCaller) -> RefusedModality:
    about = ", ".join(filter(None, (caller.last_status, caller.last_attribute)))
    if caller.kind == Refusal.CALLED_AE:
        about = f"it calls {one_line(caller.last_called_ae)}"
    return RefusedModality(caller.kind, name_of(caller), caller.last_at, about)
