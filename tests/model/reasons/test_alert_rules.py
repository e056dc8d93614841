"""What is told to people who are not looking, and how often."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.reasons.alert_rules import AlertLimits, Known, Notice, Seen, due_notices

LIMITS = AlertLimits(oldest_s=900, reminder_s=3600)


def printer(name: str = "oki-1", health: Health = Health.UP, duty: Duty = Duty.READY) -> Printer:
    """One that is well, unless something else is said."""
    return Printer(
        Address(name, "OKI", "10.0.0.1", 104), duty, "", 0, health, 0,
        f"{name}: refused the connection" if health is Health.DOWN else "",
        0, 0, None, 0, 0, None, 0, 0, 0, 0, 0,
    )  # fmt: skip


def told(*steps: tuple[float, Seen]) -> list[list[str]]:
    """The subjects at each step, from knowing nothing."""
    known, found = Known(), []
    for now, seen in steps:
        notices, known = due_notices(known, seen, now, LIMITS)
        found.append([each.subject for each in notices])
    return found


OTHER = printer("oki-2")
"""One beside which films go on."""


def test_a_printer_goes_down_and_comes_back() -> None:
    """Once each; between them a reminder each hour."""
    down, up = Seen((printer(health=Health.DOWN), OTHER)), Seen((printer(), OTHER))
    assert told((0, down), (5, down), (3600, down), (3605, down), (4000, up)) == [
        ["oki-1 is down"], [], ["still: oki-1 is down"], [], ["oki-1 is back"],
    ]  # fmt: skip


def test_a_printer_that_a_person_took_out_is_no_news() -> None:
    """In drain or maint no one is told; and taken out while down, nothing comes back."""
    maint = Seen(printers=(printer(health=Health.DOWN, duty=Duty.MAINT), OTHER))
    down = Seen(printers=(printer(health=Health.DOWN), OTHER))
    assert told((0, maint)) == [[]]
    assert told((0, down), (5, maint), (9, Seen())) == [["oki-1 is down"], [], []]


def test_it_says_when_nothing_prints() -> None:
    """The last printer is another matter than one of two: one message, with what to do, and none of
    each printer or of the job that waits beside it; one when films are printed again."""
    one = Seen(printers=(printer(health=Health.DOWN), printer("oki-2")))
    both = Seen(printers=(printer(health=Health.DOWN), printer("oki-2", Health.DOWN)))
    (notice,), _ = due_notices(Known(), one, 0, LIMITS)
    assert "go to the other printers" in notice.text
    both = replace(both, waiting=3, oldest_s=1000.0, remedy="Look at the switch.")
    (notice,), known = due_notices(Known(), both, 2000, LIMITS)
    assert (notice.event, notice.subject) == ("nothing prints", "nothing prints")
    assert notice.text.startswith("NOTHING PRINTS since ")
    assert "oki-1 and oki-2 are down" in notice.text
    assert "3 jobs wait, the oldest for 17 min" in notice.text
    assert notice.text.endswith("Look at the switch.")
    assert due_notices(known, both, 2010, LIMITS)[0] == []
    over, _ = due_notices(known, replace(one, waiting=3, oldest_s=1010.0), 2010, LIMITS)
    assert [each.subject for each in over] == ["oki-1 is down", "a printer accepts films again"]


def test_a_printer_that_refuses_everything_prints_nothing() -> None:
    """The last one, which answers its checks: nothing prints, and that is told."""
    refusing = replace(printer("oki-2"), refusing="refuses every film")
    (notice,), _ = due_notices(Known(), Seen((refusing,), oldest_s=5.0), 10, LIMITS)
    assert notice.event == "nothing prints"
    assert "oki-2 refuses every film" in notice.text


def test_that_films_are_refused_is_told_and_that_they_are_accepted_again() -> None:
    """Once each; a full disk has a message of its own, which says the same."""
    locked = Seen((OTHER,), why_refused=("the database is locked by another program",))
    assert told((0, locked), (5, locked), (10, Seen((OTHER,)))) == [
        ["new films are refused"], [], ["films are accepted again"],
    ]  # fmt: skip
    full = Seen((OTHER,), why_refused=("the disk is nearly full",), low=True)
    assert told((0, full)) == [["the disk is nearly full, new films are refused"]]


def test_a_film_without_an_image_is_told_once() -> None:
    """Those of a minute together; without a reminder, and with no word that it is over; a restart
    does not tell it again."""
    one, three = Seen(incomplete=(7,)), Seen(incomplete=(7, 8, 9))
    assert told((0, one), (5, three), (65, three), (9000, three), (9005, Seen())) == [
        ["job 7 printed without an image"],
        [],
        ["jobs 8, 9 printed without an image"],
        [],
        [],
    ]


def test_while_the_database_is_damaged_an_incomplete_film_stays_told() -> None:
    """Nothing else is seen meanwhile, which does not mean that it is gone."""
    one = Seen(incomplete=(7,))
    damaged = Seen(damage="database disk image is malformed")
    assert told((0, one), (70, damaged), (140, one)) == [
        ["job 7 printed without an image"],
        ["the database is damaged"],
        [],
    ]


def test_held_jobs_are_told_together() -> None:
    """Many within a minute are one message; only new ones are told; released ones need no word."""
    assert told(
        (0, Seen(held=(4,))),
        (5, Seen(held=(4, 10))),
        (65, Seen(held=(4, *range(10, 40)))),
        (69, Seen(held=(4, 12))),
        (4000, Seen(held=(4, 12))),
        (4005, Seen()),
        (4009, Seen(held=(4,))),
    ) == [["job 4 held"], [], ["30 jobs held"], [], ["still: jobs 4, 12 held"], [], ["job 4 held"]]


def test_waiting_and_the_disk_have_two_ends() -> None:
    """Too long, and moving again; full, and free again."""
    waits = Seen((OTHER,), oldest_s=901)
    low = Seen(low=True, free_mb=12)
    assert told((0, waits), (5, Seen((OTHER,), oldest_s=10)), (6, low), (7, Seen(free_mb=900))) == [
        ["a job has waited for 15 min"],
        ["no job waits too long any more"],
        ["the disk is nearly full, new films are refused"],
        ["there is room on the disk again"],
    ]


def test_a_printer_that_comes_and_goes_is_told_once_in_ten_minutes() -> None:
    """Its first going and coming are news; then it is told when it is down after the calm."""
    down, up = Seen((printer(health=Health.DOWN), OTHER)), Seen((printer(), OTHER))
    swings = [(float(at), (down, up)[at // 10 % 2]) for at in range(0, 700, 10)]

    found = told(*swings, (700.0, up))

    assert [
        (at, subjects) for (at, _), subjects in zip([*swings, (700.0, up)], found, strict=True)
        if subjects
    ] == [
        (0.0, ["oki-1 is down"]), (10.0, ["oki-1 is back"]),
        (600.0, ["oki-1 is down"]), (610.0, ["oki-1 is back"]),
    ]  # fmt: skip


def test_that_nothing_prints_is_news_however_lately_a_printer_was_told() -> None:
    """Two printers that come and go: the last one's going is another matter, and told once."""
    up, down = Health.UP, Health.DOWN

    def seen(first: Health, second: Health) -> Seen:
        return Seen((printer(health=first), printer("oki-2", second)))

    steps = [(0, seen(up, down)), (5, seen(up, up)), (10, seen(down, up)), (15, seen(down, down))]
    known, texts = Known(), []
    for now, each in [*steps, (20, seen(down, up)), (25, seen(down, down))]:
        notices, known = due_notices(known, each, now, LIMITS)
        texts.append([notice.text for notice in notices])

    assert "NOTHING PRINTS" in texts[3][0]
    assert texts[5] == []


