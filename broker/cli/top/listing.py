"""A table of the screen: rows below a heading, one of them selected.

Only the lines in sight are drawn, and only when one of them has changed: a screen that is left open
all day costs next to nothing. Cells are plain text: what peers call themselves is no markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Blur, Click, Focus, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from broker.cli.output.tables import STYLES, Column

SELECTED, ELSEWHERE, OTHER = "> ", "- ", "  "
"""Before the selected row, while its table is in use and while another is; before all others."""
LEAST_WORDS = 16
"""The last column, of sentences, is left out where fewer cells than this are left for it; columns
that may stand `below` are left out before."""


@dataclass(frozen=True)
class Line:
    """One row: its cells, and a sentence that is cut where the line ends."""

    key: str
    cells: tuple[str, ...]
    words: str = ""
    across: str = ""
    """In place of cells and sentence, over all columns."""


class Listing(Widget, can_focus=True):
    """The table. The selected row stays the selected one wherever others push it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "listing--heading",
        "listing--selected",
        "listing--group",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "move(-1)", "up"),
        ("down", "move(1)", "down"),
        ("pageup", "page(-1)", "page up"),
        ("pagedown", "page(1)", "page down"),
        ("home", "move(-1000000)", "first"),
        ("end", "move(1000000)", "last"),
        ("enter", "read", "details"),
        ("space", "unfold", "all of the group, or some"),
    ]

    class Moved(Message):
        """Another row is selected, or other rows are in sight."""

    class Read(Message):
        """A person wants all of the selected row of that table."""

        def __init__(self, listing: Listing) -> None:
            super().__init__()
            self.listing = listing

    class Unfold(Message):
        """A person wants all of the selected row's group, or some of it again."""

    def __init__(self, columns: Sequence[Column], *, id: str) -> None:
        """The last column is that of the sentences."""
        super().__init__(id=id)
        self._columns = columns
        self._lines: Sequence[Line] = ()
        self._widths = [len(column.heading) for column in columns[:-1]]
        self._chosen = 0
        self._first = 0

    @property
    def chosen(self) -> str:
        """Key of the selected row; empty without rows."""
        return self._lines[self._chosen].key if self._lines else ""

    @property
    def lines(self) -> Sequence[Line]:
        """All rows."""
        return self._lines

    @property
    def sight(self) -> tuple[int, int]:
        """Numbers of the first and last row in sight, from 1."""
        return self._first + 1, min(self._first + self._room, len(self._lines))

    @property
    def _room(self) -> int:
        return max(1, self.size.height - 1)

    def show(self, lines: Sequence[Line]) -> None:
        """These rows from now on. The selected one stays where it is on the screen, if it can."""
        if lines == self._lines:
            return
        key, before, resized = self.chosen, self._chosen, len(lines) != len(self._lines)
        self._lines = lines
        rows = [line for line in lines if not line.across]
        self._widths = [
            _width(column, [row.cells[index] for row in rows])
            for index, column in enumerate(self._columns[:-1])
        ]
        found = next((index for index, line in enumerate(lines) if line.key == key), None)
        self._chosen = max(0, min(before, len(lines) - 1)) if found is None else found
        if self._first:  # the very first rows are the urgent ones: they stay in sight
            self._first += self._chosen - before
        self._keep_in_sight()
        self.refresh(layout=resized)
        self.post_message(self.Moved())

    def _keep_in_sight(self) -> None:
        room = self._room
        most = max(0, len(self._lines) - room)
        least = max(0, self._chosen - room + 1)
        self._first = min(max(self._first, least), self._chosen, most)

    def _select(self, index: int) -> None:
        self._chosen = max(0, min(index, len(self._lines) - 1))
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved())

    def select(self, key: str) -> None:
        """Select the row of that key, if there is one."""
        found = next((index for index, line in enumerate(self._lines) if line.key == key), None)
        if found is not None:
            self._select(found)

    def action_move(self, by: int) -> None:
        """Select another row."""
        self._select(self._chosen + by)

    def action_page(self, by: int) -> None:
        """Select one a screen further."""
        self._select(self._chosen + by * self._room)

    def action_read(self) -> None:
        """Say that a person wants all of it; an empty table says so, too. Of a heading: all of
        its group."""
        heading = bool(self._lines and self._lines[self._chosen].across)
        self.post_message(self.Unfold() if heading else self.Read(self))

    def action_unfold(self) -> None:
        """Say that a person wants all of the group."""
        self.post_message(self.Unfold())

    def on_click(self, event: Click) -> None:
        """The row under the pointer."""
        if 0 < event.y <= len(self._lines) - self._first:
            self._select(self._first + event.y - 1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        """The next one."""
        self.action_move(1)

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        """The one before."""
        self.action_move(-1)

    def on_resize(self, _: Resize) -> None:
        """More or fewer rows are in sight."""
        self._keep_in_sight()
        self.post_message(self.Moved())

    def on_focus(self, _: Focus) -> None:
        """In use: the selected row's mark changes."""
        self.refresh()
        self.post_message(self.Moved())

    def on_blur(self, _: Blur) -> None:
        """No longer in use."""
        self.refresh()

    def get_content_height(self, _container: Size, _viewport: Size, _width: int) -> int:
        """Where the height is automatic: all rows."""
        return len(self._lines) + 1

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if y == 0:
            bold = self.get_component_rich_style("listing--heading")
            headings = [(column.heading, bold) for column in self._columns]
            return self._strip(OTHER, headings[:-1], headings[-1][0], bold)
        index = self._first + y - 1
        if index >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        line = self._lines[index]
        style, mark = self.rich_style, OTHER
        if index == self._chosen:
            mark = ELSEWHERE
            if self.has_focus:
                style, mark = self.get_component_rich_style("listing--selected"), SELECTED
        if line.across:
            style += self.get_component_rich_style("listing--group", partial=True)
            words = mark + _cut(line.across, self.size.width - len(mark))
            return Strip([Segment(words, style)]).adjust_cell_length(self.size.width, style)
        # A word keeps its color in the selected row, too: red on the row that keys are for.
        cells = [(each, Style.parse(STYLES.get(each, ""))) for each in line.cells]
        return self._strip(mark, cells, line.words, style)

    def _strip(
        self, mark: str, cells: Sequence[tuple[str, Style]], words: str, style: Style
    ) -> Strip:
        segments = [Segment(mark, style)]
        narrow = len(mark) + sum(self._widths) + 2 * len(self._widths) + LEAST_WORDS
        for (cell, own), width, column in zip(cells, self._widths, self._columns, strict=False):
            if column.below and (narrow > self.size.width or not width):
                continue
            text = set_cell_size(cell, width)
            if column.right:
                text = " " * (width - cell_len(cell)) + cell
            segments += [Segment(text, style + own), Segment("  ", style)]
        left = self.size.width - sum(segment.cell_length for segment in segments)
        if left >= LEAST_WORDS:
            segments.append(Segment(_cut(words, left), style))
        return Strip(segments).adjust_cell_length(self.size.width, style)


def _width(column: Column, cells: Sequence[str]) -> int:
    """0 where a column that may be left out has nothing to say."""
    if column.below and not any(cells):
        return 0
    return max([len(column.heading), *map(cell_len, cells)])


def _cut(words: str, width: int) -> str:
    """At most `width` cells; it ends in an ellipsis where something was cut."""
    return words if cell_len(words) <= width else set_cell_size(words, width - 1) + "…"
