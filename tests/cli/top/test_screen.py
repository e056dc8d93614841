"""Long lists and filters on the screen of `broker top`, driven by its keys over a real store."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from broker.cli.top.job_choice import SHOWN
from broker.cli.top.listing import Listing
from broker.cli.top.screen import Top
from broker.config.file import load
from broker.operations.jobs.job_groups import FEW
from broker.operations.opened import Store, store_of
from tests.cli.conftest import Site, site
from tests.cli.test_top import dialog, play, store, table, text, until

__all__ = ["site", "store"]


def test_a_very_long_queue_is_a_few_lines_until_it_is_unfolded(site: Site, store: Store) -> None:
    """A held job stands first; below the others' heading three of them. Space on the heading, or on
    one of them, shows the others, at most SHOWN, and folds them again; Enter does so, too. Keys of
    jobs do nothing on a heading, and it is said what it is."""
    for _ in range(SHOWN + 7):
        site.job()
    held = site.job()
    site.jobs.commands.hold(held, "held by the operator: wrong size")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        listing = app.query_one("#jobs", Listing)

        def headings() -> list[str]:
            return [line.across for line in listing.lines if line.across]

        await until(pilot, lambda: len(listing.lines) == 5)
        assert listing.lines[0].key == str(held)
        (heading,) = headings()
        assert heading.startswith(f"[+] {SHOWN + 7} jobs queued: ")
        assert f"{SHOWN + 8} jobs, some of each kind: Space shows all" in text(app, "more")
        assert f"{SHOWN + 7} queued" in text(app, "broker")
        await pilot.press("down", "space")
        assert len(listing.lines) == 2 + SHOWN
        assert listing.chosen == listing.lines[1].key
        assert headings()[0].startswith("[-] ")
        await pilot.press("down", "down", "space")
        assert len(listing.lines) == 5
        assert listing.chosen == listing.lines[1].key
        await pilot.press("h")
        assert len(app.screen_stack) == 1
        assert "for the keys of jobs select the row of one" in text(app, "about")
        shown = "\n".join(str(strip.text) for strip in app.screen._compositor.render_strips())
        assert f"> {heading}"[:60] in shown
        await pilot.press("enter")
        await until(pilot, lambda: len(listing.lines) == 2 + SHOWN)

    play(store, story)


def test_a_filter_has_the_names_of_the_other_faces(site: Site) -> None:
    """A modality by its nickname, which stands beside the AE title; what is no condition is said,
    and changes nothing."""
    named = '[[modalities]]\nae_title = "CT1"\nnickname = "CT, ground floor"\n'
    site.file.write_text(site.file.read_text() + named)
    request = site.jobs.queries.request(site.job())
    site.jobs.submission.add(replace(request, calling_ae="MR1", film_session="another"))

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 2)
        await pilot.press("slash", *'modality="ct, ground floor" state=queued', "enter")
        await until(pilot, lambda: [row[0] for row in table(app, "jobs")] == ["1"])
        assert table(app, "jobs")[0][2:4] == ["CT1", "CT, ground floor"]
        assert "job 1 of CT1 (CT, ground floor): " in text(app, "about")
        told = "1 job of 2 in state queued from modality ct, ground floor (CT1)"
        assert told in text(app, "more")
        shown = "\n".join(str(strip.text) for strip in app.screen._compositor.render_strips())
        assert "NICKNAME" in shown
        await pilot.press("slash", *"state=lost", "enter")
        await until(pilot, lambda: "state: lost is not one of queued" in text(app, "said"))
        assert len(table(app, "jobs")) == 1

    with store_of(load(site.file)) as store:
        play(store, story, size=(160, 24))


def test_the_selected_job_stays_selected_as_a_list_becomes_long(site: Site, store: Store) -> None:
    """One more job puts the list into groups: keys are for the same job as before."""
    for _ in range(FEW):
        site.job()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        listing = app.query_one("#jobs", Listing)
        await until(pilot, lambda: len(listing.lines) == FEW)
        await pilot.press("end", "up", "up")
        chosen = listing.chosen
        site.job()
        await until(pilot, lambda: len(listing.lines) == 5)
        assert listing.chosen == chosen
        await pilot.press("c")
        assert f"Cancel job {chosen} of CT1" in dialog(app)

    play(store, story)