def test_films_that_wait_for_printers_out_of_service_are_told() -> None:
    """Once films wait, and no sooner; with what to type. Over when one takes films again."""
    off = printer(duty=Duty.DRAIN)
    down = printer("oki-2", health=Health.DOWN, duty=Duty.MAINT)
    waits = Seen((off, down), oldest_s=3)
    assert told((0, Seen((off, down))), (5, waits), (9, waits), (12, Seen((printer(), down)))) == [
        [], ["nothing prints"], [], ["a printer accepts films again"],
    ]  # fmt: skip
    (notice,), _ = due_notices(Known(), waits, 0, LIMITS)
    assert "oki-1 is in drain, oki-2 is in maint" in notice.text


def test_a_clock_that_was_set_back_silences_no_reminder() -> None:
    """Of trouble and of held jobs alike."""
    seen = Seen((printer(health=Health.DOWN), OTHER), held=(4,))
    _, known = due_notices(Known(), seen, 10_000, LIMITS)
    notices, _ = due_notices(known, seen, 5_000, LIMITS)
    assert [each.subject for each in notices] == ["still: oki-1 is down", "still: job 4 held"]


seens = st.builds(
    Seen,
    printers=st.sampled_from([(), (printer(),), (printer(health=Health.DOWN),)]),
    held=st.sampled_from([(), (1,), (1, 2)]),
    oldest_s=st.sampled_from([0.0, 1000.0]),
    low=st.booleans(),
)


