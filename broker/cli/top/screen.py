"""The screen: printers above, jobs below, what is to be known of the selected one between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Static

from broker.cli.top import rows
from broker.cli.top.dialogs import Ask, Choose, Confirm, Read
from broker.desk.duties import PrinterOrders
from broker.desk.failures import explained
from broker.desk.opened import Store
from broker.desk.orders import JobOrders
from broker.desk.standings import Standing, explanation
from broker.desk.test_print import print_film
from broker.desk.vitals import read as vitals_of
from broker.model.job import Priority, State
from broker.model.printer import Duty, Printer
from broker.model.vitals import Vitals
from broker.web.look import Scene, Watch, scene

EVERY_S = 1.0
RENEW_S = 15.0
"""Ages, and what changes without a row."""


class Top(App[None]):
    """All database work is done in threads: keys are never kept waiting."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("h", "hold", "hold"),
        ("r", "release", "release"),
        ("c", "cancel", "cancel"),
        ("m", "move", "move"),
        ("p", "reprint", "reprint"),
        ("y", "priority", "priority"),
        ("d", "drain", "drain"),
        ("a", "halt", "halt"),
        ("e", "ready", "ready"),
        ("t", "test_film", "test film"),
        ("q", "quit", "quit"),
    ]

    def __init__(self, store: Store, who: str) -> None:
        super().__init__()
        self._store = store
        self._jobs = JobOrders(store, who)
        self._printers = PrinterOrders(store, who)
        self._who = who
        self._watch = Watch(store.config.database_file)
        self._seen_at = 0.0
        self._seen: Scene | None = None

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield Static("", id="broker", markup=False)
        yield Static("", id="alarms", markup=False)
        yield DataTable(id="printers", cursor_type="row")
        yield DataTable(id="jobs", cursor_type="row")
        yield Static("", id="about", markup=False)
        yield Static("", id="said", markup=False)
        yield Static(rows.KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self._table("printers").add_columns(*rows.PRINTERS)
        self._table("jobs").add_columns(*rows.JOBS)
        self._table("jobs").focus()
        self.set_interval(EVERY_S, self.look)
        self.look()

    def on_unmount(self) -> None:
        """No more looks."""
        self._watch.close()

    @work(thread=True, exclusive=True, group="look")
    def look(self) -> None:
        """Look again, if anything changed or time has passed."""
        try:
            due = time.monotonic() - self._seen_at >= RENEW_S
            if self._watch.changed() or due:
                self._seen_at = time.monotonic()
                found = scene(self._store, time.time())
                vitals = vitals_of(self._store.config.data_dir)
                self.call_from_thread(self._show, found, vitals)
        except Exception as error:  # noqa: BLE001 - told on the screen
            lines = (explained(error) or (1, [repr(error)]))[1]
            self.call_from_thread(self._alarm, lines)

    def _alarm(self, lines: Iterable[str]) -> None:
        if self.screen_stack:  # none are left while it closes
            self.query_one("#alarms", Static).update("\n".join(lines))

    def _show(self, found: Scene, vitals: Vitals | None) -> None:
        if not self.screen_stack:
            return
        self._seen = found
        broker = self._store.config.broker
        place = f"{broker.ae_title} at {broker.host}:{broker.port}"
        self.query_one("#broker", Static).update(rows.headline(found, place, vitals))
        left = len(found.jobs) - rows.SHOWN
        more = [f"{left} further jobs are not shown; `broker jobs` has them"] if left > 0 else []
        self._alarm((*found.alarms, *more))
        printers = {each.name: rows.printer_cells(each, found.at) for each in found.printers}
        self._fill("printers", printers)
        listed = found.jobs[: rows.SHOWN]
        self._fill("jobs", {str(each.job.id): rows.job_cells(each, found.at) for each in listed})
        self._tell_about()

    def _fill(self, name: str, wanted: dict[str, rows.Cells]) -> None:
        """The rows; the selected one stays selected."""
        table = self._table(name)
        chosen, line, scroll = self._chosen(name), table.cursor_row, table.scroll_y
        table.clear()
        for key, cells in wanted.items():
            table.add_row(*cells, key=key)
        at = list(wanted).index(chosen) if chosen in wanted else min(line, len(wanted) - 1)
        table.move_cursor(row=max(0, at), scroll=False)
        table.scroll_to(y=scroll, animate=False)

    def _table(self, name: str) -> DataTable[object]:
        return self.query_one(f"#{name}", DataTable)

    def _chosen(self, name: str) -> str:
        """Key of the selected row; empty without rows."""
        table = self._table(name)
        if not table.row_count or not table.is_valid_row_index(table.cursor_row):
            return ""
        return str(table.coordinate_to_cell_key((table.cursor_row, 0)).row_key.value)  # type: ignore[arg-type]

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Another row is selected."""
        self._tell_about()

    def on_descendant_focus(self) -> None:
        """Another table is in use."""
        self._tell_about()

    def _tell_about(self) -> None:
        text = ""
        if self._seen is not None:
            if self.focused is self._table("printers"):
                if (printer := self._printer()) is not None:
                    text = rows.about_printer(printer, self._seen.at)
            elif (found := self._job()) is not None:
                text = rows.about_job(found, self._seen.at)
        self.query_one("#about", Static).update(text)

    def _printer(self) -> Printer | None:
        name = self._chosen("printers")
        printers = self._seen.printers if self._seen else ()
        return next((each for each in printers if each.name == name), None)

    def _job(self) -> Standing | None:
        job_id = self._chosen("jobs")
        jobs = self._seen.jobs if self._seen else ()
        return next((each for each in jobs if str(each.job.id) == job_id), None)

    @work(thread=True, group="orders")
    def order(self, carry_out: Callable[[], str]) -> None:
        """Carry out an order; its words, or why not."""
        try:
            words = carry_out()
        except Exception as error:  # noqa: BLE001 - told on the screen
            words = " ".join((explained(error) or (1, [repr(error)]))[1])
        self.call_from_thread(self._say, words)

    def _say(self, words: str) -> None:
        if self.screen_stack:
            self.query_one("#said", Static).update(words)
            self.look()

    @work(thread=True, group="orders")
    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter on a job: why it is where it is."""
        if event.data_table.id == "jobs" and (found := self._job()) is not None:
            try:
                text = "\n\n".join(explanation(self._store, found.job).sentences)
            except Exception as error:  # noqa: BLE001 - told on the screen
                text = " ".join((explained(error) or (1, [repr(error)]))[1])
            self.call_from_thread(self.push_screen, Read(text))

    def action_hold(self) -> None:
        """Hold the selected job."""
        if (found := self._job()) is not None:
            job_id = found.job.id
            self._ask(f"Hold job {job_id}: why?", lambda why: self._jobs.hold(job_id, why))

    def action_release(self) -> None:
        """Release it; where films are in doubt, a person says whether they are on paper."""
        if (found := self._job()) is None:
            return
        job_id = found.job.id
        if found.job.state is not State.HELD or not found.unanswered:
            self.order(lambda: self._jobs.release(job_id))
            return
        choices = (("again", "print the films in doubt again"), ("paper", "they are on paper"))
        self._choose(
            f"Release job {job_id}",
            choices,
            lambda word: self._jobs.release(job_id, printed=word == "paper"),
        )

    def action_cancel(self) -> None:
        """Cancel it, if the person is sure."""
        if (found := self._job()) is None:
            return
        job_id = found.job.id

        def answered(yes: bool | None) -> None:
            if yes:
                self.order(lambda: self._jobs.cancel(job_id))

        self.push_screen(Confirm(f"Cancel job {job_id}? Nothing more of it is printed."), answered)

    def action_move(self) -> None:
        """Send it to another printer."""
        if (found := self._job()) is None or self._seen is None:
            return
        job_id = found.job.id
        names = [(f"p-{each.name}", each.name) for each in self._seen.printers]
        self._choose(
            f"Move job {job_id} to",
            [("any", "any printer"), *names],
            lambda word: self._jobs.move(job_id, "" if word == "any" else word[2:]),
        )

    def action_reprint(self) -> None:
        """Print it again, as a new job."""
        if (found := self._job()) is not None:
            job_id = found.job.id
            self.order(lambda: self._jobs.reprint(job_id))

    def action_priority(self) -> None:
        """Make it more or less urgent."""
        if (found := self._job()) is not None:
            job_id = found.job.id
            choices = [(str(each), str(each)) for each in Priority]
            self._choose(
                f"Priority of job {job_id}",
                choices,
                lambda word: self._jobs.priority(job_id, Priority(word)),
            )

    def action_drain(self) -> None:
        """Give the selected printer no new films."""
        self._duty(Duty.DRAIN, "Drain")

    def action_halt(self) -> None:
        """Take it out of service."""
        self._duty(Duty.MAINT, "Halt")

    def action_ready(self) -> None:
        """Let it print again."""
        if name := self._chosen("printers"):
            self.order(lambda: self._printers.set_duty(name, Duty.READY))

    def action_test_film(self) -> None:
        """Print a test film on it."""
        if name := self._chosen("printers"):

            def answered(yes: bool | None) -> None:
                if yes:
                    self.order(lambda: self._test_film(name))

            self.push_screen(Confirm(f"Print a test film on {name}?"), answered)

    def _test_film(self, name: str) -> str:
        job_id = print_film(self._store, self._who, name)
        return f"job {job_id} is queued: one test film, for {name} and no other printer"

    def _duty(self, duty: Duty, label: str) -> None:
        if name := self._chosen("printers"):
            self._ask(f"{label} {name}: why?", lambda why: self._printers.set_duty(name, duty, why))

    def _ask(self, question: str, carry_out: Callable[[str], str]) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                self.order(lambda: carry_out(text))

        self.push_screen(Ask(question), answered)

    def _choose(
        self, question: str, choices: Iterable[tuple[str, str]], carry_out: Callable[[str], str]
    ) -> None:
        def answered(word: str | None) -> None:
            if word is not None:
                self.order(lambda: carry_out(word))

        self.push_screen(Choose(question, list(choices)), answered)
