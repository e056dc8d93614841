"""`broker notify`, and a running broker's messages: a real webhook, a real mail server."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.config.file import ConfigError, parse
from tests.cli.conftest import Site
from tests.peers.hook_receiver import HookReceiver
from tests.peers.smtp_receiver import SmtpReceiver
from tests.web.print_room import PATIENT, print_room


def test_a_test_message_arrives_by_each_way(site: Site) -> None:
    """Each says what came of it."""
    with HookReceiver() as hook, SmtpReceiver() as mail:
        site.file.write_text(
            f"{site.file.read_text()}[notify]\nwebhook = {hook.url!r}\n"
            f'mail_host = "127.0.0.1"\nmail_port = {mail.port}\nmail_from = "broker@example.org"\n'
            'mail_to = "ruth@example.org, otto@example.org"\n'
        )
        ended = site.broker("notify", "test")
        assert (ended.code, ended.out) == (0, "webhook: delivered\nmail: delivered\n")
        assert hook.wait_for("test")["broker"] == "BROKER"
        (letter,) = mail.wait_for(1)
        assert letter["Subject"] == "[BROKER] a test message"
        mail.refusing = True
        refused = site.broker("notify", "test")
    assert refused.code == 1
    assert "mail: not delivered: 127.0.0.1" in refused.err
    assert "no such mailbox" in refused.err


def test_no_one_to_tell_is_said(site: Site) -> None:
    """The keys to set are named."""
    ended = site.broker("notify", "test")
    assert ended.code == 1
    assert "set notify.webhook, or notify.mail_host" in ended.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('webhook = "pager"', 'notify.webhook: is not an address; use ""'),
        ('mail_to = "ruth"', 'notify.mail_to: "ruth" is not a mail address'),
        ('mail_host = "mail"', "notify.mail_from: is missing; mail needs"),
        ('mail_security = "yes"', 'notify.mail_security: "yes" is not a choice'),
    ],
)
def test_mistakes_name_key_and_remedy(text: str, words: str) -> None:
    """As in every other table."""
    with pytest.raises(ConfigError) as raised:
        parse(f"[notify]\n{text}\n", folder=Path("/etc/broker"))
    assert any(words in each for each in raised.value.problems), raised.value.problems


def test_a_printer_that_goes_and_comes_is_told(tmp_path: Path) -> None:
    """Down and back, each by one message, without a word of the patient. A job that a person holds
    is no news; that nothing prints is, where it lasts until the next look."""
    with (
        HookReceiver() as hook,
        print_room(tmp_path, f"[notify]\nwebhook = {hook.url!r}\n") as room,
    ):
        room.printers["oki-2"].die()
        assert hook.wait_for("printer down")["printer"] == "oki-2"
        room.broker("printers", "drain", "oki-1")
        room.print(40)
        room.broker("jobs", "hold", "1")
        room.printers["oki-2"].revive()
        assert hook.wait_for("printer back")["subject"] == "oki-2 is back"
        events = [each["event"] for each in hook.told]
    known = [each for each in events if each != "nothing prints"]
    assert sorted(known) == ["printer back", "printer down"]
    assert PATIENT not in str(hook.told)
