"""What people call the modalities: their tables in the configuration file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from broker.config.section import Section
from broker.config.values import AeTitle, as_written
from broker.model.peers.nicknames import LONGEST_NICKNAME, Nicknames


def _nickname(value: object) -> str:
    """A few words in one line, without spaces around them."""
    text = value.strip() if isinstance(value, str) else ""
    if not isinstance(value, str) or not 0 < len(text) <= LONGEST_NICKNAME:
        raise ValueError(
            f"{as_written(value)} is not a nickname; use 1 to {LONGEST_NICKNAME} characters, as "
            '"CT, ground floor"'
        )
    if not text.isprintable():
        raise ValueError(
            f"{as_written(value)} has a control character; use letters, digits, signs and spaces"
        )
    return text


class ModalitySection(Section):
    """One modality that has a nickname. Others print as well."""

    ae_title: AeTitle = Field(description="what it calls itself; upper and lower case count")
    nickname: Annotated[str, BeforeValidator(_nickname)] = Field(
        description="shown beside the AE title, and found by --modality"
    )


def nicknames(modalities: Sequence[ModalitySection]) -> Nicknames:
    """As the rest of the broker knows them."""
    return Nicknames({each.ae_title: each.nickname for each in modalities})


def doubled(modalities: Sequence[ModalitySection | None]) -> Iterator[str]:
    """Mistakes of modalities that could be taken for each other; None is one with mistakes of its
    own."""
    titles: dict[str, int] = {}
    known: dict[str, int] = {}
    there = [(number, each) for number, each in enumerate(modalities, start=1) if each is not None]
    for number, each in there:
        earlier = titles.setdefault(each.ae_title, number)
        if earlier != number:
            yield (
                f"modalities[{number}].ae_title: {as_written(each.ae_title)} is also the AE title "
                f"of modalities[{earlier}]; remove one of the two tables"
            )
        earlier = known.setdefault(each.nickname.casefold(), number)
        if earlier != number:
            yield (
                f"modalities[{number}].nickname: {as_written(each.nickname)} is also the nickname "
                f"of modalities[{earlier}], upper and lower case do not count; give each its own"
            )
    for number, each in there:
        for other, named in there:
            if other != number and named.ae_title.casefold() == each.nickname.casefold():
                yield (
                    f"modalities[{number}].nickname: {as_written(each.nickname)} is the AE title "
                    f"of modalities[{other}], upper and lower case do not count; give it another"
                )
