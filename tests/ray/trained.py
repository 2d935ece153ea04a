"""Real trainings as trials: the callbacks report to Ray Tune; workers import this module."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ray import tune

from tune_es import Policy

#: Scores by evaluation: the best comes third, and once more.
SCORES = [0.1, 0.5, 0.7, 0.6, 0.7, 0.2, 0.1, 0.1]

METRIC = "eval_score"


def train(config: Mapping[str, Any]) -> None:
    """Train as the run says: which ``framework``, which evaluations bring a ``checkpoint``.

    With ``dies`` the process ends once in front of that evaluation, which leaves a mark in the
    trial's folder; the next one goes on from the checkpoint.
    """
    run = config["run"]
    warnings.simplefilter("ignore")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    checkpoint = tune.get_checkpoint()
    with nullcontext(None) if checkpoint is None else checkpoint.as_directory() as folder:
        FRAMEWORKS[run["framework"]](run, None if folder is None else Path(folder))
    raise AssertionError("the scheduler had stopped this trial: nothing is run after that")


def transformers(run: Mapping[str, Any], folder: Path | None) -> None:
    from tests.integrations.tiny import trainer
    from tune_es.integrations.transformers import PolicyCallback

    def scores(step: int) -> dict[str, float]:
        die_once(run, step // 2)
        return {METRIC: SCORES[step // 2 - 1]}

    policy = Policy(METRIC, "max", stop="none").with_params(run.get("es", {}))
    callback = PolicyCallback(policy, checkpoint=run["checkpoint"])
    saved = run.get("save", "no")
    made = trainer(Path.cwd(), callback, scores=scores, save_strategy=saved, save_steps=2)
    made.train(resume_from_checkpoint=None if folder is None else str(folder))


def lightning(run: Mapping[str, Any], folder: Path | None) -> None:
    from tests.integrations.test_lightning import Module, fit
    from tune_es.integrations.lightning import PolicyCallback

    callback = PolicyCallback("none", metric=METRIC, mode="max", checkpoint=run["checkpoint"])
    module = Module(SCORES)
    module.name = METRIC
    fit(Path.cwd(), callback, module=module, checkpoint=folder and folder / "checkpoint.ckpt")


def keras(run: Mapping[str, Any], folder: Path | None) -> None:
    from tests.integrations.test_keras import Scored, fit
    from tune_es.integrations.keras import PolicyCallback

    scored = Scored(SCORES)
    scored.name = METRIC
    fit(scored, PolicyCallback("none", metric=METRIC, mode="max", checkpoint=run["checkpoint"]))


def die_once(run: Mapping[str, Any], evaluation: int) -> None:
    mark = Path("died")
    if run.get("dies") == evaluation and not mark.exists():
        mark.touch()
        os._exit(1)


FRAMEWORKS: dict[str, Callable[[Mapping[str, Any], Path | None], None]] = {
    "transformers": transformers,
    "lightning": lightning,
    "keras": keras,
}


def step_of(folder: Path) -> int:
    """At which evaluation a checkpoint was saved."""
    if (folder / "trainer_state.json").is_file():
        return int(json.loads((folder / "trainer_state.json").read_text())["global_step"]) // 2
    if (folder / "policy_callback.json").is_file():
        return len(json.loads((folder / "policy_callback.json").read_text()))
    import torch

    saved = torch.load(folder / "checkpoint.ckpt", weights_only=True)
    return int(saved["global_step"]) // 4
