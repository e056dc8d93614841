"""The benches of tests/bench, each for a moment: what they publish can be measured anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.model.films.film import Film
from broker.model.storage.disk import MB
from tests.bench import (
    answers_lost,
    beside,
    change_count,
    film_rate,
    film_times,
    films_taken,
    half_open,
    idle,
    memory,
    relay_cpu,
    silent,
    small_disk,
)
from tests.bench.front import BrokerFront
from tests.bench.plain_modality import AnswerLost
from tests.bench.rounds import Rounds
from tests.bench.servers import OPENERS, Server, missing


@pytest.mark.parametrize("modality", sorted(film_times.MODALITIES))
def test_films_are_timed_on_every_server(modality: str) -> None:
    """The limit, the broker and its peers take the same films, and each is timed."""
    names = [name for name in OPENERS if name != "dcmprscp" or not missing()]

    found = film_times.measure(names, {64: 2}, film_times.MODALITIES[modality])

    assert list(found) == [(64, name) for name in names]
    for taken in found.values():
        assert len(taken) == 2
        assert all(0 < each.action < each.whole for each in taken)


def test_a_lost_answer_is_no_time_of_the_servers() -> None:
    """Where the modality's library loses an answer, another film is timed in its place."""
    asked = []

    def forgetful(server: Server, film: Film, content: bytes) -> film_times.Taken:
        asked.append(content)
        if len(asked) == 2:
            raise AnswerLost("N-ACTION was not answered")
        return film_times.print_film(server, film, content)

    found = film_times.measure(["limit"], {64: 2}, forgetful)

    assert len(found[64, "limit"]) == 2
    assert len(set(asked)) == 4


def test_counting_changes_costs_no_film_its_time(tmp_path: Path) -> None:
    """Both kinds of commit are measured."""
    found = change_count.measure(tmp_path, 20)

    assert set(found) == {"counted", "not counted"}
    assert all(median > 0 for median in found.values())


def test_idle_associations_cost_nothing() -> None:
    """A dozen that say nothing take a tenth of what one of pynetdicom's dozen threads does."""
    found = {each.server: each for each in idle.measure([12], 2.0)}

    assert found["broker"].cpu_percent < found["pynetdicom"].cpu_percent / 5


def test_no_image_is_ever_held() -> None:
    """An image of 32 MB comes in and goes out within 8 MB."""
    found = memory.measure([(4096, 1)])

    (broker,) = (each for each in found if each.server.startswith("broker"))
    assert broker.image == 32 * MB
    assert broker.grown <= 8 * MB


def test_films_a_minute_are_those_on_paper(tmp_path: Path) -> None:
    """Every film is printed, and none refused."""
    found = film_rate.run(BrokerFront, tmp_path, 1)

    assert found.refused == 0
    assert len(list(tmp_path.glob("oki-*/[0-9]*.json"))) == film_rate.MODALITIES
    assert found.a_minute > 0


def test_no_answer_to_the_broker_is_lost() -> None:
    """The thread that asks reads the answer itself: no other takes it; every film is a sheet."""
    ours, theirs = answers_lost.measure({"broker's": 64, "pynetdicom": 2})

    assert (ours.films, ours.lost, ours.sheets) == (64, 0, 64)
    assert (theirs.films, theirs.sheets) == (2, 2)


def test_processor_time_is_that_of_the_relay() -> None:
    """Both relays pass every film on, and what they took for it is known."""
    found = relay_cpu.measure(2, 512)

    assert [(each.relay, each.films) for each in found] == [("broker", 2), ("pynetdicom", 2)]
    assert all(each.cpu_s_per_gb > 0 for each in found)


def test_one_silent_connection_delays_no_other() -> None:
    """With TLS and without, beside one that says nothing or half a ClientHello."""
    told: list[str] = []

    found = silent.measure(2, lambda _number, words: told.append(words))

    assert len(told) == silent.CASES
    ours = [each for each in found if each.server.startswith("broker")]
    assert [each.silent for each in ours] == ["connected", "connected", "half a ClientHello"]
    assert all(len(each.beside) == 2 for each in ours)
    assert not any(each.stuck for each in ours)


@pytest.mark.usefixtures("network")
def test_a_half_open_connection_keeps_no_film_for_long() -> None:
    """The films behind it are out soon, the film in hand is uncertain, and the table says why."""
    told: list[str] = []

    (found,) = half_open.measure(["alone"], lambda _number, words: told.append(words))

    assert found.good, found
    assert found.health == ["up at 0 s"]
    assert "waits for the answer to N-ACTION" in found.said_printer
    assert len(told) == 1


def test_large_films_do_not_keep_a_small_one() -> None:
    """It gets its turn between their pieces."""
    with Rounds(1) as bar:
        (found,) = beside.measure(["broker"], 3, bar)

    assert (len(found.alone), len(found.beside)) == (3, 3)
    assert max(found.beside) < 5000


def test_films_on_a_small_disk_are_timed() -> None:
    """Printed films make room for new ones: none is refused on either disk."""
    found = small_disk.measure(12, 130)
    assert {name: (len(each.seconds), each.refused) for name, each in found.items()} == {
        small_disk.SMALL: (12, 0),
        small_disk.LARGE: (12, 0),
    }


def test_films_taken_are_counted() -> None:
    """Two modalities print on a broker for a moment, and what it took is a rate."""
    openers = {"broker": films_taken.SERVERS["broker"]}

    found = films_taken.measure(1, 0.5, numbers=(2,), openers=openers)

    ((key, (rate,)),) = found.items()
    assert key == ("broker", 2)
    assert rate > 0
