"""A film without what its printer does not take (promise 11): what is tried next, and remembered.

A printer that knows an optional attribute not, or not that value of it, refuses the whole film over
it, and the modality, which asked for a printer that does, cannot be told. So the request is sent
again without it, on the same association, as long as nothing was asked for. What changes the scale,
the size, the orientation, the depth, the polarity or the number of copies is left out only where
the site allows it by name. Where such a thing is what the printer refuses, that is found out
likewise, and learned: no other film with it is sent there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from broker.dicom.attributes import FILM_BOX, FILM_SESSION, IMAGE_BOX
from broker.dicom.statuses import INVALID_ATTRIBUTE_VALUE, NO_SUCH_ATTRIBUTE
from broker.model.adaptations import ALLOWED, DECIMATE, HARMLESS, OTHERS, may
from broker.model.capabilities import (
    ANY,
    DEPTH,
    ESSENTIAL,
    LUT,
    SIMPLEST,
    Capability,
    Lesson,
    PrintObject,
    Trait,
    is_harmless,
)
from broker.model.film import Attributes

REFUSALS = frozenset({NO_SUCH_ATTRIBUTE, INVALID_ATTRIBUTE_VALUE})
"""Statuses that may be about an attribute (PS3.7 C.4.2, C.5.9)."""

_NAMED = frozenset(FILM_SESSION) | frozenset(FILM_BOX) | frozenset(IMAGE_BOX) | {LUT, DEPTH}
"""What print names."""
_PRIVATE = frozenset({OTHERS, "OwnerID", "FilmSessionLabel", "SpecificCharacterSet"})
"""Whose values are not remembered, as they may name a patient (promise 10): a printer that does not
take one takes none."""

LeftOut = frozenset[str]
"""Keywords that a printer is not asked for."""
NOTHING: LeftOut = frozenset()


@dataclass(frozen=True)
class Found:
    """What came of trying."""

    left_out: LeftOut | None
    """What the printer takes the request without; None where it takes it in no form."""
    refused: LeftOut = NOTHING
    """What it refuses, and what cannot be left out; empty where that is not known."""


def search(
    takes: Callable[[LeftOut], bool], optional: Sequence[str], essential: Sequence[str]
) -> Found:
    """Find what a printer that has refused a request takes it without, by asking it.

    `takes` tells whether it takes the request without these. Each optional attribute is tried
    alone, then all are left out, and those that it takes are put back. Where it takes it in no such
    form, the same is done with the essential ones, to name what it refuses.
    """
    for each in optional:
        if takes(frozenset({each})):
            return Found(frozenset({each}))
    every = frozenset(optional)
    if len(optional) > 1 and takes(every):
        needed = frozenset(each for each in optional if not takes(every - {each}))
        return Found(needed if needed and takes(needed) else every)
    whole = every | frozenset(essential)
    if not essential or not takes(whole):
        return Found(None)
    if len(essential) == 1:
        return Found(None, frozenset(essential))
    return Found(None, frozenset(each for each in essential if not takes(whole - {each})))


class Adaptations:
    """What one printer was seen not to take, for one association with it.

    It is the value that is not taken: another one of the same attribute is asked for; but for a
    status that says that there is no such attribute, it is every value.
    """

    def __init__(
        self,
        known: Iterable[Capability] = (),
        learn: Callable[[Capability], None] = lambda _: None,
        *,
        adapt: tuple[str, ...] = (),
        omit: tuple[str, ...] = (),
    ) -> None:
        """`learn` keeps a lesson for other associations. `adapt` and `omit` as of an Address."""
        self._known = {(each.lesson, each.trait) for each in known}
        self._learn = learn
        self._omit = frozenset(omit)
        named_all = {**HARMLESS, **ALLOWED}
        self._optional = [
            pair for name in named_all if may(adapt, name) for pair in named_all[name]
        ]
        self._adapt = adapt

    def left_out(self, level: PrintObject, asked: Attributes) -> LeftOut:
        """What of these attributes it is not asked for."""
        return frozenset(
            each
            for each in asked
            if each in self._omit
            or (Lesson.WITHOUT, Trait(level, each, ANY)) in self._known
            or (Lesson.WITHOUT, Trait(level, each, _value(asked[each]))) in self._known
        )

    def may(self, name: str) -> bool:
        """Whether it may get the adaptation of that name."""
        return may(self._adapt, name)

    def optional(self, level: PrintObject, sent: Attributes) -> list[str]:
        """What of the attributes that were sent may be left out, that which costs least first."""
        own = [each for at, each in self._optional if at is level and each in sent]
        own += [
            each
            for each in sent
            if each not in own and self.may(DECIMATE) and is_harmless(each, sent[each])
        ]
        return own

    def essential(self, level: PrintObject, sent: Attributes) -> list[str]:
        """What of them may not."""
        optional = self.optional(level, sent)
        return [
            each
            for each in ESSENTIAL[level]
            if each in sent and each not in optional and sent[each] != SIMPLEST
        ]

    def leave_out(self, level: PrintObject, keywords: LeftOut, asked: Attributes) -> None:
        """It took the request without these, and not with them."""
        for each in keywords:
            value = ANY if each in _PRIVATE else _value(asked[each])
            self.remember(Capability(Lesson.WITHOUT, Trait(level, each, value)))

    def refuse(
        self, level: PrintObject, keywords: LeftOut, asked: Attributes, status: int
    ) -> list[str]:
        """It takes no film with these; the same in words."""
        traits = []
        for each in sorted(keywords):
            unknown = status == NO_SUCH_ATTRIBUTE and each not in (DEPTH, LUT, "ImageDisplayFormat")
            traits.append(Trait(level, each, ANY if unknown else _value(asked[each])))
        for trait in traits:
            self.remember(Capability(Lesson.REFUSES, trait, status))
        return [each.words for each in traits]

    def knows(self, lesson: Lesson) -> bool:
        """Whether a lesson that is about no attribute was learned."""
        return (lesson, _NO_TRAIT) in self._known

    def remember(self, capability: Capability) -> None:
        """Believe it from now on."""
        key = capability.lesson, capability.trait
        if key not in self._known:
            self._known.add(key)
            self._learn(capability)


def named(answered: Iterable[str], sent: Attributes) -> Iterator[str]:
    """Those of the attributes that were sent which an answer names."""
    known = {OTHERS if each not in _NAMED else each for each in answered}
    yield from (each for each in sent if each in known)


def of_association(lesson: Lesson) -> Capability:
    """A lesson that is about no attribute."""
    return Capability(lesson, _NO_TRAIT)


_NO_TRAIT = Trait(PrintObject.SESSION, "", ANY)


def _value(values: tuple[str, ...]) -> str:
    return "\\".join(values)
