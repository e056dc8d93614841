"""What is shown of a configuration that was read again and could not be taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.operations import vitals
from broker.operations.text import moment

if TYPE_CHECKING:
    from broker.operations.opened import Store

NOT_RELOADED = (
    "THE CONFIGURATION WAS NOT TAKEN OVER when it was read again at {when} UTC: {why}. The broker "
    "goes on with the one before. Mend the file, then send SIGHUP (`systemctl reload broker`)."
)
REMARK = "the configuration file was changed and not taken over: `broker printers` says why"


def not_reloaded(store: Store) -> str:
    """That the last reload has failed, and why; empty when it has not."""
    found = vitals.read(store.config.data_dir)
    if found is None or not found.not_reloaded:
        return ""
    return NOT_RELOADED.format(when=moment(found.not_reloaded_at), why=found.not_reloaded)
