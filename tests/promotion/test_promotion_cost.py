"""What a result costs does not grow with the number of trials, but for the judging of a rung."""

from __future__ import annotations

import pytest

from tests.promotion.streams import reached
from tune_es import Action, AdaptiveQuota, AsyncHalving, RungTable
from tune_es.promotion import Promoter, PromotionRule, Standing, Track

BUDGET = 12
RULES: dict[str, PromotionRule] = {
    "quota": AdaptiveQuota(),
    "table": RungTable({1: 50, 3: 20}),
    "asynchronous": AsyncHalving(1, 3),
}


def standings(monkeypatch: pytest.MonkeyPatch, rule: PromotionRule, count: int) -> int:
    """How many standings a sweep works out."""
    asked = [0]
    work_out = Track.standing

    def counted(track: Track) -> Standing:
        asked[0] += 1
        return work_out(track)

    with monkeypatch.context() as patched:
        patched.setattr(Track, "standing", counted)
        reached(rule, [[at - step / 9 for step in range(BUDGET)] for at in range(count)], BUDGET)
    return asked[0]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_sweep_of_four_times_the_trials_works_out_four_times_as_much(
    monkeypatch: pytest.MonkeyPatch, rule: PromotionRule
) -> None:
    few, many = (standings(monkeypatch, rule, count) for count in (60, 240))
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
