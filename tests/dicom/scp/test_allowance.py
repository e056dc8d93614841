"""What one modality may send: counted while it is no other's, refused with the right status."""

from __future__ import annotations

from collections.abc import Callable

from broker.dicom import statuses
from broker.dicom.scp.allowance import Allowance
from broker.dicom.statuses import words
from broker.dicom.uids import FILM_BOX, FILM_SESSION
from broker.dicom.upper_layer.command_set import Command
from tests.dicom.conftest import ScpSite
from tests.peers.hostile import Hostile
from tests.peers.hostile_films import SESSION, begin_pixels, end_pixels, image_box_of
from tests.peers.speaker import Speaker, dataset, image_box, picture

Speak = Callable[..., Speaker]
OTHER = image_box(1, picture(PixelData=bytes(16)))
ONE_PICTURE = Allowance(session=20)
"""The small pictures have 16 bytes."""


def test_what_was_printed_does_not_count(site: ScpSite, speak: Speak) -> None:
    """A long film session may print more than it may hold at once: a job has those pixels."""
    site.allowance = ONE_PICTURE
    ct = speak()
    ct.open_session()
    for _ in range(3):
        ct.open_film_box()
        assert ct.set_image().status == statuses.SUCCESS
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS

    ct.open_film_box()
    assert ct.set_image().status == statuses.SUCCESS
    ct.open_film_box()
    assert ct.set_image().status == statuses.NO_MEMORY_FOR_IMAGE, "the one before was not printed"


def test_the_log_names_the_limit_of_image_boxes(site: ScpSite, speak: Speak) -> None:
    """As many as the site allows are taken; one more, and the log says which key to raise."""
    site.allowance = Allowance(image_boxes=6)
    ct = speak()
    ct.open_session()
    assert ct.open_film_box(r"STANDARD\2,3").status == statuses.SUCCESS
    assert ct.open_film_box(r"ROW\3,4").status == statuses.INVALID_ATTRIBUTE_VALUE
    (refused,) = [facts for event, facts in site.notes if event == "request refused"]
    assert "has 7 image boxes, limits.image_boxes is 6" in str(refused["why"])


def test_an_image_that_is_replaced_does_not_count(site: ScpSite, speak: Speak) -> None:
    """Setting an image box again, or printing it again, needs no more than the first time."""
    site.allowance = ONE_PICTURE
    ct = speak()
    ct.open_session()
    ct.open_film_box()

    for _ in range(3):
        assert ct.set_image().status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    for _ in range(3):
        assert ct.set_image().status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS


