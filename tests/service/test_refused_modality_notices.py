"""A message about a modality that printed before and is refused now, from a modality on the wire to
the webhook."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from broker.emulator.modality import Modality
from broker.model.jobs.job import State
from broker.model.printers.trouble import Unavailable
from broker.service.alerts import Notices
from tests.peers.hook_receiver import HookReceiver
from tests.relay.conftest import Relay, relay
from tests.web.print_room import film

__all__ = ["relay"]

NICKNAME = '[[modalities]]\nae_title = "CT1"\nnickname = "CT, ground floor"\n'


def test_it_is_told_by_webhook(relay: Callable[..., Relay]) -> None:
    """With its nickname and what it calls, once it has not printed for a minute; one that never
    printed here is not told of, and once it prints nothing is seen of it any more."""
    made, pixels = film(40)

    def ask(ae_title: str, called_ae: str) -> None:
        Modality(ae_title).print(
            "127.0.0.1", room.service.port, called_ae, [made], pixels.__getitem__
        )

    now = time.time()
    with HookReceiver() as hook:
        room = relay(1, more=f'[notify]\nwebhook = "{hook.url}"\n{NICKNAME}')
        room.wait_until_up()
        ask("CT1", "BROKER")
        room.wait_until(State.SENT, 1)
        for ae_title in ("CT1", "NEW"):
            with pytest.raises(Unavailable):
                ask(ae_title, "BORKER")
        room.service._counts.write()
        notices = Notices(room.config(), room.service.database, lambda *_: None, lambda: now)
        while notices._see(room.config())() is None:
            pass  # its printers are checked five times a second
        notices.start()
        assert notices._notifier.look() == []
        now += 61
        told = hook.wait_for("modality refused")
        assert told["subject"] == "CT1 (CT, ground floor) at 127.0.0.1 is refused: called AE"
        assert "CT1 (CT, ground floor) at 127.0.0.1 (it calls BORKER)." in str(told["text"])
        assert "NEW" not in str(told["text"])

        ask("CT1", "BROKER")
        room.service._counts.write()
        seen = notices._see(room.config())()
        assert seen is not None
        assert seen.refused == ()
        notices.stop()
