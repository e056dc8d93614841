"""A film without what its printer does not take (promise 11): what is tried next, and remembered.

A printer that does not know an optional attribute, or that value of it, refuses the whole film over
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
from broker.model.films.adaptations import ALLOWED, DECIMATE, HARMLESS, OTHERS, SCALE, may
from broker.model.films.capabilities import (
    ANY,
    DEPTH,
    ESSENTIAL,
    LUT,
    SIMPLEST,
    Capability,
    Combination,
    Lesson,
    PrintObject,
    Trait,
    is_harmless,
)
from broker.model.films.film import Attributes
from broker.model.printers.trouble import AS_CHOSEN

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
NO_OTHERS: Combination = frozenset()


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
    form, the same is done with the essential ones, to name what it refuses. In the end the whole
    request is asked for again: a refusal that has passed teaches nothing.
    """
    last = NOTHING, False

    def noted(left_out: LeftOut) -> bool:
        nonlocal last
        last = left_out, takes(left_out)
        return last[1]

    found = _searched(noted, optional, essential)
    if not (found.left_out or found.refused):
        return found
    passed = last[1] if last[0] == NOTHING else takes(NOTHING)
    return Found(NOTHING) if passed else found


def _searched(
    takes: Callable[[LeftOut], bool], optional: Sequence[str], essential: Sequence[str]
) -> Found:
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
    alone = frozenset(each for each in essential if not takes(whole - {each}))
    return Found(None, alone or frozenset(essential))


@dataclass(frozen=True)
class Asked:
    """What one request asks of a printer."""

    level: PrintObject
    attributes: Attributes
    """Beside attributes what stands for others: OTHERS, LUT, DEPTH."""
    among: Combination
    """What matters of it and of the objects above it."""

    @property
    def whole(self) -> Combination:
        """All of it, and what matters of the objects above: what holds for this holds for nothing
        else."""
        own = {
            Trait(self.level, each, ANY if each in _PRIVATE else _value(values))
            for each, values in self.attributes.items()
            if each != LUT  # it is in what matters, where it does
        }
        return self.among | own


class Adaptations:
    """What one printer was seen not to take, for one association with it.

    A lesson holds for the same request only, with the same values beside: printers refuse values
    for each other.
    """

    def __init__(
        self,
        known: Iterable[Capability] = (),
        learn: Callable[[Capability], None] = lambda _: None,
        *,
        adapt: tuple[str, ...] = (),
        omit: tuple[str, ...] = (),
        chosen: Iterable[str] = (),
    ) -> None:
        """`learn` keeps a lesson for other associations. `adapt` and `omit` as of an Address.
        `chosen` are keywords that a person chose, and that are never left out."""
        self._known = {(each.lesson, each.trait, each.among) for each in known}
        self._learn = learn
        self._omit = frozenset(omit)
        self.chosen = frozenset(chosen)
        named_all = {**HARMLESS, **ALLOWED}
        optional = [pair for name in named_all if may(adapt, name) for pair in named_all[name]]
        self._optional = [pair for pair in optional if pair[1] not in self.chosen]
        self._else_left_out = frozenset(each for _, each in optional) & self.chosen
        """Of what was chosen, that which the site lets others be printed without."""
        self._forbidden = [
            pair for name in HARMLESS if not may(adapt, name) for pair in HARMLESS[name]
        ]
        self._adapt = adapt
        self.learns_refusals = True
        """Not while several copies are asked for: these may be the reason."""

    def hold(self, known: Iterable[Capability]) -> bool:
        """Whether all that is believed here is believed still, as these are."""
        return self._known <= {(each.lesson, each.trait, each.among) for each in known}

    def left_out(self, asked: Asked) -> LeftOut:
        """What of this it is not asked for."""
        whole = asked.whole
        known = {
            trait.keyword
            for lesson, trait, among in self._known
            if lesson is Lesson.WITHOUT and trait.level is asked.level and among == whole
        }
        return (self._omit | known).difference(self.chosen).intersection(asked.attributes)

    def omitted(self, attributes: Attributes) -> LeftOut:
        """What of these the site has said that it is never asked for."""
        return self._omit.difference(self.chosen).intersection(attributes)

    def may(self, name: str) -> bool:
        """Whether it may get the adaptation of that name."""
        return may(self._adapt, name)

    def optional(self, level: PrintObject, sent: Attributes) -> list[str]:
        """What of the attributes that were sent may be left out, that which costs least first."""
        own = [
            each
            for at, each in self._optional
            if at is level and each in sent and (each, *sent[each]) not in SCALE
        ]
        own += [
            each
            for each in sent
            if each not in own and self.may(DECIMATE) and is_harmless(each, sent[each])
        ]
        return own

    def essential(self, level: PrintObject, sent: Attributes) -> list[str]:
        """What of them may not: by its nature, or because the site has forbidden it."""
        optional = self.optional(level, sent)
        forbidden = [each for at, each in self._forbidden if at is level]
        return [
            each
            for each in (*ESSENTIAL[level], *forbidden)
            if each in sent and each not in optional and sent[each] != SIMPLEST
        ]

    def leave_out(self, asked: Asked, keywords: LeftOut) -> None:
        """It took the request without these, and not with them."""
        whole = asked.whole
        for each in keywords:
            value = ANY if each in _PRIVATE else _value(asked.attributes[each])
            self.remember(Capability(Lesson.WITHOUT, Trait(asked.level, each, value), whole))

    def refuse(self, asked: Asked, keywords: LeftOut, status: int) -> str:
        """It takes no film that asks for these among the same others; that in words.

        What is no part of what matters cannot be told apart from other requests: it is not learned;
        nor is what others may be printed without, and this one may not, as a person chose it.
        """
        traits = sorted(
            Trait(asked.level, each, _value(asked.attributes[each])) for each in keywords
        )
        capability = Capability(Lesson.REFUSES, traits[0], asked.among, status)
        whole = asked.among.issuperset(traits) and not keywords & self._else_left_out
        if whole and self.learns_refusals:
            self.remember(capability)
        by_person = AS_CHOSEN if keywords & self.chosen else ""
        return capability.refused + by_person

    def knows(self, lesson: Lesson, among: Combination = NO_OTHERS) -> bool:
        """Whether a lesson that is about no attribute was learned, of this request."""
        return (lesson, _NO_TRAIT, among) in self._known

    def correct(self, capability: Capability) -> None:
        """Believe it from now on, whatever was believed in its place."""
        self._known.add((capability.lesson, capability.trait, capability.among))
        self._learn(capability)

    @property
    def allowed(self) -> LeftOut:
        """What the site allows to be left out although that makes another film."""
        pairs = [pair for name in ALLOWED if self.may(name) for pair in ALLOWED[name]]
        return frozenset(keyword for _, keyword in pairs)

    def remember(self, capability: Capability) -> None:
        """Believe it from now on."""
        key = capability.lesson, capability.trait, capability.among
        if key not in self._known:
            self._known.add(key)
            self._learn(capability)


def named(answered: Iterable[str], sent: Attributes) -> Iterator[str]:
    """Those of the attributes that were sent which an answer names."""
    known = {OTHERS if each not in _NAMED else each for each in answered}
    yield from (each for each in sent if each in known)


def of_association(lesson: Lesson, among: Combination = NO_OTHERS) -> Capability:
    """A lesson that is about no attribute; of this request, where it is about one."""
    return Capability(lesson, _NO_TRAIT, among)


_NO_TRAIT = Trait(PrintObject.SESSION, "", ANY)


def _value(values: tuple[str, ...]) -> str:
    return "\\".join(values)
