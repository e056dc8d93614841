"""The keys, each a command for the selected job or printer, with the command's name; and the
questions that they ask: a yes, a line of text, one of a few words, something to read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker

from broker.model.jobs.job import Priority, State
from broker.model.printers.printer import Duty, Printer
from broker.model.reasons.condition import without
from broker.model.row_version import of_printer
from broker.operations.commands import questions
from broker.operations.commands.recorded import (
    JobCommands,
    PrinterCommands,
    print_film,
    queued_text,
)
from broker.operations.jobs.job_status import JobStatus
from broker.operations.opened import Store
from broker.operations.words.text import count

FIRST = ("first", "emergency: HIGH, and before all jobs that wait now")
"""A choice beside the priorities: word and label."""
STYLE = """
{name} {{ align: center middle; }}
{name} > * {{ width: 76; max-width: 100%; height: auto; max-height: 90%; border: solid $accent;
    background: $surface; padding: 0 1; }}
"""


class Confirm(ModalScreen[bool]):
    """Yes or no."""

    CSS = STYLE.format(name="Confirm")
    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "yes"),
        ("n,escape", "answer(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, and which keys answer it."""
        yield Static(f"{self._question}\n\ny  yes     n  no", markup=False)

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)


class Ask(ModalScreen[str | None]):
    """A line of text; None when nothing is to be done."""

    CSS = STYLE.format(name="Ask")
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and a field."""
        with Vertical():
            yield Static(f"{self._question}   Enter: do it   Esc: leave it", markup=False)
            yield Input(max_length=200)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the text."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Close without."""
        self.dismiss(None)


