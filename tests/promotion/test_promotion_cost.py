"""What a result costs does not grow with the number of trials, but for the judging of a rung."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.promotion.streams import reached
from tune_es import Action, AdaptiveQuota, AsyncHalving, RungTable
from tune_es.promotion import Promoter, PromotionRule, Rung, Standing, Track

BUDGET = 12
RULES: dict[str, PromotionRule] = {
    "quota": AdaptiveQuota(),
    "table": RungTable({1: 50, 3: 20}),
    "asynchronous": AsyncHalving(1, 3),
}


#: What is done once for each trial at a rung.
WORK: list[tuple[type, str]] = [(Track, "standing"), (Standing, "can_catch"), (Rung, "ranked")]


def work(monkeypatch: pytest.MonkeyPatch, rule: PromotionRule, count: int) -> int:
    """How often a sweep works out, compares or ranks standings."""
    asked = [0]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(one: Any, *more: Any) -> Any:
            asked[0] += 1
            return call(one, *more)

        return inner

    with monkeypatch.context() as patched:
        for kind, name in WORK:
            patched.setattr(kind, name, counted(getattr(kind, name)))
        reached(rule, [[at - step / 9 for step in range(BUDGET)] for at in range(count)], BUDGET)
    return asked[0]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_sweep_of_four_times_the_trials_works_out_four_times_as_much(
    monkeypatch: pytest.MonkeyPatch, rule: PromotionRule
) -> None:
    few, many = (work(monkeypatch, rule, count) for count in (60, 240))
    assert 0 < many < 6 * few


class Watched(list[str]):
    """Paused trials, which counts how often one is looked for."""

    looks = 0

    def __contains__(self, name: object) -> bool:
        self.looks += 1
        return super().__contains__(name)


def test_a_free_worker_looks_for_one_trial_and_not_for_all_that_are_ready() -> None:
    race = Promoter(RungTable({1: 200}), BUDGET, 400)
    names = [str(at) for at in range(400)]
    for name in names:
        race.add(name)
    for name in names:
        assert race.report(name, 1, float(name)) in (Action.PAUSE, Action.CONTINUE)
    paused = Watched(names)
    chosen = []
    while (taken := race.choose([], paused)) is not None:
        paused.remove(taken)
        chosen.append(taken)
    assert len(chosen) >= 199
    assert paused.looks < 5 * len(chosen)
