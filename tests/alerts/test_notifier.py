"""Notices, delivered for real: by HTTP and by mail, on loopback."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from pathlib import Path

import pytest

from broker.alerts.delivery import ChannelDelivery, Mail, NoticeFormat, mail, webhook
from broker.alerts.notifier import Notifier
from broker.model.reasons.alert_rules import AlertLimits, Notice, Seen
from broker.model.reasons.refused_modalities import RefusedModality
from tests.peers.hook_receiver import HookReceiver
from tests.peers.smtp_receiver import SmtpReceiver

FORMAT = NoticeFormat("BROKER", "http://broker.example:8080/")
NOTICE = Notice("jobs held", "job 4 held", "Held: job 4.", 0.0, jobs=(4,))
Noted = queue.Queue[tuple[str, Mapping[str, object]]]


@pytest.fixture
def noted() -> Noted:
    """What was noted."""
    return queue.Queue()


def mail_settings(port: int) -> Mail:
    """Plain mail to two people."""
    to = ("ruth@example.org", "otto@example.org")
    return Mail("127.0.0.1", port, "none", "", "", "broker@example.org", to)


def test_a_program_hears_it_as_json() -> None:
    """Everything that it needs, in UTC."""
    with HookReceiver() as hook:
        webhook(hook.url, FORMAT)(NOTICE)
        assert hook.told == [
            {
                "event": "jobs held",
                "reminder": False,
                "broker": "BROKER",
                "subject": "job 4 held",
                "text": "Held: job 4.",
                "at": "1970-01-01T00:00:00+00:00",
                "printer": "",
                "jobs": [4],
                "page": "http://broker.example:8080/",
            }
        ]


def test_people_get_mail() -> None:
    """The subject says which broker and what; the page's address is in it."""
    with SmtpReceiver() as receiver:
        mail(mail_settings(receiver.port), FORMAT)(NOTICE)
        (message,) = receiver.wait_for(1)
    assert message["Subject"] == "[BROKER] job 4 held"
    assert message["To"] == "ruth@example.org, otto@example.org"
    assert "http://broker.example:8080/" in str(message.get_payload())


def test_what_a_printer_said_ends_no_line_and_moves_no_cursor() -> None:
    """In the words of a message and in its subject: a line feed there would start another header,
    and what is not printable is shown as a question mark."""
    evil = "jam\r\nBcc: x@example.org \x1b[2J\u202egnp.\u2028\udcff"
    notice = Notice("printer down", f"oki-1: {evil}", f"oki-1 is down: {evil}.\nSee `x`.", 0.0)
    with HookReceiver() as hook:
        webhook(hook.url, FORMAT)(notice)
        (told,) = hook.told
    with SmtpReceiver() as receiver:
        mail(mail_settings(receiver.port), FORMAT)(notice)
        (message,) = receiver.wait_for(1)
    assert told["subject"] == "oki-1: jam Bcc: x@example.org ?[2J?gnp. ?"
    assert str(told["text"]).replace("\n", "").isprintable()
    assert message["Subject"] == f"[BROKER] {told['subject']}"
    assert message["Bcc"] is None
    assert str(message.get_payload()).replace("\r\n", "").replace("\n", "").isprintable()


def test_what_cannot_be_delivered_says_where_and_why() -> None:
    """Nothing listens, an answer that is none, no mailbox of that name."""
    with HookReceiver(failures=1) as hook:
        with pytest.raises(OSError, match="answered 503"):
            webhook(hook.url, FORMAT)(NOTICE)
        gone = hook.url
    with pytest.raises(OSError, match=r"127\.0\.0\.1") as raised:
        webhook(gone, FORMAT)(NOTICE)
    assert "/hook" not in str(raised.value), "the address may hold a secret"
    with SmtpReceiver() as receiver:
        receiver.refusing = True
        with pytest.raises(OSError, match="no such mailbox"):
            mail(mail_settings(receiver.port), FORMAT)(NOTICE)


def test_it_is_tried_again(noted: Noted) -> None:
    """Twice refused, then taken: noted once as failed, then as delivered."""
    with HookReceiver(failures=2) as hook:
        delivery = ChannelDelivery(
            "webhook", webhook(hook.url, FORMAT), lambda *n: noted.put(n), first_s=0.01
        )
        delivery.start()
        delivery.take(NOTICE)
        assert hook.wait_for("jobs held")["jobs"] == [4]
        assert [noted.get(timeout=10)[0] for _ in range(2)] == [
            "notice not delivered", "notice delivered",
        ]  # fmt: skip
        delivery.stop()