class Choose(ModalScreen[str | None]):
    """One of a few words; None when nothing is to be done."""

    CSS = STYLE.format(name="Choose")
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave")]

    def __init__(self, question: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question = question
        self._choices = choices

    def compose(self) -> ComposeResult:
        """The question, and word and label of each choice."""
        with Vertical():
            yield Static(f"{self._question}   Enter: take it   Esc: leave it", markup=False)
            yield OptionList(*(Option(label, id=word) for word, label in self._choices))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the word."""
        self.dismiss(event.option.id)

    def action_leave(self) -> None:
        """Close without."""
        self.dismiss(None)


class ReadDialog(ModalScreen[None]):
    """Something to read."""

    CSS = STYLE.format(name="ReadDialog")
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter", "leave", "leave")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The text."""
        with VerticalScroll() as scroll:
            scroll.border_subtitle = "Esc: back   Up, Down, PgUp, PgDn: more"
            yield Static(self._text, markup=False)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


Choices = Sequence[tuple[str, str]]


class CommandApp(App[None]):
    """A person confirms a command that would lose something or use film."""

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
        ("slash", "filter", "filter"),
        ("question_mark", "help", "help"),
        ("q", "quit", "quit"),
        Binding("ctrl+c", "quit", "quit", priority=True),
    ]

    def __init__(self, store: Store, who: str) -> None:
        super().__init__()
        self.store = store
        self._who = who
        self._job_commands = JobCommands(store, who)
        self._printer_commands = PrinterCommands(store, who)

    @property
    @abstractmethod
    def selected_job(self) -> JobStatus | None:
        """The job that keys are for."""

    @property
    @abstractmethod
    def selected_printer(self) -> Printer | None:
        """The printer that keys are for."""

    @property
    @abstractmethod
    def printers(self) -> Sequence[Printer]:
        """All there are."""

    @abstractmethod
    def give(self, label: str, command: Callable[[], str]) -> Worker[None]:
        """Give a command in a thread; show its words, or why it failed."""

    def action_hold(self) -> None:
        """Hold the selected job."""
        if (found := self.selected_job) is not None:
            job_id, seen = found.job.id, found.version
            self._ask(
                f"hold job {job_id}", lambda why: self._job_commands.hold(job_id, why, seen=seen)
            )

    def action_release(self) -> None:
        """Release it; where films are uncertain, a person says whether they are on paper."""
        if (found := self.selected_job) is None:
            return
        label, job_id, seen = f"release job {found.job.id}", found.job.id, found.version
        if found.job.state is not State.HELD or not found.unanswered:
            self._confirm(
                label,
                questions.of_job(found, "release"),
                lambda: self._job_commands.release(job_id, seen=seen),
            )
            return
        films = count(len({each.number for each in found.unanswered}), "film")
        choices = (
            ("again", f"{films} uncertain: not on paper, print again"),
            ("paper", f"{films} uncertain: on paper already, not again"),
        )
        self._choose(
            f"{label} of {found.modality}",
            choices,
            lambda word: self._job_commands.release(job_id, printed=word == "paper", seen=seen),
        )

    def action_cancel(self) -> None:
        """Cancel it, if the person is sure."""
        if (found := self.selected_job) is not None:
            job_id, seen = found.job.id, found.version
            self._confirm(
                f"cancel job {job_id}",
                questions.of_job(found, "cancel"),
                lambda: self._job_commands.cancel(job_id, seen=seen),
            )

    def action_move(self) -> None:
        """Send it to another printer; where that releases it, if the person is sure."""
        if (found := self.selected_job) is None:
            return
        label, job_id, seen = f"move job {found.job.id} to", found.job.id, found.version
        names = [
            (f"to-{index}", f"{each.name}  {each.health}, {each.duty}")
            for index, each in enumerate(self.printers)
        ]
        printers = {f"to-{index}": each.name for index, each in enumerate(self.printers)}

        def chosen(word: str | None) -> None:
            if word is not None:
                printer = printers.get(word, "")
                self._confirm(
                    label,
                    questions.of_job(found, "move", printer),
                    lambda: self._job_commands.move(job_id, printer, seen=seen),
                )

        self.push_screen(Choose(_begun(label), [*names, ("any", "any printer")]), chosen)

    def action_reprint(self) -> None:
        """Print it again, as a new job, if the person is sure."""
        if (found := self.selected_job) is not None:
            job_id, seen = found.job.id, found.version
            self._confirm(
                f"reprint job {job_id}",
                questions.of_job(found, "reprint"),
                # The question says when it was printed again already.
                lambda: self._job_commands.reprint(job_id, again=True, seen=seen),
            )

    def action_priority(self) -> None:
        """Make it more or less urgent."""
        if (found := self.selected_job) is not None:
            job_id, seen = found.job.id, found.version
            self._choose(
                f"priority of job {job_id}",
                [*((str(each), str(each)) for each in Priority), FIRST],
                lambda word: self._job_commands.priority(
                    job_id,
                    Priority.HIGH if word == FIRST[0] else Priority(word),
                    first=word == FIRST[0],
                    seen=seen,
                ),
            )

    def action_drain(self) -> None:
        """Give the selected printer no new jobs."""
        self._duty(Duty.DRAIN, "drain")

    def action_halt(self) -> None:
        """Take it out of service."""
        self._duty(Duty.MAINT, "halt")

    def action_ready(self) -> None:
        """Let it print again."""
        if (printer := self.selected_printer) is not None:
            name, seen = printer.name, of_printer(printer)
            self.give(
                f"ready {name}",
                lambda: self._printer_commands.set_duty(name, Duty.READY, seen=seen),
            )

    def action_test_film(self) -> None:
        """Print a test film on it, if the person is sure."""
        if (printer := self.selected_printer) is not None:
            name = printer.name
            self._confirm(
                f"test film on {name}",
                questions.of_printer(printer, "test-print"),
                lambda: self._test_film(name),
            )

    def _test_film(self, name: str) -> str:
        return queued_text(self.store, print_film(self.store, self._who, name), name)

    def _duty(self, duty: Duty, label: str) -> None:
        if (printer := self.selected_printer) is not None:
            name, seen = printer.name, of_printer(printer)
            self._ask(
                f"{label} {name}",
                lambda why: self._printer_commands.set_duty(name, duty, why, seen=seen),
                without(self.printers, [name], duty),
            )

    @abstractmethod
    def show_only(self, text: str) -> None:
        """Show the jobs that this means, a text or conditions; all with an empty one."""

    def action_filter(self) -> None:
        """Ask which jobs are shown; the empty text means all."""

        def answered(text: str | None) -> None:
            if text is not None:
                self.show_only(text)

        question = (
            "Show jobs with this text, or as state=held modality=CT1 printer=oki-1 since=2h "
            "(empty: all)"
        )
        self.push_screen(Ask(question), answered)

    def _ask(self, label: str, command: Callable[[str], str], before: str = "") -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                self.give(label, lambda: command(text))

        warning = f"{before}\n\n" if before else ""
        self.push_screen(Ask(f"{warning}{_begun(label)}: why? (may stay empty)"), answered)

    def _confirm(self, label: str, question: str, command: Callable[[], str]) -> None:
        """Give it once the person says yes; at once where there is nothing to ask."""
        if not question:
            self.give(label, command)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.give(label, command)

        self.push_screen(Confirm(question), answered)

    def _choose(self, label: str, choices: Choices, command: Callable[[str], str]) -> None:
        def answered(word: str | None) -> None:
            if word is not None:
                self.give(label, lambda: command(word))

        self.push_screen(Choose(_begun(label), choices), answered)


def _begun(label: str) -> str:
    return label[:1].upper() + label[1:]
