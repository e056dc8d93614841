"""Figures for Prometheus, in parts that are read on their own."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from broker.model.jobs.job import State
from broker.model.peers.refusal import Refusal
from broker.model.printers.printer import Duty, Health
from broker.model.reasons.condition import Condition
from broker.model.vitals import Histogram, Storage, Vitals
from broker.operations.condition.readiness import look, read_vitals
from broker.operations.condition.refusals import keeps_from_printing
from broker.operations.condition.whole import situation, standing_printers
from broker.operations.jobs.missing_pixels import folder as spool_folder
from broker.operations.opened import Store
from broker.spool.orphans import Orphans

PREFIX = "dicom_print_broker_"
COUNT_EVERY_S = 60.0
"""Between two counts of the spool's bytes: it may have many files."""

Part = Callable[[], Sequence[Metric]]
"""Reads some of the figures; one of FAILURES, or OSError."""


def parts(store: Store, spool_size: SpoolSize, clock: Callable[[], float]) -> Mapping[str, Part]:
    """By name, so that one that cannot be read hides no other."""
    figures = _Figures(store, spool_size, clock)
    return {
        "relay": figures.relay,
        "database": figures.database,
        "disk": figures.disk,
        "condition": figures.condition,
    }


def rendered(found: Mapping[str, Sequence[Metric] | None]) -> bytes:
    """Parts in Prometheus' text format. One that could not be read, None, is left out and named
    in `readable`."""
    registry = CollectorRegistry()
    registry.register(_ReadParts(found))
    return generate_latest(registry)