def test_what_was_deleted_does_not_count(site: ScpSite, speak: Speak) -> None:
    """A deleted film box gives its room back, printed or not; so does a film session."""
    site.allowance = ONE_PICTURE
    ct = speak()
    for _ in range(3):
        ct.open_session()
        for _ in range(2):
            ct.open_film_box()
            assert ct.set_image().status == statuses.SUCCESS
            assert ct.delete(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        ct.open_film_box()
        assert ct.set_image().status == statuses.SUCCESS
        assert ct.delete(FILM_SESSION, ct.session).status == statuses.SUCCESS


def test_all_film_sessions_of_a_modality_count(site: ScpSite, speak: Speak) -> None:
    """Associations side by side may not hold what one may not; what ends or prints gives back.
    Another AE title at the same address has its own."""
    site.allowance = Allowance(session=16, address=40)
    speakers = [speak(calling_ae="CT1") for _ in range(3)]
    beside = speak(calling_ae="MR1")
    for ct in (*speakers, beside):
        ct.open_session()
        ct.open_film_box()
    answered = [ct.set_image().status for ct in (*speakers, beside)]
    assert answered == [
        statuses.SUCCESS,
        statuses.SUCCESS,
        statuses.NO_MEMORY_FOR_IMAGE,
        statuses.SUCCESS,
    ]

    speakers[0].release()
    site.wait_for_endings(1)
    assert speakers[2].set_image().status == statuses.SUCCESS
    assert speakers[1].set_image().status == statuses.SUCCESS, "set again"
    for ct in speakers[1:]:
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        ct.open_film_box()
        assert ct.set_image().status == statuses.SUCCESS


def test_collated_copies_are_counted(site: ScpSite, speak: Speak) -> None:
    """Films times copies beyond the limit are refused with 0x0213, and fewer copies are printed."""
    site.allowance = Allowance(sheets=5)
    ct = speak()
    ct.open_session(NumberOfCopies="2")
    for _ in range(3):
        ct.open_film_box()
        ct.set_image()

    assert ct.action(FILM_SESSION, ct.session).status == statuses.RESOURCE_LIMITATION
    assert site.jobs.queries.list() == []

    ct.set(FILM_SESSION, ct.session, dataset(NumberOfCopies="1"))
    assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
    assert len(site.jobs.queries.films(1)) == 3


def test_copies_of_one_film_are_the_printers(site: ScpSite, speak: Speak) -> None:
    """They are asked for once, so they need no room here."""
    site.allowance = Allowance(sheets=5)
    ct = speak()
    ct.open_session(NumberOfCopies="100")
    ct.open_film_box()
    ct.set_image()

    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
    assert [len(site.jobs.queries.films(job)) for job in (1, 2)] == [1, 1]


def test_one_modality_does_not_fill_the_queue(site: ScpSite, speak: Speak) -> None:
    """With as many jobs unfinished as may, its films get the standard's status for a full queue,
    and are as they were, to be printed when there is room. Another AE title at the same address
    prints. What was full is named in the Error Comment and in the log."""
    site.most = 2
    ct = speak(calling_ae="CT1")
    assert [ct.print_film(), ct.action(FILM_BOX, ct.film_box).status] == [
        statuses.SUCCESS,
        statuses.SUCCESS,
    ]
    site.jobs.commands.hold(1)
    refused = ct.action(FILM_BOX, ct.film_box)
    assert refused.status == statuses.FILM_BOX_QUEUE_FULL
    assert refused.command.ErrorComment == "2 unfinished jobs of CT1 at 127.0.0.1"
    assert ct.action(FILM_SESSION, ct.session).status == statuses.SESSION_QUEUE_FULL
    again = speak(calling_ae="CT1").open_session()
    assert again.status == statuses.RESOURCE_LIMITATION
    assert again.command.ErrorComment == "2 unfinished jobs of CT1 at 127.0.0.1"
    assert speak(calling_ae="CT9").print_film() == statuses.SUCCESS

    site.jobs.commands.cancel(1)
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    assert [job.calling_ae for job in site.jobs.queries.list()] == ["CT1", "CT1", "CT9", "CT1"]
    told = {
        (facts.get("kind"), facts["why"])
        for event, facts in site.notes
        if event == "request refused"
    }
    assert told == {("queue full", "2 unfinished jobs of CT1 at 127.0.0.1")}


def test_one_modality_does_not_fill_the_disk(site: ScpSite, speak: Speak) -> None:
    """What its jobs and its associations have is bounded in bytes: 0xC605 for an image more, and
    0x0213 for a film session more; another AE title at the same address prints."""
    site.most_bytes = 47
    ct = speak(calling_ae="CT1")
    assert ct.print_film() == statuses.SUCCESS
    ct.open_film_box()
    assert ct.set_image(made=OTHER).status == statuses.SUCCESS
    ct.open_film_box()
    refused = ct.set_image()
    assert (refused.status, refused.command.ErrorComment) == (
        statuses.NO_MEMORY_FOR_IMAGE,
        "0 MB unprinted of CT1 at 127.0.0.1",
    )
    site.most_bytes = 31
    assert speak(calling_ae="CT1").open_session().status == statuses.RESOURCE_LIMITATION
    assert speak(calling_ae="CT9").print_film() == statuses.SUCCESS

    site.jobs.commands.cancel(1)
    assert ct.set_image().status == statuses.NO_MEMORY_FOR_IMAGE, "the other one is held still"
    site.most_bytes = 32
    assert ct.set_image().status == statuses.SUCCESS


def test_an_image_that_is_coming_counts(site: ScpSite) -> None:
    """Several associations send at once: what one has announced is as good as there, until it is
    there or the association is gone."""
    site.allowance = Allowance(session=16, address=16)
    slow, quick = Hostile.associated(site), Hostile.associated(site)  # type: ignore[arg-type]
    for peer in (slow, quick):
        assert peer.ask(Command.N_CREATE, FILM_SESSION, SESSION) == words(0)
    begin_pixels(slow, image_box_of(slow, "1.2.3.1"), 16, 4, 4)
    site.wait_for_uploads(1)
    image = image_box_of(quick, "1.2.3.2")
    begin_pixels(quick, image, 16, 4, 4)
    assert end_pixels(quick, 4, 4).words == words(statuses.NO_MEMORY_FOR_IMAGE)

    slow.reset()
    site.wait_for_endings(1)
    begin_pixels(quick, image, 16, 4, 4)
    assert end_pixels(quick, 4, 4).words == words(statuses.SUCCESS)
    quick.sock.close()
    site.wait_for_endings(2)
