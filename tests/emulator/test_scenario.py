"""Scenarios as text."""

from __future__ import annotations

import pytest

from broker.dicom import statuses
from broker.emulator.scenario import HELP, Scenario, UnknownScenario


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Scenario()),
        ("ok", Scenario()),
        ("down", Scenario("down", down=True)),
        ("jam", Scenario("jam", jam=True)),
        ("busy", Scenario("busy", busy=True)),
        ("warns:supply low", Scenario("warns:supply low", warning="SUPPLY LOW")),
        ("slow:2", Scenario("slow:2", seconds=2.0)),
        ("slow:0.25", Scenario("slow:0.25", seconds=0.25)),
        ("refuse-size:14inx17in", Scenario("refuse-size:14inx17in", refused_size="14INX17IN")),
        (
            "refuse-action:0x0110",
            Scenario("refuse-action:0x0110", refused_action=statuses.PROCESSING_FAILURE),
        ),
        (
            "refuse-action:272",
            Scenario("refuse-action:272", refused_action=statuses.PROCESSING_FAILURE),
        ),
        ("dies-in-set", Scenario("dies-in-set", dies_at_set=1)),
        ("dies-in-set:3", Scenario("dies-in-set:3", dies_at_set=3)),
        ("prints-and-dies", Scenario("prints-and-dies", dies_after_print=True)),
        ("no-lut", Scenario("no-lut", no_lut=True)),
        (" slow:1 , no-lut ", Scenario("slow:1,no-lut", seconds=1.0, no_lut=True)),
    ],
)
def test_words_become_faults(text: str, expected: Scenario) -> None:
    """Each word is one fault; several are joined with commas."""
    assert Scenario.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "on fire",
        "down:1",
        "warns",
        "warns:more than a code string",
        "slow",
        "slow:soon",
        "slow:-1",
        "slow:nan",
        "refuse-size",
        "refuse-action",
        "refuse-action:no",
        "refuse-action:0",
        "refuse-action:0x10000",
        "dies-in-set:0",
        "jam,on fire",
    ],
)
def test_what_is_no_scenario_is_answered_with_those_that_are(text: str) -> None:
    """The error names the word, and every scenario that there is."""
    with pytest.raises(UnknownScenario) as caught:
        Scenario.parse(text)
    assert text.split(",")[-1] in str(caught.value)
    assert all(name in str(caught.value) for name in HELP)


@pytest.mark.parametrize("name", HELP)
def test_every_scenario_of_the_help_can_be_had(name: str) -> None:
    """What the help lists can be typed, with a value in place of the capitals."""
    values = {"SECONDS": "1", "FILM_SIZE": "A3", "STATUS": "0xC602", "INFO": "COVER OPEN"}
    word, _, value = name.replace("[:N]", ":2").partition(":")
    text = f"{word}:{values.get(value, value)}" if value else word
    assert Scenario.parse(text).text == text


def test_what_takes_the_printer_down_does_not_outlive_its_repair() -> None:
    """Only down, dies-in-set and prints-and-dies are fatal."""
    fatal = {
        name
        for name in ("down", "jam", "busy", "slow:1", "no-lut", "dies-in-set")
        if Scenario.parse(name).fatal
    }
    assert fatal == {"down", "dies-in-set"}
    assert Scenario.parse("prints-and-dies").fatal
