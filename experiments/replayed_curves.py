"""Stops read off recorded curves, and what they cost and lose by a stated reckoning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pool

import numpy as np
from numpy.typing import NDArray

from experiments.recorded_curves import Curve
from tune_es import Criterion, Observation
from tune_es.cohort import Cohort

Floats = NDArray[np.float64]

#: A loss above this is counted in the tail.
TAIL = 0.005
RESAMPLES = 4000
SEED = 0


def steps_run(criterion: Criterion, values: Sequence[float], sign: int, max_t: int) -> int:
    """Evaluations until the criterion stops this curve; all of them where it never does."""
    peers, state = Cohort().peers("curve"), criterion.init()
    for step, value in enumerate(values, 1):
        observation = Observation("curve", step, sign * value, sign=sign, max_t=max_t)
        state, verdict = criterion.step(state, observation, peers)
        if verdict.stop:
            return step
    return len(values)


@dataclass(frozen=True)
class Replay:
    """Every curve under every policy, one array element a curve; values are higher-is-better.

    ``length`` is what the full run takes, ``run`` and ``stopped`` are by policy.
    """

    sources: NDArray[np.str_]
    tasks: NDArray[np.str_]
    broken: NDArray[np.bool_]
    length: Floats
    best: Floats
    spread: Floats
    run: Mapping[str, Floats]
    stopped: Mapping[str, Floats]


def replay(
    curves: Sequence[Curve], policies: Mapping[str, Criterion], own_budget: bool, workers: int
) -> Replay:
    """Run every policy over every curve.

    The budget is the task's, and what a longer curve has beyond it is left out; with
    ``own_budget`` it is the curve's own length.
    """
    cut = [each.values if own_budget else each.values[: each.max_t] for each in curves]
    budgets = [len(each.values) if own_budget else each.max_t for each in curves]
    jobs = [
        (tuple(policies.values()), values, curve.sign, budget)
        for curve, values, budget in zip(curves, cut, budgets, strict=True)
    ]
    with Pool(workers) as pool:
        run = np.array(pool.starmap(_steps_run_by_each, jobs, chunksize=64), dtype=float).T
    oriented = [
        each.sign * np.array(values, dtype=float) for each, values in zip(curves, cut, strict=True)
    ]
    by_policy = dict(zip(policies, run, strict=True))
    return Replay(
        sources=np.array([each.source for each in curves]),
        tasks=np.array([each.task for each in curves]),
        broken=np.array([each.broken for each in curves]),
        length=np.array([len(values) for values in cut], dtype=float),
        best=np.array([values.max() for values in oriented]),
        spread=np.array([np.ptp(values) for values in oriented]),
        run=by_policy,
        stopped={name: _best_within(oriented, steps) for name, steps in by_policy.items()},
    )


def _steps_run_by_each(
    criteria: Sequence[Criterion], values: Sequence[float], sign: int, max_t: int
) -> list[int]:
    return [steps_run(criterion, values, sign, max_t) for criterion in criteria]


def _best_within(curves: Sequence[Floats], steps: Floats) -> Floats:
    return np.array([v[: int(step)].max() for v, step in zip(curves, steps, strict=True)])


@dataclass(frozen=True)
class Reckoning:
    """How stops become one cost and one loss.

    Args:
        label: What it is called in a table.
        most: Curves of one task that count as one each; a task with more is scaled down to this.
            ``None`` lets every curve count as one.
        equal: ``"task"`` or ``"set"`` gives each of those the same weight, whatever its size.
        own_budget: The budget is the curve's own length, not the task's.
        broken: Curves with a non-finite value count, up to that value.
        scale: What a loss is a share of: ``"best"`` is the absolute best of the full run,
            ``"larger"`` the larger of the two absolute values compared, ``"range"`` the distance
            between the worst and the best value of the full run.
        clip: The largest loss one curve can have.
    """

    label: str
    most: int | None = 300
    equal: str = ""
    own_budget: bool = False
    broken: bool = False
    scale: str = "best"
    clip: float = math.inf

    def weights(self, replay: Replay) -> Floats:
        """The weight of every curve."""
        counted = np.ones(len(replay.tasks)) if self.broken else (~replay.broken).astype(float)
        groups = replay.sources if self.equal == "set" else replay.tasks
        _, group = np.unique(groups, return_inverse=True)
        size = np.bincount(group, counted)[group]
        if self.equal:
            return counted / size
        return counted if self.most is None else counted * np.minimum(1, self.most / size)

    def losses(self, replay: Replay, policy: str) -> Floats:
        """The loss of every curve, as a share of the scale; 0 where nothing was lost."""
        lost, best = replay.best - replay.stopped[policy], np.abs(replay.best)
        larger = np.maximum(best, np.abs(replay.stopped[policy]))
        scale = {"best": best, "larger": larger, "range": replay.spread}[self.scale]
        share = np.divide(lost, scale, out=np.full_like(lost, np.inf), where=scale > 0)
        return np.minimum(np.where(lost > 0, share, 0.0), self.clip)


@dataclass(frozen=True)
class Figures:
    """Cost as a share of full training; loss and tail in percent. Intervals are over tasks."""

    curves: int
    cost: float
    loss: float
    tail: float
    cost_interval: tuple[float, float]
    loss_interval: tuple[float, float]
    tail_interval: tuple[float, float]


def figures(replay: Replay, policy: str, reckoning: Reckoning, source: str = "") -> Figures:
    """The weighted means over all curves, or over those of one set."""
    weights = reckoning.weights(replay) * (replay.sources == source if source else 1.0)
    losses = reckoning.losses(replay, policy)
    columns = np.stack([replay.run[policy] / replay.length, 100 * losses, 100.0 * (losses > TAIL)])
    cost, loss, tail = (columns @ weights / weights.sum()).tolist()
    spans = np.percentile(_resampled(replay, columns, weights), (5, 95), axis=0).T.tolist()
    intervals = [(low, high) for low, high in spans]
    return Figures(int((weights > 0).sum()), cost, loss, tail, *intervals)


def _resampled(replay: Replay, columns: Floats, weights: Floats) -> Floats:
    """The weighted means of resamples of the tasks, drawn with replacement."""
    _, task = np.unique(replay.tasks, return_inverse=True)
    total = np.bincount(task, weights)
    sums = np.stack([np.bincount(task, weights * column) for column in columns])[:, total > 0]
    total = total[total > 0]
    draws = np.random.default_rng(SEED).integers(len(total), size=(RESAMPLES, len(total)))
    means: Floats = sums[:, draws].sum(axis=2) / total[draws].sum(axis=1)
    return means.T


def heaviest(replay: Replay, policy: str, reckoning: Reckoning) -> list[tuple[str, float]]:
    """The tasks by what they add to the mean loss, in percentage points, the largest first."""
    names, task = np.unique(replay.tasks, return_inverse=True)
    added = np.bincount(task, _points(replay, policy, reckoning))
    return [(str(names[index]), float(added[index])) for index in np.argsort(-added)]


def points_of_heaviest_curves(
    replay: Replay, policy: str, reckoning: Reckoning, count: int
) -> float:
    """What the ``count`` curves that lose most add to the mean loss, in percentage points."""
    return float(np.sort(_points(replay, policy, reckoning))[-count:].sum())


def share_losing_over(
    replay: Replay, policy: str, reckoning: Reckoning, source: str, loss: float
) -> float:
    """Percent of one set's curves that lose more than ``loss``; NaN where there is no such set."""
    weights = reckoning.weights(replay) * (replay.sources == source)
    over = reckoning.losses(replay, policy) > loss
    return float(100 * over @ weights / weights.sum()) if weights.any() else math.nan


def _points(replay: Replay, policy: str, reckoning: Reckoning) -> Floats:
    weights = reckoning.weights(replay)
    points: Floats = 100 * reckoning.losses(replay, policy) * weights / weights.sum()
    return points