@given(st.lists(seens, max_size=12))
def test_the_same_thing_is_never_told_twice_in_a_row(found: list[Seen]) -> None:
    """Within the reminder's time, what has not changed says nothing; the end brings no trouble."""
    known = Known()
    for number, seen in enumerate(found):
        _, known = due_notices(known, seen, float(number), LIMITS)
        again, same = due_notices(known, seen, float(number) + 0.5, LIMITS)
        assert again == []
        assert same == known
    quiet, known = due_notices(known, Seen(printers=(printer(),)), 1000.0, LIMITS)
    assert {each.event for each in quiet} <= {"printer back", "films move", "disk free"}
    assert known == Known()


def test_a_reminder_is_marked() -> None:
    """So that a program can tell it from news."""
    low = Seen(low=True)
    _, known = due_notices(Known(), low, 0, LIMITS)
    (notice,), _ = due_notices(known, low, 7200, LIMITS)
    first = Notice(**{**notice.__dict__, "reminder": False})
    assert notice == replace(first, reminder=True)


def test_a_damaged_database_is_told_and_nothing_else_is_over() -> None:
    """Nothing else can be seen then: a printer that was down is not told to be back, nor a job that
    is held told again."""
    before = Seen(printers=(printer(health=Health.DOWN), OTHER), held=(1,))
    damaged = Seen(damage="database disk image is malformed")
    assert told((0, before), (5, damaged), (10, damaged), (15, before)) == [
        ["oki-1 is down", "job 1 held"], ["the database is damaged"], [], [],
    ]  # fmt: skip


def test_a_replaced_database_is_told_and_nothing_else_is_over() -> None:
    """Likewise: what is read may be of another database."""
    before = Seen(printers=(printer(health=Health.DOWN), OTHER), held=(1,))
    replaced = Seen(replaced="broker.db was moved away")
    what = "the database was replaced beneath the running broker"
    assert told((0, before), (5, replaced), (10, replaced), (15, before)) == [
        ["oki-1 is down", "job 1 held"], [what], [], [],
    ]  # fmt: skip


def test_faults_and_a_growing_log_are_told_once() -> None:
    """What a check has found, and a log that grows, with the process that holds it."""
    seen = Seen(faults=2, log_mb=99, log_reader="It is kept from shrinking by process 7 (cat).")
    notices, known = due_notices(Known(), seen, 0, LIMITS)
    assert [each.event for each in notices] == ["check found faults", "database log"]
    assert "found 2" in notices[0].text
    assert "99 MB" in notices[1].text
    assert "process 7 (cat)" in notices[1].text
    assert due_notices(known, seen, 5, LIMITS)[0] == []
