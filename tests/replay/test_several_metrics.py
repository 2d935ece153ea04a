"""Rules that compare trials on several metrics, in a replay: the modes come with the policy."""

from __future__ import annotations

import random

import pytest

from tests.builders import refusal
from tune_es import Referee
from tune_es.replay import Cluster, TaskCurves, candidate, replay, task_curves

RULE = "{ParetoHalving: {metrics: [val_loss, f1], grace_period: 2, constraints: {ms: 50}}}"
MODES = "other_metrics: {val_loss: min, f1: max, ms: min}"


def curves(trials: int = 12, steps: int = 9) -> TaskCurves:
    """Trials in which the loss falls, the score grows and the latency stays."""
    draw = random.Random(3)
    losses, scores, latencies = [], [], []
    for _ in range(trials):
        speed, size = draw.random(), draw.random()
        losses.append([1.0 / (1 + speed * step) for step in range(steps)])
        scores.append([size * step / steps for step in range(steps)])
        latencies.append([80 * size] * steps)
    return task_curves(losses, "val_loss", "min", f1=scores, ms=latencies)


def test_a_sweep_is_replayed_to_the_decisions_of_a_referee() -> None:
    recorded = curves()
    found = candidate(f"{{stop: {RULE}, {MODES}}}")
    assert found.policy is not None
    referee, stopped, reached = Referee(found.policy(recorded.task)), [], []
    for trial in range(len(recorded)):
        rows = recorded.rows(trial)
        for step in range(1, int(recorded.lengths[trial]) + 1):
            row = {name: float(column[rows][step - 1]) for name, column in recorded.metrics.items()}
            decision = referee.report(str(trial), {**row, "training_iteration": step})
            if decision.stop:
                break
        stopped += [decision.verdict.criterion] if decision.stop else []
        reached.append(step)
    run = replay(found.make(recorded.task, len(recorded)), recorded, Cluster(1))
    assert run.reached.tolist() == reached
    assert 3 <= stopped.count("ParetoHalving") < len(recorded)


@pytest.mark.parametrize("text", [RULE, f"{{stop: {RULE}}}"])
def test_a_rule_alone_does_not_say_which_metrics_are_maximised(text: str) -> None:
    assert "nor in Policy.other_metrics" in refusal(candidate, text)
