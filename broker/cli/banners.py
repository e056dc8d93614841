"""What a person must see before any table: that nothing prints, or that nothing is taken."""

from __future__ import annotations

from rich.text import Text

from broker.cli.explanation import NOT_RUNNING
from broker.cli.opening import Store
from broker.cli.tables import folded

LOW = (
    "THE DISK IS NEARLY FULL: {words}. New films are refused; those that were taken are safe and "
    "print. Make room, or see what `broker purge --dry-run` would remove."
)


def banners(store: Store, width: int) -> list[Text]:
    """Lines to put above a table; none when all is well."""
    said = [] if store.running else [NOT_RUNNING]
    room = store.config.room()
    if room.low:
        said.append(LOW.format(words=room.words))
    return [line for sentence in said for line in folded(sentence, width)]
