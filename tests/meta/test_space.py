"""Whatever is proposed is a policy, for any task; known policies are what they are called."""

from __future__ import annotations

from typing import Any, cast

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meta.tasks import STEPS, early
from tune_es import Adaptive, AdaptiveQuota, Composite, Policy, SuccessiveHalving
from tune_es.meta import FULL, KINDS, PRESETS, STARTS, Recipe, Space
from tune_es.replay import judge

OTHERS = {"val_f1": "max", "train_loss": "min"}
SPACES = [Space(), Space(other_metrics=OTHERS), *(Space((kind,)) for kind in KINDS)]


class Drawn:
    """Suggests what Hypothesis draws, bounds included."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.params: dict[str, Any] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return cast(float, self._kept(name, st.floats(low, high)))

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return cast(int, self._kept(name, st.integers(low, high)))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._kept(name, st.sampled_from(choices))

    def _kept(self, name: str, strategy: st.SearchStrategy[Any]) -> Any:
        assert name not in self.params
        self.params[name] = self._data.draw(strategy)
        return self.params[name]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: "+".join(space.kinds))
@given(data=st.data(), max_t=st.integers(1, 400), trials=st.integers(1, 300))
def test_every_proposal_is_a_policy_and_comes_back_from_its_file(
    space: Space, data: st.DataObject, max_t: int, trials: int
) -> None:
    recipe = space.recipe(Drawn(data))
    policy = recipe.policy("val_loss", "min", max_t, trials)
    assert policy.max_t == max_t
    assert Policy.from_yaml(policy.to_yaml()) == policy
    another = recipe.policy("val_f1", "max", max_t, trials)  # here a further metric is the task's
    assert "val_f1" not in another.other_metrics


@given(st.data())
def test_the_parameters_of_a_proposal_give_it_again(data: st.DataObject) -> None:
    drawn = Drawn(data)
    recipe = Space(other_metrics=OTHERS).recipe(drawn)
    assert Space(other_metrics=OTHERS).recipe(optuna.trial.FixedTrial(drawn.params)) == recipe


@given(st.data(), st.integers(2, 40))
def test_a_longer_budget_has_as_much_longer_rungs(data: st.DataObject, times: int) -> None:
    recipe = Recipe({"SuccessiveHalving": {"grace_period": data.draw(st.floats(0.1, 0.9))}})
    rules = [recipe.policy("l", "min", max_t, 9).criterion for max_t in (20, 20 * times)]
    short, long = (cast(SuccessiveHalving, rule).grace_period for rule in rules)
    assert abs(long - short * times) <= times / 2 + 1


def recipe_of(start: Any) -> Recipe:
    return Space().recipe(optuna.trial.FixedTrial(dict(start)))


def test_the_first_proposals_are_the_presets() -> None:
    stops = [recipe_of(each).policy("l", "min", 50, 9).criterion for each in STARTS[:3]]
    assert stops == [Adaptive.safe(), Adaptive.balanced(), Adaptive.aggressive()]
    quota = recipe_of(STARTS[3]).policy("l", "min", 50, 9).promotion_rule
    assert isinstance(quota, AdaptiveQuota)
    assert quota.factor == AdaptiveQuota().factor


@pytest.mark.parametrize("start", STARTS, ids=range(len(STARTS)))
def test_every_start_lies_in_the_space(start: Any) -> None:
    """Optuna would go on without a value that lies outside, with a warning."""
    study = optuna.create_study()
    study.enqueue_trial(dict(start))
    trial = study.ask()
    Space(other_metrics=OTHERS).recipe(trial)
    assert trial.params.items() <= dict(start).items() | {("judged", "one")}


@pytest.mark.parametrize("recipe", [*PRESETS.values(), FULL], ids=[*PRESETS, "again"])
def test_presets_run_on_tasks_of_any_length(recipe: Recipe) -> None:
    scores = judge([early("t")], [recipe.candidate("it", 5)], trials=5, seeds=1)
    assert 0 < scores[0].cost <= 1
    assert scores[0].cost == 1.0 or recipe != FULL


def test_a_table_counts_in_shares_of_trials_and_budget() -> None:
    shares = {"first": 0.25, "keep": 0.4, "rungs": 2, "factor": 2}
    policy = Recipe(promotion={"ShareTable": shares}).policy("l", "min", STEPS, 10)
    assert policy.to_dict()["promotion"] == {"RungTable": {"keep": {3: 4, 6: 2}}}


def test_weights_follow_the_metric_of_the_task() -> None:
    weights = {"objective": 1.0, "val_f1": 0.5}
    recipe = Recipe(
        {"Composite": {"rule": {"Patience": {}}, "weights": weights}}, other_metrics=OTHERS
    )
    assert recipe.policy("loss", "min", 9, 9).to_dict()["stop"]["Composite"]["weights"] == {
        "loss": 1.0,
        "val_f1": 0.5,
    }


def test_mistakes_are_said_when_built() -> None:
    with pytest.raises(ValueError, match="must name a kind"):
        Space(())
    with pytest.raises(ValueError, match="mode"):
        Space(other_metrics={"f1": "up"})
    with pytest.raises(ValueError, match=r"Recipe\.not_before must be a number"):
        Recipe(not_before=2)
    with pytest.raises(ValueError, match=r"Recipe\.policy\.trials must be a whole number"):
        Recipe().policy("l", "min", 5, 0)


def test_a_metric_that_is_the_tasks_own_keeps_the_weight_of_the_objective() -> None:
    weights = {"objective": 1.0, "val_f1": 0.0, "val_loss": 0.0}
    stop = {"Composite": {"rule": {"Patience": {"patience": 2}}, "weights": weights}}
    recipe = Recipe(stop, other_metrics={"val_f1": "max", "val_loss": "min"})
    policy = recipe.policy("val_f1", "max", max_t=9, trials=9)
    assert isinstance(policy.criterion, Composite)
    assert policy.criterion.weights == {"val_f1": 1.0, "val_loss": 0.0}
