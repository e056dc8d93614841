"""The screen: printers above, jobs below, then all about the selected one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from broker.cli.output.local_time import told
from broker.cli.top import rows
from broker.cli.top.commands import CommandApp, ReadDialog
from broker.cli.top.job_choice import (
    ALL,
    ListedJobs,
    MatchingJobs,
    choice_given,
    in_sight,
    key_of,
    listed,
    matching,
)
from broker.cli.top.listing import Listing
from broker.cli.top.rows import all_of_job, all_of_printer
from broker.cli.top.store_watch import StoreWatch, in_words
from broker.model.peers.hosts import at_ports
from broker.model.printers.printer import Printer
from broker.model.printers.standing import troubled_first
from broker.model.reasons.remedies import Face
from broker.model.vitals import Vitals
from broker.operations.jobs.job_filters import InvalidFilter
from broker.operations.jobs.job_status import JobStatus
from broker.operations.opened import Store
from broker.operations.overview import OverviewState

TICK_S = 1.0
"""How often ages are drawn again."""


class Top(CommandApp):
    """All database work is done in threads: keys never wait for it."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "screen.tcss"

    def __init__(self, store: Store, who: str) -> None:
        super().__init__(store, who)
        self._store_watch = StoreWatch(
            store,
            lambda found, vitals: self._from_thread(self._show, found, vitals),
            lambda lines: self._from_thread(self._alarm, lines),
        )
        self._seen: OverviewState | None = None
        self._unread = True
        """It could not be read at the last look."""
        self._vitals: Vitals | None = None
        self._choice = ALL
        self._matching = MatchingJobs()
        self._listed = ListedJobs()
        self._unfolded: frozenset[str] = frozenset()
        """Keys of the groups of which all jobs are shown."""
        self._broker = Static("", id="broker", markup=False)
        self._whole = Static("", id="whole", markup=False)
        self._alarms = Static("", id="alarms", markup=False)
        self._refused = Static("", id="refused", markup=False)
        self._alarms.display = self._refused.display = False  # until there is something to tell
        self._printers = Listing(rows.PRINTER_COLUMNS, id="printers")
        self._jobs = Listing(rows.JOB_COLUMNS, id="jobs")
        self._more = Static("", id="more", markup=False)
        self._about = Static("", id="about", markup=False)
        self._answer = Static("", id="said", markup=False)

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self._broker
        yield self._whole
        yield self._alarms
        yield self._refused
        yield self._printers
        yield self._jobs
        yield self._more
        yield self._about
        yield self._answer
        yield Static(rows.KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self._jobs.focus()
        self.set_interval(TICK_S, self._draw_all)
        self._follow()

    def on_unmount(self) -> None:
        """No more looks."""
        self._store_watch.stop()

    @work(thread=True)
    def _follow(self) -> None:
        self._store_watch.run()

    def _from_thread(self, tell: Callable[..., None], *told: object) -> None:
        """Tell it to the screen, unless that is about to close."""
        with contextlib.suppress(RuntimeError):  # its loop has ended
            self.call_from_thread(lambda: tell(*told) if self.screen_stack else None)

    def _alarm(self, lines: Sequence[str]) -> None:
        """Why nothing can be read: what was read before says nothing of the whole any more."""
        self._unread = True
        _put(self._whole, "")
        _put(self._alarms, "\n".join(map(told, lines)))

    def _show(self, found: OverviewState, vitals: Vitals | None) -> None:
        self._seen, self._vitals = found, vitals
        self._matching = matching(found.jobs, self._choice, time.time())
        self._unread = False
        _put(self._alarms, "\n".join(found.others))
        self._draw_all()

    def _draw_all(self) -> None:
        """Draw what was read last, with the ages that it has by now."""
        found, now = self._seen, time.time()
        if found is None:
            return
        broker = self.store.config.broker
        place = f"{broker.ae_title} at {at_ports(broker.host, broker.port)}"
        _put(self._broker, rows.headline(found, place, self._vitals, now))
        if not self._unread:
            _put(self._whole, found.situation.line(now, Face.COMMANDS))
        _put(self._refused, found.refused.sentence(now) if found.refused else "")
        self._whole.set_classes(found.situation.overall.condition.name.lower())
        self._printers.show(
            [
                rows.printer_line(each, now, running=found.running)
                for each in troubled_first(found.printers)
            ]
        )
        self._listed = listed(self._matching, self._unfolded, now, self._jobs.chosen)
        self._jobs.show(self._listed.lines)
        self._draw_about()

    def _draw_about(self) -> None:
        if not self.screen_stack:
            return
        now, text = time.time(), ""
        if self._printers.has_focus or not self._jobs.lines:
            if (printer := self.selected_printer) is not None:
                running = self._seen is None or self._seen.running
                text = rows.about_printer(printer, now, running=running)
        elif (found := self.selected_job) is not None:
            text = rows.about_job(found, now)
        elif (group := self._listed.group_of(self._jobs.chosen)) is not None:
            text = rows.about_group(group)
        _put(self._about, text)
        total = len(self._seen.jobs) if self._seen else 0
        words = self._choice.words
        _put(self._more, in_sight(*self._jobs.sight, self._listed, total, words))

    def show_only(self, text: str) -> None:
        """Show the jobs that this means; all with an empty one. What cannot be understood is said,
        and changes nothing."""
        try:
            self._choice = choice_given(text, self.store.nicknames, time.time())
        except InvalidFilter as error:
            self._say(error.words)
            return
        if self._seen is not None:
            self._matching = matching(self._seen.jobs, self._choice, time.time())
        self._draw_all()

    def on_listing_unfold(self, _: Listing.Unfold) -> None:
        """Show all of the selected group, or some of it again."""
        group = self._listed.group_of(self._jobs.chosen)
        if group is not None and self._jobs.has_focus:
            self._unfolded ^= {key_of(group)}
            self._jobs.select(key_of(group))
            self._draw_all()

    def on_listing_moved(self, _: Listing.Moved) -> None:
        """Another row is selected, or another table is in use."""
        self._draw_about()

    @property
    def printers(self) -> Sequence[Printer]:
        """Those that were seen last."""
        return self._seen.printers if self._seen else ()

    @property
    def selected_printer(self) -> Printer | None:
        """The one that keys are for."""
        name = self._printers.chosen
        return next((each for each in self.printers if each.name == name), None)

    @property
    def selected_job(self) -> JobStatus | None:
        """The one that keys are for."""
        job_id = self._jobs.chosen
        jobs = self._seen.jobs if self._seen else ()
        return next((each for each in jobs if str(each.job.id) == job_id), None)

    @work(thread=True, group="commands")
    def give(self, label: str, command: Callable[[], str]) -> None:
        """Give a command; show its words, or why it failed."""
        self._from_thread(self._say, f"{label} …")
        try:
            words = self._store_watch.lost or command()
        except Exception as error:  # noqa: BLE001 - shown on the screen
            words = in_words(error)
        self._from_thread(self._say, words)
        self._store_watch.again()

    def _say(self, words: str) -> None:
        _put(self._answer, words)

    @work(thread=True, group="commands")
    def on_listing_read(self, event: Listing.Read) -> None:
        """All of the selected row; of the printer where there is no job."""
        printer, job = self.selected_printer, self.selected_job
        try:
            if event.listing is self._printers or job is None:
                text = all_of_printer(self.store, printer) if printer else ""
            else:
                text = all_of_job(self.store, job.job.id) if job else ""
        except Exception as error:  # noqa: BLE001 - shown on the screen
            text = in_words(error)
        if text:
            self._from_thread(self._read, text)

    def _read(self, text: str) -> None:
        self.push_screen(ReadDialog(text))

    def action_help(self) -> None:
        """Show what keys and columns mean."""
        self._read(rows.HELP)


def _put(where: Static, words: str) -> None:
    """Show a text; the same one is not drawn again. An empty one takes no line."""
    words = told(words)
    if where.content != words:
        where.update(words)
        where.display = bool(words)
