"""Films by hour, of each modality and printer."""

from __future__ import annotations

from broker.model.day import HOURS, HourOfOne, beginning, days, together


def test_hours_are_those_of_the_clock() -> None:
    """The hour that runs now is the last."""
    now = 100 * 3600.0 + 1234.5
    assert beginning(now) == (100 - 23) * 3600.0
    assert (now - beginning(now)) // 3600 == HOURS - 1


def test_a_day_is_added_up() -> None:
    """The one with most films first; seconds are those of all sendings, or none."""
    found = days(
        [
            HourOfOne("oki-2", 3, 2, waited_s=10.0, sendings=2, longest_s=8.0),
            HourOfOne("oki-1", 0, 5, waited_s=5.0, sendings=5, longest_s=1.5),
            HourOfOne("oki-2", 23, 1, waited_s=2.0, sendings=1, longest_s=2.0),
            HourOfOne("oki-3", 24, 9, waited_s=0.0),
        ]
    )
    assert [(each.name, each.total) for each in found] == [("oki-1", 5), ("oki-2", 3), ("oki-3", 0)]
    assert (found[1].films[3], found[1].films[23]) == (2, 1)
    assert (found[1].mean_s, found[1].longest_s) == (4.0, 8.0)
    assert (found[2].mean_s, found[2].longest_s) == (None, None)
    assert together(found)[0] == 5
    assert sum(together(found)) == 8
