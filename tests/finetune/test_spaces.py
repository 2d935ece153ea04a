from __future__ import annotations

from typing import Any

import pytest
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from experiments.finetune.settings import Settings
from search_spaces.finetune import finetune_space, sample_configs
from search_spaces.stopping import adaptive_space, patience_space, preset_space
from tune_es import Adaptive, Patience, Policy


def suggested(space: dict[str, Any], count: int = 8) -> list[dict[str, Any]]:
    search = OptunaSearch(seed=0)
    assert search.set_search_properties("eval_loss", "min", space)
    return [search.suggest(str(number)) or {} for number in range(count)]


@pytest.mark.parametrize(
    ("stopping", "rules"),
    [(preset_space(), Adaptive), (patience_space(20), Patience), (adaptive_space(), Adaptive)],
)
def test_optuna_suggests_what_the_trainable_and_the_policy_take(
    stopping: dict[str, Any], rules: type
) -> None:
    policy = Policy(metric="eval_loss", mode="min", stop="balanced", max_t=20)
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