class _ReadParts(Collector):
    """What was read."""

    def __init__(self, found: Mapping[str, Sequence[Metric] | None]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Each part, then which were read."""
        readable = _gauge("readable", "0 while these figures cannot be read", labels=["part"])
        for name, metrics in self._found.items():
            readable.add_metric([name], float(metrics is not None))
            yield from metrics or ()
        yield readable


class SpoolSize:
    """Bytes of the spool's files, counted now and then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._counting = False
        self._bytes = 0

    def get(self) -> int:
        """The bytes, as they were a minute ago or later. A count that takes long runs in a thread;
        meanwhile the last one is returned."""
        with self._lock:
            known = self._at > float("-inf")
            if time.monotonic() - self._at < COUNT_EVERY_S or (known and self._counting):
                return self._bytes
            self._counting = True
        if not known:
            self._count()
        else:
            threading.Thread(target=self._count, name="spool-size", daemon=True).start()
        return self._bytes

    def _count(self) -> None:
        try:
            found = sum(_sizes(self._folder, set()))
            with self._lock:
                self._bytes = found
        finally:
            with self._lock:
                self._at = time.monotonic()
                self._counting = False


def _sizes(folder: Path, linked: set[int]) -> Iterator[int]:
    """Bytes of each file, of one with several names once; `linked` are such inodes that were
    met."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for each in entries:
        if each.is_dir(follow_symlinks=False):
            yield from _sizes(Path(each.path), linked)
            continue
        try:
            found = each.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # swept meanwhile
        if found.st_nlink > 1:
            if found.st_ino in linked:
                continue
            linked.add(found.st_ino)
        yield found.st_size


class _Figures:
    """The figures at one moment."""

    def __init__(self, store: Store, spool_size: SpoolSize, clock: Callable[[], float]) -> None:
        self._store = store
        self._spool_size = spool_size
        self._clock = clock
        self._version = version("dicom-print-broker")

    def relay(self) -> Sequence[Metric]:
        """What the relay has counted since it began."""
        return list(self._relay())

    def database(self) -> Sequence[Metric]:
        """Jobs, printers and refusals."""
        return list(self._database())

    def disk(self) -> Sequence[Metric]:
        """Room, and what the spool takes of it."""
        return list(self._disk())

    def condition(self) -> Sequence[Metric]:
        """The state of the whole."""
        looked = look(self._store, writing=False)
        printers, now = standing_printers(self._store), self._clock()
        whole = situation(self._store, looked.obstacles, printers, now).overall
        words = "1 for the state of the whole: one of these at any moment"
        condition = _gauge("condition", words, labels=["condition"])
        for each in Condition:
            condition.add_metric([str(each)], float(each is whole.condition))
        words = "Printers that take films, of all that are configured"
        return (condition, _gauge("printers_taking_films", words, whole.taking))

    def _relay(self) -> Iterator[Metric]:
        vitals = read_vitals(self._store.config.data_dir)
        build = _gauge(
            "build_info", "1; its label is the version of the broker", labels=["version"]
        )
        build.add_metric([self._version], 1.0)
        yield build
        yield _gauge(
            "up", "1 while a broker runs on the data directory", float(self._store.running)
        )
        if vitals is not None:
            yield from _relayed(vitals, [each.name for each in self._store.config.printers])

    def _database(self) -> Iterator[Metric]:
        yield from self._queue()
        yield from self._printers()
        refusals = _counter("refusals", "What was refused to peers, by kind", ["kind"])
        # From 0, as Prometheus sees no rise in what was not there before.
        counted = {str(kind): 0 for kind in Refusal}
        counted |= {each.kind: each.number for each in self._store.refusals.list()}
        for kind, number in counted.items():
            refusals.add_metric([kind], number)
        yield refusals
        # No AE titles as labels: a peer may call itself what it likes, and a label is for ever.
        said = "AE titles at addresses that printed before, and not since they were refused"
        modalities = _gauge("modalities_refused", said, labels=["kind"])
        kept = Counter(
            each.kind for each in self._store.refusals.callers() if keeps_from_printing(each)
        )
        for kind in counted:
            modalities.add_metric([kind], kept[kind])
        yield modalities

    def _queue(self) -> Iterator[Metric]:
        numbers = self._store.jobs.numbers()
        jobs = _gauge("jobs", "Jobs in the database by state", labels=["state"])
        for state in State:
            jobs.add_metric([str(state)], numbers.get(state, 0))
        yield jobs
        oldest = self._store.jobs.oldest_unmoved()
        age = 0.0 if oldest is None else max(0.0, self._clock() - oldest)
        said = "Age of the oldest job of which nothing comes out; 0: none"
        yield _gauge("oldest_waiting_job_seconds", said, age)

    def _printers(self) -> Iterator[Metric]:
        health = _gauge("printer_health", "1 for what was observed", labels=["printer", "health"])
        duty = _gauge("printer_duty", "1 for what a person wants", labels=["printer", "duty"])
        load = _gauge("printer_load", "Films times copies not yet settled", labels=["printer"])
        busy = _gauge("printer_attempts_running", "Attempts in flight", labels=["printer"])
        for each in self._store.printers.list():
            for kind in Health:
                health.add_metric([each.name, str(kind)], float(each.health is kind))
            for kept in Duty:
                duty.add_metric([each.name, str(kept)], float(each.duty is kept))
            load.add_metric([each.name], each.load)
            busy.add_metric([each.name], each.claims)
        yield from (health, duty, load, busy)

    def _disk(self) -> Iterator[Metric]:
        room = self._store.config.room()
        yield _gauge("disk_free_bytes", "Free on the fuller of the broker's disks", room.free)
        yield _gauge("disk_floor_bytes", "With less, films are refused", room.floor)
        yield _gauge("spool_bytes", "Pixels in the spool", self._spool_size.get())
        aside = Orphans(spool_folder(self._store)).found()
        said = "Spool files set aside, as no job refers to them"
        yield _gauge("spool_orphans", said, len(aside))
        yield _gauge("spool_orphans_bytes", f"{said}, in bytes", sum(each.size for each in aside))


def _stored(found: Storage) -> Iterator[Metric]:
    said = "1 once the relay has met a damaged page of its database"
    yield _gauge("database_damaged", said, float(bool(found.damage)))
    said = "1 once the relay has seen that its database was replaced while it was in use"
    yield _gauge("database_replaced", said, float(bool(found.replaced)))
    yield _gauge("database_faults", "What the last whole check has found", found.faults)
    if found.checked_at is not None:
        words = "When the last whole check ended"
        yield _gauge("database_checked_time_seconds", words, found.checked_at)
    yield _gauge("database_log_bytes", "Of the database's write-ahead log", found.log_bytes)
    reading = _gauge(
        "database_log_reader_seconds",
        "How long a process has kept the log from shrinking",
        labels=["process"],
    )
    if found.log_reader:
        reading.add_metric([found.log_reader], found.log_reader_s)
    yield reading


def _relayed(vitals: Vitals, printers: Sequence[str]) -> Iterator[Metric]:
    tally = vitals.tally
    yield from _stored(vitals.storage)
    yield _gauge("start_time_seconds", "When the relay started", vitals.started_at)
    refused = "1 while the configuration file was changed and not reloaded"
    yield _gauge("reload_failed", refused, float(bool(vitals.not_reloaded)))
    yield _gauge("associations", "Associations that modalities have open", vitals.associations)
    for name, words, number in (
        ("associations_accepted", "Associations taken", tally.associations),
        ("jobs_received", "Print requests taken", tally.jobs),
        ("films_received", "Films taken", tally.films),
        ("possible_duplicates", "Jobs that may have come before", tally.duplicates),
        ("images_refused", "Refused images of films printed all the same", tally.images_refused),
        ("jobs_held", "Jobs that the relay has held for a person", tally.held),
        ("films_uncertain", "Films asked for and not answered for", tally.uncertain),
        ("jobs_shed", "Finished jobs whose pixels went early, for room", tally.shed_jobs),
        ("pixels_shed_bytes", "Bytes of those pixels", tally.shed_bytes),
    ):
        counter = _counter(name, words)
        counter.add_metric([], number)
        yield counter
    accepted = _counter("films_accepted", "Films that a printer has accepted", ["printer"])
    printed = _counter("films_printed", "The former name of films_accepted_total", ["printer"])
    for name, number in {**dict.fromkeys(printers, 0), **tally.printed}.items():
        accepted.add_metric([name], number)
        printed.add_metric([name], number)
    yield accepted
    yield printed
    attempts = _counter("attempts", "Attempts by their outcome", ["printer", "outcome"])
    for (name, outcome), number in tally.attempts.items():
        attempts.add_metric([name, outcome], number)
    yield attempts
    yield _histogram(
        "answer_seconds", "From a print request to success for the modality", tally.answer_s
    )
    yield _histogram(
        "acceptance_seconds", "From a print request to a printer's acceptance", tally.paper_s
    )
    yield _histogram("paper_seconds", "The former name of acceptance_seconds", tally.paper_s)


def _gauge(
    name: str, words: str, value: float | None = None, labels: list[str] | None = None
) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, words, value, labels)


def _counter(name: str, words: str, labels: list[str] | None = None) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, words, labels=labels or [])


def _histogram(name: str, words: str, found: Histogram) -> HistogramMetricFamily:
    buckets = [
        (f"{bound:g}" if bound < math.inf else "+Inf", number)
        for bound, number in found.cumulated()
    ]
    return HistogramMetricFamily(PREFIX + name, words, buckets, found.total)
