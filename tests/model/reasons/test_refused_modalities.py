"""When it is told that a modality is refused that printed before."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from broker.model.reasons.alert_rules import AlertLimits, Known, Seen, due_notices
from broker.model.reasons.refused_modalities import PATIENCE_S, RefusedModality

LIMITS = AlertLimits(oldest_s=900, reminder_s=3600)
CT = RefusedModality("called AE", "CT1 at 10.0.0.9", 0.0, "it calls BORKER")
MR = RefusedModality("called AE", "MR1 at 10.0.0.8", 0.0)


def told(*steps: tuple[float, Seen]) -> list[list[str]]:
    """The subjects at each step, from knowing nothing."""
    known, found = Known(), []
    for now, seen in steps:
        notices, known = due_notices(known, seen, now, LIMITS)
        found.append([each.subject for each in notices])
    return found


def of(*refused: RefusedModality) -> Seen:
    """What is seen of them."""
    return Seen(refused=refused)


def test_it_is_told_once_until_it_prints_again() -> None:
    """However often it is refused meanwhile, over days; then anew, and not twice in ten minutes."""
    later = replace(CT, refused_at=90_000.0)
    assert told(
        (0, of(CT)), (59, of(CT)), (60, of(CT)), (65, of(CT)), (4000, of(CT)), (90_000, of(later)),
        (90_100, of()), (90_200, of(replace(CT, refused_at=90_200.0))),
        (90_260, of(replace(CT, refused_at=90_200.0))),
    ) == [[], [], ["CT1 at 10.0.0.9 is refused: called AE"], [], [], [], [], [],
        ["CT1 at 10.0.0.9 is refused: called AE"]]  # fmt: skip
    quick = replace(CT, refused_at=70.0)
    steps = [(0, of(CT)), (60, of(CT)), (65, of()), (70, of(quick)), (600, of(quick))]
    assert told(*steps)[2:] == [[], [], []]
    (subjects,) = [told(*steps, (665, of(quick)), (725, of(quick)))[-1]]
    assert subjects == ["CT1 at 10.0.0.9 is refused: called AE"]


def test_one_that_prints_within_a_minute_is_no_news() -> None:
    """Many modalities try again at once, in another way."""
    assert told((0, of(CT)), (30, of()), (61, of())) == [[], [], []]


def test_each_kind_is_told_by_itself() -> None:
    """A modality that is refused for another reason is news; those of one kind are told together,
    with what each of them called, and further ones a minute later."""
    other = replace(MR, kind="wrong request")
    notices, known = due_notices(Known(), of(CT, MR, other), 0, LIMITS)
    assert notices == []
    notices, known = due_notices(known, of(CT, MR, other), PATIENCE_S, LIMITS)
    assert [each.subject for each in notices] == [
        "2 modalities are refused: called AE",
        "MR1 at 10.0.0.8 is refused: wrong request",
    ]
    assert "CT1 at 10.0.0.9 (it calls BORKER), MR1 at 10.0.0.8" in notices[0].text
    assert "`broker refusals`" in notices[0].text
    assert {each.event for each in notices} == {"modality refused"}


def test_what_was_refused_long_ago_is_no_news() -> None:
    """As with the first start of a version that tells it."""
    assert told((4000, of(CT)), (4100, of(CT))) == [[], []]


@given(st.lists(st.tuples(st.floats(0, 1000), st.booleans()), max_size=30))
def test_between_two_messages_it_has_printed(steps: list[tuple[float, bool]]) -> None:
    """Whatever happens when, and whatever the clock says."""
    known, open_message = Known(), False
    for now, refused in steps:
        notices, known = due_notices(known, of(CT) if refused else of(), now, LIMITS)
        if not refused:
            open_message = False
        assert not (notices and open_message)
        open_message = open_message or bool(notices)