def test_one_way_that_is_down_does_not_stop_the_other(noted: Noted, tmp_path: Path) -> None:
    """Mail arrives while the webhook's server is gone."""
    with HookReceiver() as hook:
        gone = hook.url
    with SmtpReceiver() as receiver:
        notifier = Notifier(
            tmp_path / "notices.json",
            lambda: Seen(held=(4,)),
            AlertLimits(900, 3600),
            {"webhook": webhook(gone, FORMAT), "mail": mail(mail_settings(receiver.port), FORMAT)},
            clock=lambda: 0.0,
            note=lambda *n: noted.put(n),
            look_s=0.01,
        )
        notifier.start()
        receiver.wait_for(1)
        notifier.stop()


def test_a_restart_says_nothing_twice(tmp_path: Path) -> None:
    """What was told is in a file of its owner's alone; half a file counts as none."""
    file = tmp_path / "notices.json"

    def life() -> list[str]:
        def see() -> Seen:
            refused = RefusedModality("called AE", "CT1 at 10.0.0.9", 1.0)
            return Seen(held=(4,), incomplete=(7,), refused=(refused,))

        limits = AlertLimits(900, 3600)
        notifier = Notifier(file, see, limits, {}, clock=lambda: now, note=print)
        return [each.subject for each in notifier.look()]

    both = ["job 4 held", "job 7 printed without an image"]
    now = 1.0
    assert life() == both
    assert life() == []
    now = 61.0
    assert life() == ["CT1 at 10.0.0.9 is refused: called AE"]
    assert life() == []
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text('{"told"')
    assert life() == both


def test_what_could_not_be_delivered_is_told_after_the_next_start(
    noted: Noted, tmp_path: Path
) -> None:
    """A way that was down when the broker stopped: nothing is lost of what it should have said."""
    file = tmp_path / "notices.json"

    def alive(url: str) -> Notifier:
        return Notifier(
            file,
            lambda: Seen(held=(4,)),
            AlertLimits(900, 3600),
            {"webhook": webhook(url, FORMAT)},
            clock=lambda: 1.0,
            note=lambda *n: noted.put(n),
            look_s=0.01,
        )

    with HookReceiver() as hook:
        gone = hook.url
    for _ in range(2):  # a life that changes nothing loses nothing
        life = alive(gone)
        life.start()
        assert noted.get(timeout=10)[0] == "notice not delivered"
        life.stop()
    with HookReceiver() as hook:
        life = alive(hook.url)
        life.start()
        assert hook.wait_for("jobs held")["jobs"] == [4]
        life.stop()
        assert len(hook.told) == 1


def test_a_full_disk_does_not_silence_its_own_message(noted: Noted, tmp_path: Path) -> None:
    """That nothing can be written down is noted; the message is on its way by then."""
    with HookReceiver() as hook:
        notifier = Notifier(
            tmp_path / "no such folder" / "notices.json",
            lambda: Seen(low=True),
            AlertLimits(900, 3600),
            {"webhook": webhook(hook.url, FORMAT)},
            clock=lambda: 1.0,
            note=lambda *n: noted.put(n),
            look_s=0.01,
        )
        notifier.start()
        assert hook.wait_for("disk low")["broker"] == "BROKER"
        events = {noted.get(timeout=10)[0] for _ in range(2)}
        notifier.stop()
    assert events == {"notice delivered", "notifier failed"}


def test_nothing_is_told_of_an_earlier_life(tmp_path: Path) -> None:
    """As long as there is nothing to see, nothing is told and nothing is forgotten."""
    seen: list[Seen] = []
    notifier = Notifier(
        tmp_path / "notices.json",
        lambda: seen[0] if seen else None,
        AlertLimits(900, 3600),
        {},
        clock=lambda: 1.0,
        note=print,
    )
    assert notifier.look() == []
    seen.append(Seen(held=(4,)))
    assert [each.event for each in notifier.look()] == ["jobs held"]


def test_without_a_way_nothing_is_written(tmp_path: Path) -> None:
    """A site that wants no messages has no file of them."""
    file = tmp_path / "notices.json"
    notifier = Notifier(file, Seen, AlertLimits(900, 3600), {}, clock=lambda: 1.0, note=print)
    notifier.start()
    notifier.stop()
    assert not file.exists()
