"""What was refused, on the page, in the API and in the figures, from a modality on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from broker.emulator.modality import Modality
from broker.model.printers.trouble import Unavailable
from tests.peers.speaker import Speaker, image_box, picture
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom, film

pytestmark = pytest.mark.timeout(240)


def call_wrong(room: PrintRoom, ae_title: str, called_ae: str = "BORKER") -> None:
    """A modality that is rejected for the AE title that it calls."""
    made, pixels = film(40)
    with pytest.raises(Unavailable):
        Modality(ae_title).print(
            "127.0.0.1", room.process.port, called_ae, [made], pixels.__getitem__
        )


def send_wrong(room: PrintRoom, ae_title: str, times: int) -> None:
    """A modality whose image has a wrong value, time after time."""
    ct = Speaker(room.process.port, calling_ae=ae_title)
    ct.open_session()
    ct.open_film_box()
    for _ in range(times):
        assert ct.set_image(made=image_box(1, picture(BitsStored=7))).status == 0x0106
    ct.release()


def counted(room: PrintRoom, number: int) -> list[dict[str, Any]]:
    """`/api/refusals`, once so many were written down: asked at each change of the database."""
    with (
        httpx.Client(base_url=room.url, timeout=30) as client,
        client.stream("GET", "/events") as stream,
    ):
        for _ in (line for line in stream.iter_lines() if line.startswith("data: {")):
            found: list[dict[str, Any]] = client.get("/api/refusals").json()
            if sum(each["number"] for each in found) == number:
                return found
    raise AssertionError("the stream ended")


def test_the_api_has_what_the_command_has(room: PrintRoom) -> None:
    """The same fields and values: who it was, what it called, the status and the attribute. One
    with sixty refusals hides none of the others."""
    send_wrong(room, "CT1", 60)
    send_wrong(room, "MR1", 1)
    call_wrong(room, "US1")
    found = counted(room, 62)
    assert found == json.loads(room.broker("refusals", "--json"))
    kinds: Mapping[str, Any] = {each["kind"]: each for each in found}
    (us,) = kinds["called AE"]["callers"]
    assert (us["calling_ae"], us["host"], us["last_called_ae"]) == ("US1", "127.0.0.1", "BORKER")
    wrong = {each["calling_ae"]: each for each in kinds["wrong request"]["callers"]}
    assert {name: each["number"] for name, each in wrong.items()} == {"CT1": 60, "MR1": 1}
    assert wrong["MR1"]["last_status"].startswith("0x0106")
    assert wrong["MR1"]["last_attribute"] == "BitsStored"


def test_the_figures_name_no_one(room: PrintRoom) -> None:
    """By kind alone, and how many that printed before are refused: labels are for ever."""
    room.print(40)
    room.process.wait_for("job sent")
    call_wrong(room, "CT1")
    call_wrong(room, "US1")
    counted(room, 2)
    with httpx.Client(base_url=room.url, timeout=30) as client:
        figures = client.get("/metrics").text
    assert 'dicom_print_broker_refusals_total{kind="called AE"} 2.0' in figures
    assert 'dicom_print_broker_modalities_refused{kind="called AE"} 1.0' in figures
    assert 'dicom_print_broker_modalities_refused{kind="wrong request"} 0.0' in figures
    assert "CT1" not in figures


@pytest.mark.parametrize("size", ["browser", "phone"])
def test_an_operator_sees_who_is_refused_and_what_to_do(
    room: PrintRoom, size: str, request: pytest.FixtureRequest
) -> None:
    """The overview, which is open, says in a line that something was refused; the page behind it
    says who, what was called, whether it printed before, what to do, and when it was read, in
    the browser's zone alone. It names no command."""
    window: Browser = request.getfixturevalue(size)
    window.in_zone("Africa/Algiers")  # CET, summer and winter
    window.go(f"{room.url}/refusals")
    assert "Nothing was refused" in window.text("main")
    window.go(room.url)
    room.print(40)
    room.process.wait_for("job sent")
    call_wrong(room, "CT1")
    assert "CT1 at 127.0.0.1 (called a wrong AE title)" in window.wait(
        ".refused-lately", "Refused in the last"
    )
    window.run("document.querySelector('.refused-lately a').click()")
    seen = window.wait(".refusals", "CT1")
    told = ("The broker is BROKER.", "Called a wrong AE title", "last printed", "not since")
    for expected in ("127.0.0.1", "BORKER", "broker.ae_titles", *told):
        assert expected in seen
    read = window.text("main")
    assert re.search(r"Read at \d\d:\d\d:\d\d CET;", read)
    assert "UTC" not in read
    assert not window.has("main code")
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    window.keep(f"refusals-{size}")
    assert not window.complaints()
    assert not window.troubles()
