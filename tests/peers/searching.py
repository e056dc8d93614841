"""How a model is compared with what it models: which steps are taken, and how many of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

VARIABLE = "BROKER_MODEL_EXAMPLES"
PATIENCE_S = 0 if os.environ.get(VARIABLE) else 300
"""For one search; 0 is for ever."""

Method = TypeVar("Method", bound=Callable[..., None])


def _always(_: object) -> bool:
    return True


def step(
    weight: int = 1, /, *, when: Callable[[Any], object] = _always, **given: st.SearchStrategy[Any]
) -> Callable[[Method], Method]:
    """A method that a search may take as its next step, so often and with such arguments."""

    def mark(method: Method) -> Method:
        method.chosen = (weight, when, given)  # type: ignore[attr-defined]
        return method

    return mark


class Search(RuleBasedStateMachine):
    """Takes every step in every run, by weight.

    Rules of their own would be left out by half in each run, which is good for finding what one
    does not expect of a stack or a list; here, little happens without most of them.
    """

    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        """Choose one of the steps that are possible now."""
        possible = {
            name: method.chosen
            for name, method in vars(type(self)).items()
            if hasattr(method, "chosen") and method.chosen[1](self)
        }
        weighted = [name for name, chosen in possible.items() for _ in range(chosen[0])]
        name = data.draw(st.sampled_from(weighted), label="step")
        given = data.draw(st.fixed_dictionaries(possible[name][2]), label=name)
        getattr(self, name)(**given)


def searching(*, examples: int, steps: int) -> settings:
    """The same few examples each time; as many as the variable says, other ones each time.

    Then a failure is printed with what repeats it.
    """
    asked = os.environ.get(VARIABLE)
    return settings(
        max_examples=int(asked) if asked else examples,
        stateful_step_count=steps,
        derandomize=not asked,
        database=None,
        print_blob=bool(asked),
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
