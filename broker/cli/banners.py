"""What a person must see with any table, above it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from broker.cli.tables import folded
from broker.operations.alarms import alarms
from broker.operations.opened import Store


def banners(store: Store, width: int) -> list[Text]:
    """Lines to put above a table; none when all is well."""
    return [line for sentence in alarms(store) for line in folded(sentence, width)]


def around(table: Sequence[Text], said: Sequence[Text], height: int) -> list[Text]:
    """A table below its banners; above them, too, when it is too long for them to stay in sight."""
    long = len(said) + len(table) >= height
    return [*said, *table, *(said if long else ())]
