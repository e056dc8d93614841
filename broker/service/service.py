"""The composition of the relay: its parts are made, connected, started and stopped here."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version

from broker.config import certificates
from broker.config.schema import Config
from broker.dicom.printer_events import status_of
from broker.dicom.scp.allowance import Holdings, Turns
from broker.dicom.scp.print_scp import PrintScp
from broker.dicom.scu.probe import probe
from broker.dicom.uids import OFFERED, PRESENTATION_LUT, SYNTAXES_TAKEN, VERIFICATION
from broker.dicom.upper_layer.acceptor import Acceptor
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import EventReport
from broker.events import Event, Note, of_associations
from broker.model.films.capabilities import Combination
from broker.model.films.film import Attributes
from broker.model.jobs.job import State
from broker.model.peers.hosts import hosts_of
from broker.model.printers.health import Check, beside_an_association, of_printer_status
from broker.model.printers.printer import Address
from broker.model.vitals import Storage
from broker.relay.attempt import Edges
from broker.relay.database_upkeep import LogKeeping, NightCheck
from broker.relay.dispatcher import Dispatcher
from broker.relay.event_log import EventLog, RefusalCounts
from broker.relay.identification import Identifying
from broker.relay.intake import Intake, Quota
from broker.relay.loop import end_together
from broker.relay.monitor import Monitor
from broker.relay.open_sessions import OpenSessions
from broker.relay.pool.formats import PrinterFormats
from broker.relay.pool.impossible import PoolCapabilities
from broker.relay.pool.rechecks import Rechecks
from broker.relay.pool.status import PoolWatch
from broker.relay.upkeep import Shedder, Upkeep, UpkeepEdges
from broker.relay.vitals import VitalSigns
from broker.service import settings
from broker.service.data_folder import DataFolder
from broker.service.database_faults import of_damage, of_replacement
from broker.service.print_sessions import PrintSessions
from broker.service.settings import Reload, judged
from broker.store.database import DatabaseReplaced, in_words
from broker.store.queue.retention import Retention
from broker.store.refusals import Refusals
from broker.store.write_ahead import WriteAheadLog

QUIET_S = 10.0
"""After this time without a film in or out no other one is about to follow."""
VERSION = version("dicom-print-broker")
PARTS_S = 2.0
"""For what waits for nothing when the broker stops: the monitor, upkeep, the page, messages."""
CHECKS_S = 0.5
"""For checks of printers that are under way: their results are not needed any more."""
LAST_S = 0.8
"""Beyond it, for threads that were cut off, and for the last rows."""


class Service:
    """A running broker. `start` returns when films are taken; `stop` when none is in hand."""

    def __init__(
        self,
        config: Config,
        note: Note,
        *,
        clock: Callable[[], float] = time.time,
        new_spool: bool = False,
    ) -> None:
        """Take the data folder and its database.

        Raises:
            ConfigError: when a certificate cannot be used.
            Exception: what DataFolder raises when it cannot be opened.
        """
        self._config = config
        self._certificates = certificates.load(config, clock())
        self._events = EventLog(note, time.monotonic)
        self._clock = clock
        self._hurry = threading.Event()
        self._data = DataFolder(config, self._events.note, clock, new_spool=new_spool)
        try:
            self._assemble()
        except BaseException:
            self._data.close()
            raise

    def _assemble(self) -> None:
        """Make the parts, each after those that it is given."""
        data = self._data
        self.jobs, self.printers, self.users = data.jobs, data.printers, data.users
        self.capabilities, self.database = data.capabilities, data.database
        self.spool = data.spool
        self.refusals = Refusals(data.database)
        self._counts = RefusalCounts(self._events.note, self.refusals, self._clock)
        self._vitals = VitalSigns(self._counts, self._config.data_dir, self._clock)
        self._note: Note = self._vitals
        data.database.on_damage = self._damaged
        data.database.on_replaced = self._replaced
        data.database.on_written = data.look
        self._retention = Retention(data.database, self._clock)
        self._takes_none = PoolCapabilities(
            self.capabilities,
            lambda: self._config.retry.on_impossible == "refuse",
            time.monotonic,
            self._note,
            recheck=lambda refusals: self._rechecks.ask(refusals),
        )
        self._opener = opener = PrintSessions(
            self.capabilities,
            lambda: self._config,
            lambda name: self._certificates.printers.get(name),
            self._note,
            heard=self._reported,
            before_release=lambda name, scu: self._monitor.ask(name, scu.status),
        )
        self._rechecks = Rechecks(
            self._takes, self.printers, self.capabilities, time.monotonic, self._note
        )
        self._formats = PrinterFormats(
            self.printers, self.capabilities, self._image_boxes, recheck=self._rechecks.ask
        )
        self._sessions = OpenSessions(
            opener, lambda: self._config.printing.linger_s, self._note, opener.lessons_hold
        )
        self._holdings = Holdings()
        self._turns = Turns()
        self._log = LogKeeping(
            WriteAheadLog(data.database, self._config.database_file),
            self._idle,
            self._note,
            time.monotonic,
        )
        self._shedder = self._new_shedder()
        self._dispatcher = self._new_dispatcher()
        self._intake = self._new_intake()
        self._pool = PoolWatch(self._intake.status)
        identifying = Identifying(
            self.printers, self._sessions.aside, self._opener.identity, self._clock, self._note
        )
        self._monitor = Monitor(
            self.printers,
            self._probe,
            lambda: settings.rhythm(self._config),
            clock=self._clock,
            changed=self._dispatcher.wake,
            note=self._note,
            after_check=identifying.after_check,
        )
        self.upkeep = self._new_upkeep()
        self._night = NightCheck(
            self._config.database_file,
            self._config.data_dir / "spool",
            self._idle,
            self._note,
            self._clock,
            damaged=data.database.met_damage,
        )
        self._acceptor = Acceptor(
            settings.acceptor(self._config),
            self._offers,
            self._serve,
            tls=(lambda: self._certificates.listener) if self._certificates.modalities else None,
            on_event=of_associations(self._note),
        )

    def _new_shedder(self) -> Shedder:
        return Shedder(
            self._retention,
            self.jobs.references,
            self.spool,
            room=lambda: self._config.room(),
            budget=lambda: self._config.retention.pixels_mb << 20,
            note=self._note,
            damage=lambda: self._data.database.distrusted,
        )

    def _new_dispatcher(self) -> Dispatcher:
        edges = Edges(
            jobs=self.jobs.queries,
            claims=self.jobs.claims,
            recovery=self.jobs.recovery,
            printers=self.printers,
            spool=self.spool,
            sessions=self._sessions,
            policy=lambda: settings.policy(self._config),
            clock=self._clock,
            random=random.random,
            note=self._note,
            recheck=self._rechecks.ask,
        )
        return Dispatcher(edges)

    def _new_intake(self) -> Intake:
        quota = Quota(
            self.jobs.queries,
            lambda: settings.queue_limits(self._config),
            time.monotonic,
            held=self._holdings,
            kept=self.jobs.references.kept_bytes,
        )
        return Intake(
            self.jobs.submission,
            self.jobs.references,
            self.printers,
            self.spool,
            room=lambda: self._config.room(),
            make_room=self._shedder.make_room,
            rule=lambda: settings.rule(self._config),
            quota=quota,
            wake=self._dispatcher.arrived,
            note=self._note,
            look=self._data.database.look,
            kept=lambda: settings.kept_status(self._config),
            configured=lambda: bool(self._config.printers),
        )

    def _new_upkeep(self) -> Upkeep:
        edges = UpkeepEdges(
            jobs=self.jobs.queries,
            recovery=self.jobs.recovery,
            references=self.jobs.references,
            printers=self.printers,
            retention=self._retention,
            spool=self.spool,
            running=lambda: self._dispatcher.running,
            policy=lambda: settings.policy(self._config),
            keeping=lambda: settings.keeping(self._config),
            tick=self._counts.write,
            keep_mark=self._data.mark.keep,
            tend_log=self._log.tend,
            look=self._data.look,
            replaced=lambda: self._data.database.replaced,
            damage=lambda: self._data.database.damage,
            clock=self._clock,
            note=self._note,
            make_room=self._shedder.make_spare_room,
            weigh=self._shedder.weigh,
            forget_capabilities=self._forget_capabilities,
            count_missing=self._shedder.count_missing,
        )
        return Upkeep(edges)

    @property
    def port(self) -> int:
        """The port that modalities print on without TLS; 0 when there is none."""
        return self._acceptor.port

    def start(self) -> None:
        """Listen, settle what an earlier run left behind, then begin to print.

        Raises: CannotListen: when a port cannot be had.
        """
        self._warn()
        self.spool.clear_incoming()
        self.printers.sync(self._config.addresses())
        self._acceptor.start()
        self.upkeep.settle()
        self._dispatcher.start()
        self._monitor.start()
        self._rechecks.start()
        if self._config.broker.send_events:
            self._pool.start()
        self.upkeep.start()
        self._vitals.start(
            lambda: self._acceptor.associations,
            lambda: self._acceptor.listening,
            self._storage,
            lambda: self._config.retention.floor_mb << 20,
        )
        self._night.start()
        self._note(
            Event.BROKER_LISTENS,
            {
                "ae_title": self._config.broker.ae_title,
                "host": ", ".join(hosts_of(self._config.broker.host)),
                "port": self.port,
                "addresses": self._acceptor.addresses,
                **({"tls_port": self._acceptor.tls_port} if self._certificates.modalities else {}),
                "printers": len(self._config.printers),
            },
        )

    def stop(self, beside: Mapping[str, Callable[[], object]] | None = None) -> None:
        """No new associations; what is in hand gets the configured grace.

        `beside` ends what runs beside the relay, by name. All parts end beside each other: a stop
        takes the grace, or PARTS_S if that is longer, and LAST_S more.
        """
        grace_s = self._config.broker.grace_s
        self._note(Event.BROKER_STOPS, {"grace_s": grace_s})
        ended: dict[str, bool] = {"associations": False}

        def end_associations() -> None:
            ended["associations"] = self._acceptor.stop(grace_s)

        def end_attempts() -> None:
            if not self._dispatcher.stop(grace_s) and (jobs := sorted(self._dispatcher.running)):
                self._note(Event.ATTEMPTS_CUT_OFF, {"jobs": jobs})

        parts: dict[str, Callable[[], object]] = {
            "associations": end_associations,
            "attempts": end_attempts,
            "film sessions": self._sessions.stop,
            "monitor": lambda: self._monitor.stop(CHECKS_S),
            "rechecks": lambda: self._rechecks.stop(CHECKS_S),
            "pool status": lambda: self._pool.stop(PARTS_S),
            "upkeep": lambda: self.upkeep.stop(PARTS_S),
            "night check": lambda: self._night.stop(PARTS_S),
            **(beside or {}),
        }
        late = end_together(parts, max(grace_s, PARTS_S) + LAST_S, self._hurry)
        late += end_together(
            {"counts": self._write_counts, "figures": self._vitals.stop}, LAST_S, self._hurry
        )
        if late:
            self._note(Event.PARTS_CUT_OFF, {"parts": late})
        if ended["associations"]:
            self._data.close()
        # Otherwise a print request is still being written: the data folder stays taken until the
        # process has ended, so that no other broker removes its pixels.
        self._events.close()
        self._note(Event.BROKER_STOPPED, {})

    def hurry(self) -> None:
        """A stop that has begun waits for nothing more: attempts and associations are cut off.

        What is lost is what a power failure would lose: nothing that was accepted (promise 3).
        """
        self._note(Event.BROKER_STOPS_AT_ONCE, {"jobs": sorted(self._dispatcher.running)})
        self._hurry.set()
        self._acceptor.hurry()
        self._dispatcher.hurry()

    def _idle(self) -> bool:
        """Whether no film is in hand, nor was a moment ago."""
        return not self._dispatcher.running and self._vitals.quiet_s >= QUIET_S

    def _damaged(self, words: str) -> None:
        """A damaged page was met, for the first time in this life."""
        self._note(Event.DATABASE_DAMAGED, of_damage(self._config.database_file, words))

    def _replaced(self, words: str) -> None:
        """It was seen, for the first time, that the database is not the one that was opened.

        No other one fits the spool from now on, however far it comes: an operator decides.
        """
        try:
            self._data.seal()
        except OSError as error:  # upkeep tries again
            self._note(Event.UPKEEP_FAILED, {"why": f"the spool's mark: {error.strerror}"})
        self._note(Event.DATABASE_REPLACED, of_replacement(self._config.database_file, words))

    def _storage(self) -> Storage:
        """How the database is, for the page."""
        log, found = self._log.state, self._night.found
        return Storage(
            damage=self._data.database.damage,
            replaced=self._data.database.replaced,
            faults=found.faults,
            fault=found.first,
            checked_at=found.at,
            log_bytes=log.bytes,
            log_reader=log.reader,
            log_reader_s=log.reader_s,
        )

    def _write_counts(self) -> None:
        try:
            self._counts.write()
        except DatabaseReplaced:
            return  # told where it was seen
        except Exception as error:  # noqa: BLE001 - a lost count must not stop the end
            self._note(Event.STORAGE_FAILED, {"why": in_words(error)})

    def reload(self, config: Config) -> Config | None:
        """Take over what needs no restart; what the broker goes on with, or None when that is what
        it had.

        Where it fails, or is refused, that is noted and shown until a later one succeeds: a wrong
        certificate, or a busy disk, must not end the relay.
        """
        judgement = judged(self._config, config)
        why = "; ".join(judgement.refused)
        if not why:
            try:
                self._take_over(config, judgement)
            except Exception as error:  # noqa: BLE001 - see above
                why = in_words(error)
        if why:
            self._note(Event.CONFIGURATION_NOT_TAKEN, {"why": why})
        self._vitals.reloaded(why)
        return None if why else self._config

    def not_readable(self, problems: list[str]) -> None:
        """Note, and show until a reload succeeds, that the file cannot be used."""
        self._note(Event.CONFIGURATION_NOT_READABLE, {"problems": problems})
        self._vitals.reloaded("; ".join(problems))

    def _take_over(self, config: Config, judgement: Reload) -> None:
        found = certificates.load(config, self._clock())
        kept = found.modalities or self._certificates.modalities
        before = {printer.name for printer in self._config.printers}
        after = {printer.name for printer in config.printers}
        facts: dict[str, object] = {"printers": len(after), "came": sorted(after - before)}
        if gone := sorted(before - after):
            waiting = [
                job.id for job in self.jobs.queries.list({State.QUEUED}) if job.pinned in gone
            ]
            facts |= {"went": gone, "jobs_sent_there": waiting}
        if not after:
            facts["words"] = "no printers are configured: new films are refused"
        self.printers.sync(config.addresses())
        self._certificates = replace(found, modalities=kept)
        self._warn()
        self._config = judgement.config
        self._sessions.renew()
        self._dispatcher.wake()
        self._note(Event.CONFIGURATION_READ, facts)
        if judgement.restart:
            words = f"changed, but needs a restart: {', '.join(judgement.restart)}"
            self._note(Event.CONFIGURATION_NEEDS_RESTART, {"words": words})

    def _warn(self) -> None:
        for each in self._certificates.warnings:
            self._note(Event.CERTIFICATE, {"words": each})

    def _offers(self) -> list[Offer]:
        """What modalities may use now.

        Presentation LUT only while some printer may take it: a modality to which it is not
        offered renders its LUT itself, and its films need not wait for a printer that is not there.
        """
        try:
            without = self.printers.refuse_lut()
        except Exception as error:  # noqa: BLE001 - a failing disk must not keep modalities out
            self._note(Event.STORAGE_FAILED, {"why": in_words(error)})
            without = False
        wanted = [VERIFICATION, *OFFERED]
        if without:
            wanted.remove(PRESENTATION_LUT)
        return [Offer(each, SYNTAXES_TAKEN) for each in wanted]

    def _takes(self, address: Address, asked: Combination) -> bool:
        return self._sessions.meanwhile(address, lambda: self._opener.takes(address, asked))

    def _image_boxes(self, address: Address, session: Attributes, film_box: Attributes) -> int:
        return self._sessions.meanwhile(
            address, lambda: self._opener.image_boxes(address, session, film_box)
        )

    def _forget_capabilities(self) -> None:
        before = self._clock() - self._config.retry.learned_days * 86400
        if number := self.capabilities.expire(before):
            self._note(Event.CAPABILITIES_FORGOTTEN, {"number": number})

    def _serve(self, association: AcceptedAssociation) -> PrintScp:
        return PrintScp(
            association,
            self._intake,
            self._note,
            version=VERSION,
            allowance=settings.allowance(self._config),
            holdings=self._holdings,
            turns=self._turns,
            strict=association.calling_ae in self._config.broker.strict,
            impossible=self._takes_none,
            image_boxes=self._formats,
            pool=(lambda: self._pool.current) if self._config.broker.send_events else None,
            session_over=self._sessions.modality_ended,
        )

    def _reported(self, name: str, report: EventReport) -> None:
        """What a printer reports while a film is in hand there; it must cost that film nothing."""
        if (status := status_of(report)) is not None:
            self._monitor.hear(name, of_printer_status(status.status, status.info))

    def _probe(self, address: Address) -> Check:
        lingers = address.name in self._sessions.lingering
        check = probe(
            address,
            calling_ae=self._config.broker.ae_title,
            timeout_s=self._config.health.timeout_s,
            tls=self._certificates.printers.get(address.name),
        )
        return beside_an_association(check) if lingers else check
