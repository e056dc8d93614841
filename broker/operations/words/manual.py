"""The operator's manual: topics in Markdown under `broker/help`, shipped with the package.

The first line of a topic is its title; the first paragraph says what is in it. Topics name each
other by the file, as `[security](security.md)`, so that they can be read where they are kept, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

TOPICS = (
    "when-something-fails",
    "installing",
    "configuring",
    "printers",
    "monitoring",
    "backup-and-upgrade",
    "security",
    "high-availability",
    "limits",
)
"""The one that is needed at night first, then in the order in which a person needs them."""
LINK = re.compile(r"\[([^\]]+)\]\(([a-z-]+)\.md\)")
"""What leads from one topic to another: its words and the topic."""


class NoSuchTopic(LookupError):
    """The manual has no topic of that name; the words name those that there are."""


@dataclass(frozen=True)
class Topic:
    """One topic of the manual."""

    name: str
    title: str
    summary: str
    """One sentence."""
    text: str
    """All of it, in Markdown."""


@cache
def topic(name: str) -> Topic:
    """The topic of that name.

    Raises: NoSuchTopic: there is none.
    """
    if name not in TOPICS:
        # Not the name: it may be as long as an address.
        raise NoSuchTopic(f"there is no such topic; the topics are {', '.join(TOPICS)}")
    text = resources.files("broker").joinpath("help", f"{name}.md").read_text(encoding="utf-8")
    title, _, rest = text.partition("\n\n")
    return Topic(name, title.removeprefix("# "), rest.partition("\n\n")[0].strip(), text)


def topics() -> tuple[Topic, ...]:
    """All of them, in the order in which a person needs them."""
    return tuple(map(topic, TOPICS))
