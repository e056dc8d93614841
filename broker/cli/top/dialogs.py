"""Questions of the screen: a yes, a line of text, one of a few words, something to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

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
