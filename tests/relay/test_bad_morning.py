"""The bad morning of tests/bench, once: what is published of it must stay so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import bad_morning, haproxy, morning
from tests.bench.figures import Listed, Told, count, medians
from tests.bench.films import films_of
from tests.bench.front import BrokerFront
from tests.bench.morning import Plan
from tests.peers.required import cannot_run


@pytest.fixture
def balancer() -> type[haproxy.HaproxyFront]:
    """HAProxy: skipped without it, or failed where it is required."""
    if absent := haproxy.missing():
        cannot_run(f"missing: {', '.join(absent)}")
    return haproxy.HaproxyFront


def test_a_bad_morning_costs_no_film(tmp_path: Path) -> None:
    """None of 96 films is refused, lost or printed twice; the uncertain ones are listed."""
    found = morning.run(Plan(), BrokerFront, tmp_path)

    assert (found.asked, found.accepted, found.refused) == (96, 96, 0)
    assert (found.lost, found.duplicated, found.failed_yet_printed) == (0, 0, 0)
    assert found.sheets == 96 - found.uncertain + found.uncertain_printed
    assert found.good


def test_the_same_morning_can_be_measured_with_haproxy(
    tmp_path: Path, balancer: type[haproxy.HaproxyFront]
) -> None:
    """HAProxy passes films on to printers, and refuses some when a printer refuses them."""
    plan = Plan(modalities=4, films=4, dies_at=0.1, refuses_at=0.2, recover_at=1.0, interval_s=0.5)

    found = morning.run(plan, balancer, tmp_path)

    assert found.asked == 16
    assert found.accepted + found.refused == 16
    assert found.accepted >= 1
    assert found.refused >= 1
    assert found.sheets == found.accepted + found.failed_yet_printed
    assert sum(found.refusals.values()) == found.refused


def test_every_film_is_counted_for_what_became_of_it() -> None:
    """Printed, uncertain, lost, printed twice and refused but printed are told apart."""
    plain, doubtful, lost, twice = films_of("CT1", 4)
    (refused,) = films_of("MR1", 1)
    told = [Told(film, "", 0.1) for film in (plain, doubtful, lost, twice)]
    told.append(Told(refused, "N-ACTION answered 0x0110", 9.0))
    jobs = [Listed("CT1", uncertain=number == 2) for number in range(1, 5)]

    found = count(
        told,
        {"oki-1": [plain.pixels, twice.pixels], "oki-2": [twice.pixels, refused.pixels]},
        jobs,
        3.0,
    )

    assert (found.asked, found.accepted, found.refused) == (5, 4, 1)
    assert (found.sheets, found.lost, found.duplicated) == (4, 1, 1)
    assert (found.uncertain, found.uncertain_printed, found.failed_yet_printed) == (1, 0, 1)
    assert (found.modality_median_s, found.modality_worst_s) == (0.1, 0.1)
    assert found.refusals == {"N-ACTION answered 0x0110": 1}
    assert not found.good


def test_a_modality_that_was_refused_a_film_excuses_none() -> None:
    """Where jobs cannot be told apart, a film that never came out counts as lost."""
    first, second = films_of("CT1", 2)
    told = [Told(first, "refused", 0.1), Told(second, "", 0.1)]

    found = count(told, {"oki-1": []}, [Listed("CT1", uncertain=True)], 0.0)

    assert (found.refused, found.lost, found.uncertain) == (1, 1, 1)


def test_medians_are_taken_figure_by_figure() -> None:
    """Of three mornings, each figure is the middle one, and refusals are added up."""
    (film,) = films_of("CT1", 1)
    three = (("", 0.3, 1, 5.0), ("", 0.1, 2, 4.0), ("no", 0.2, 1, 6.0))
    mornings = [
        count([Told(film, error, seconds)], {"oki-1": [film.pixels] * sheets}, [], last)
        for error, seconds, sheets, last in three
    ]

    middle = medians(mornings)

    assert (middle.accepted, middle.refused, middle.sheets, middle.last_sheet_s) == (1, 0, 1, 5.0)
    assert middle.by_printer == {"oki-1": 1}
    assert middle.refusals == {"no": 1}


def test_without_haproxy_the_broker_runs_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is missing is named with its Debian package, and the broker is measured all the same."""
    monkeypatch.setattr(haproxy, "PATH", str(tmp_path))

    assert bad_morning.main(["--both", "--json"], Plan(1, 1, 0.0, 0.0, 0.0, 0.0, 0.1)) == 0

    said, progress = capsys.readouterr()
    assert "haproxy (apt-get install haproxy)" in progress
    assert "echoscu (apt-get install dcmtk)" in progress
    document = json.loads(said)
    assert list(document["columns"]) == ["broker"]
    assert document["columns"]["broker"]["medians"]["accepted"] == 1
