"""Figures for Prometheus, and the two questions of a balancer, on a real print room."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from broker.config.file import load
from broker.model.peers.refusal import Refusal
from broker.operations.condition.readiness import read_vitals
from broker.operations.opened import Store, store_of
from broker.store.database import FAILURES, Database
from broker.web.metrics import Part, SpoolSize, parts, rendered
from tests.cli.conftest import Site, running, site
from tests.peers.obstacles import problems
from tests.peers.processes import children
from tests.web.print_room import PATIENT, PrintRoom

__all__ = ["running", "site"]

SAMPLES = Path(__file__).parents[2] / "samples"
Key = tuple[str, frozenset[tuple[str, str]]]


def figures(text: str) -> Mapping[Key, float]:
    """Name without its prefix, and labels, to value."""
    return {
        (each.name.removeprefix("dicom_print_broker_"), frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def told(found: Mapping[str, Part]) -> Mapping[Key, float]:
    """What is told of parts, some of which may not be readable."""

    def read_or_none(part: Part) -> Sequence[Metric] | None:
        try:
            return part()
        except FAILURES:
            return None

    return figures(rendered({name: read_or_none(part) for name, part in found.items()}).decode())


def key(name: str, **labels: str) -> Key:
    """As `figures` has it."""
    return name, frozenset(labels.items())


def total(found: Mapping[Key, float], name: str, **labels: str) -> float:
    """A figure of all printers together."""
    return sum(
        value for (its, has), value in found.items() if its == name and labels.items() <= has
    )


READABLE = {part: key("readable", part=part) for part in ("relay", "database", "disk")}


def test_films_are_counted_in_and_out(room: PrintRoom) -> None:
    """Two films through the broker: received, printed, how long both took, and nothing of the
    patient.
    """
    room.print(40)
    room.print(80)
    room.process.wait_for("job sent", job=2)
    text = ""
    # Both printers may have printed one, or one of them both.
    while total(found := figures(text), "attempts_total", outcome="accepted") < 2:
        text = httpx.get(f"{room.url}/metrics").text
    assert total(found, "films_accepted_total") == total(found, "films_printed_total") == 2
    assert found[key("build_info", version=version("dicom-print-broker"))] == 1
    assert found[key("up")] == 1
    assert found[key("films_received_total")] == 2
    assert found[key("jobs_received_total")] == 2
    assert found[key("answer_seconds_count")] == 2
    assert 0 < found[key("answer_seconds_sum")] < 10
    assert found[key("acceptance_seconds_count")] == found[key("paper_seconds_count")] == 2
    assert found[key("jobs", state="sent")] == 2
    assert found[key("printer_health", printer="oki-1", health="up")] == 1
    assert found[key("printer_duty", printer="oki-2", duty="ready")] == 1
    assert found[key("associations_accepted_total")] >= 2
    assert found[key("disk_free_bytes")] > found[key("disk_floor_bytes")] > 0
    assert found[key("spool_bytes")] >= 64 * 64
    assert found[key("spool_orphans")] == found[key("spool_orphans_bytes")] == 0
    assert (found[key("database_damaged")], found[key("database_faults")]) == (0, 0)
    assert found[key("database_replaced")] == 0
    assert key("database_log_bytes") in found
    assert PATIENT not in text


def test_trouble_is_counted(room: PrintRoom) -> None:
    """A job that waits by its age; what has not happened yet is 0, so that its rise is seen."""
    for name in room.printers:
        room.broker("printers", "drain", name)
    room.print(40)
    found = figures(httpx.get(f"{room.url}/metrics").text)
    assert found[key("jobs", state="queued")] == 1
    assert found[key("oldest_waiting_job_seconds")] > 0
    assert found[key("printer_duty", printer="oki-1", duty="drain")] == 1
    for kind in Refusal:
        assert found[key("refusals_total", kind=str(kind))] == 0
    assert found[key("films_accepted_total", printer="oki-2")] == 0


def test_a_balancer_hears_whether_films_are_taken(room: PrintRoom) -> None:
    """Alive and ready while the relay runs."""
    assert httpx.get(f"{room.url}/healthz").text == "ok\n"
    ready = httpx.get(f"{room.url}/readyz")
    assert (ready.status_code, ready.text) == (200, "ready\n")
    vitals = read_vitals(room.folder / "broker-data")
    assert vitals is not None
    assert vitals.pid == room.process.process.pid
    room.process.end(signal.SIGTERM)
    assert read_vitals(room.folder / "broker-data") is None
    with store_of(load(room.config)) as store:
        assert problems(store) == ["no broker is running on this data directory"]


def test_the_page_ends_first_when_memory_runs_out(room: PrintRoom) -> None:
    """The system ends the process with the highest score."""
    httpx.get(f"{room.url}/healthz")
    relay = room.process.process.pid
    (page,) = children(relay)
    scores = [int(Path(f"/proc/{each}/oom_score_adj").read_text()) for each in (relay, page)]
    assert scores[1] == 500
    assert scores[0] < 500


def test_a_reload_that_failed_is_told_and_refuses_no_film(room: PrintRoom) -> None:
    """The page, the figures and readiness say so until the file is mended; readiness stays 200."""
    right = room.config.read_text()
    room.config.write_text("")
    room.process.send(signal.SIGHUP)
    room.process.wait_for("configuration not taken")
    said = "ready\nthe configuration file was changed and not reloaded"
    while not (ready := httpx.get(f"{room.url}/readyz")).text.startswith(said):
        assert ready.status_code == 200
    assert ready.status_code == 200
    assert figures(httpx.get(f"{room.url}/metrics").text)[key("reload_failed")] == 1
    assert "THE CONFIGURATION WAS NOT RELOADED" in httpx.get(room.url).text

    room.config.write_text(right)
    room.process.send(signal.SIGHUP)
    while httpx.get(f"{room.url}/readyz").text != "ready\n":
        assert room.process.process.poll() is None
    assert figures(httpx.get(f"{room.url}/metrics").text)[key("reload_failed")] == 0


@pytest.mark.usefixtures("running")
def test_what_is_in_the_way_is_named(site: Site) -> None:
    """No place to put films, no room, a locked database: a line each."""
    with store_of(load(site.file)) as store:
        assert problems(store) == []
    (site.folder / "broker-data" / "spool" / "incoming").rmdir()
    site.file.write_text(site.file.read_text() + "[retention]\nfloor_mb = 10000000\n")
    with store_of(load(site.file)) as store, site.database.write():
        said = problems(store)
    assert [re.sub(r"[\d.]+ [MG]B", "N", each) for each in said] == [
        "the spool is missing, or cannot be written",
        "the disk is nearly full: N free, less than the N of retention.floor_mb",
        "the database is locked by another program",
    ]


@pytest.mark.usefixtures("running")
def test_a_database_that_fails_is_a_reason_and_no_fault(site: Site) -> None:
    """Not ready, and a line that says why: a balancer must not hear of an error instead."""
    with store_of(load(site.file)) as store:
        file = store.config.database_file
        for each in file.parent.glob(f"{file.name}*"):
            each.unlink()
        file.write_bytes(b"no database " * 100)
        site.database.close()
        store = Store(store.config, Database.open(store.config.database_url))
        assert problems(store) == [
            "the database cannot be written: the database: file is not a database"
        ]


@pytest.mark.usefixtures("running")
def test_a_part_that_cannot_be_read_hides_no_other(site: Site) -> None:
    """A database that fails: the broker is still said to be up, the disk is told of, and the
    database is named; a monitor that got an error instead would say that no broker runs.
    """
    with store_of(load(site.file)) as store:
        read_by_name = parts(store, SpoolSize(site.folder / "broker-data" / "spool"), lambda: 0.0)
        assert told(read_by_name)[READABLE["database"]] == 1
        for each in site.folder.glob("broker-data/broker.db*"):
            each.write_bytes(b"no database " * 100)
        found = told(read_by_name)
    assert [found[each] for each in READABLE.values()] == [1, 0, 1]
    assert found[key("up")] == 1
    assert found[key("disk_free_bytes")] > 0
    assert not any(name == "jobs" for name, _ in found)


@pytest.mark.usefixtures("running")
def test_a_broken_file_of_vital_signs_is_none(site: Site) -> None:
    """Half a file, or another version's, is as good as none: never an error on the page."""
    for text in ("", "{", "[]", '{"pid": 1}', '{"pid": 1, "started_at": 0, "tally": {"x": 1}}'):
        (site.folder / "broker-data" / "vitals.json").write_text(text)
        assert read_vitals(site.folder / "broker-data") is None


def test_the_samples_name_only_figures_that_there_are(room: PrintRoom) -> None:
    """Alert rules and dashboard ask for nothing that is never told."""
    room.print(40)
    room.process.wait_for("job sent")
    names: set[str] = set()
    while "dicom_print_broker_attempts_total" not in names:
        text = httpx.get(f"{room.url}/metrics").text
        names = {
            each.name for family in text_string_to_metric_families(text) for each in family.samples
        }
    for sample in ("alerts.yml", "dashboard.json"):
        asked = set(re.findall(r"dicom_print_broker_\w+", (SAMPLES / sample).read_text()))
        assert len(asked) > 5
        assert asked <= names, sample
