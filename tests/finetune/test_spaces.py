from __future__ import annotations

from typing import Any

import pytest
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from experiments.finetune.settings import Settings
from search_spaces.finetune import finetune_space, sample_configs
from search_spaces.stopping import (
    adaptive_space,
    patience_space,
    preset_space,
    promotion_space,
    smoothed_space,
    weights_space,
)
from tune_es import Adaptive, AdaptiveQuota, Composite, Patience, Policy, Smoothed


def suggested(space: dict[str, Any], count: int = 8) -> list[dict[str, Any]]:
    search = OptunaSearch(seed=0)
    assert search.set_search_properties("eval_loss", "min", space)
    return [search.suggest(str(number)) or {} for number in range(count)]


@pytest.mark.parametrize(
    ("stopping", "rules"),
    [
        (preset_space(), Adaptive),
        (patience_space(20), Patience),
        (adaptive_space(), Adaptive),
        (smoothed_space(20), Smoothed),
        (weights_space(["eval_loss", "eval_f1"], 20), Composite),
    ],
)
def test_optuna_suggests_what_the_trainable_and_the_policy_take(
    stopping: dict[str, Any], rules: type
) -> None:
    others = {"eval_f1": "max"}
    policy = Policy("eval_loss", "min", stop="balanced", other_metrics=others, max_t=20)
    for config in suggested({**finetune_space(), "es": stopping}):
        assert 2e-5 <= Settings.from_config(config).lr <= 2e-3
        assert isinstance(policy.with_params(config["es"]).criterion, rules)


def test_patience_is_a_share_of_the_budget() -> None:
    found = {
        c["es"]["stop"]["Patience"]["patience"] for c in suggested({"es": patience_space(40)}, 60)
    }
    assert min(found) >= 4
    assert max(found) <= 20
    with pytest.raises(ValueError, match="max_t must be at least 2, got 1"):
        patience_space(1)


def test_weights_are_against_the_first_metric_and_need_a_second_one() -> None:
    space = {"es": weights_space(["loss", "f1", "accuracy"])}
    found = [each["es"]["stop"]["Composite"]["weights"] for each in sample_configs(space, 8, 0)]
    assert {each["loss"] for each in found} == {1.0}
    assert len({each["f1"] for each in found}) > 4
    for wrong in (["loss"], ["loss", "loss"]):
        with pytest.raises(ValueError, match=r"weights_space\.metrics must be two names or more"):
            weights_space(wrong)
    with pytest.raises(ValueError, match="must have no slash, got 'val/f1'"):
        weights_space(["loss", "val/f1"])


def test_the_knobs_of_promotion_are_those_of_a_policy() -> None:
    found = set()
    for config in suggested({"promotion": promotion_space()}, 20):
        policy = Policy("loss", "min", stop="none", max_t=20, promotion=config["promotion"])
        assert isinstance(policy.promotion_rule, AdaptiveQuota)
        found.add(policy.promotion_rule)
    assert len(found) == 20


def test_the_same_seed_gives_the_same_configurations() -> None:
    space = finetune_space(epochs=1.0, es=preset_space())
    configs = sample_configs(space, 6, seed=4)
    assert configs == sample_configs(space, 6, seed=4)
    assert configs != sample_configs(space, 6, seed=5)
    assert len({config["lr"] for config in configs}) == 6
    assert all(
        config["epochs"] == 1.0 and isinstance(config["es"]["stop"], str) for config in configs
    )


def test_what_is_fixed_is_not_searched() -> None:
    assert not isinstance(finetune_space(lr=1e-3)["lr"], tune.search.sample.Domain)
