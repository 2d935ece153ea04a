"""The experiment directory of a Ray Tune sweep as a curve set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from tune_es.checks import nearest
from tune_es.params import POLICY_FILE
from tune_es.policy import Policy
from tune_es.ray_files import (
    ITERATIONS,
    PARAMS,
    RESULTS,
    TABLE,
    RayTrial,
    metrics_of,
    read_state,
    read_trial,
)
from tune_es.reading import read_number
from tune_es.records import Metric
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.format.config_columns import flatten
from tune_es.replay.imports.ray_state import joined, marked, saved_at
from tune_es.replay.imports.sweep import Evaluation, Sweep, Trials, check_budget, last_life
from tune_es.replay.life import SAVED

ORDER, SECONDS = "es/order", "time_this_iter_s"


def from_ray(
    experiment_dir: Path | str,
    metric: str | None = None,
    mode: str | None = None,
    task: str | None = None,
    max_t: int | None = None,
    time_attr: str | None = None,
) -> CurveSet:
    """A sweep from the ``result.json`` and ``params.json`` of its trials; Ray is not needed.

    An evaluation is a result that has the objective, numbered 1, 2, ... by growing ``time_attr``.
    What was trained in a result without it is part of the next evaluation: its seconds are added.
    Steps that a restored or retried trial ran again count once, the last time. A line that a
    crash cut off is left out; results that Ray lost when a paused trial went on are taken from
    ``progress.csv``. The README of the set tells what was left out. Trials are named so
    that they sort in the order in which they joined; the columns ``es/failed`` and ``es/saved``
    tell who failed for good, and who had no checkpoint where it was to pause, if anybody did.

    Args:
        experiment_dir: The folder with a folder for every trial.
        metric: The objective, nested keys joined with a slash: ``val/loss``. Where it is left out
            it is that of the policy which ``EarlyStoppingScheduler`` left in the folder, and so are
            ``mode``, ``max_t`` and ``time_attr``.
        mode: ``"min"`` or ``"max"``.
        task: The name of the task; the folder's name where none is given.
        max_t: The budget of a trial in evaluations; the longest trial where none is given.
        time_attr: What orders the results of a trial; ``training_iteration`` by default.

    Raises:
        ValueError: No trials, a metric or ``time_attr`` that no result has, or no policy where
            the metric is left out.

    >>> import json, tempfile
    >>> result = {"trial_id": "a", "training_iteration": 1, "val": {"loss": 0.9}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "train_a").mkdir()
    ...     _ = Path(folder, "train_a", "result.json").write_text(json.dumps(result))
    ...     from_ray(folder, "val/loss", "min").tasks[0].values(0)
    array([0.9])
    """
    folder = Path(experiment_dir)
    if metric is None or mode is None:
        policy = _policy_in(folder, metric)
        metric = policy.metric if metric is None else metric
        mode = policy.metrics[metric].mode if mode is None else mode
        time_attr = policy.time_attr if time_attr is None else time_attr
        if max_t is None and policy.max_t is not None and time_attr == ITERATIONS:
            max_t = math.ceil(policy.max_t)
    time_attr = ITERATIONS if time_attr is None else time_attr
    Metric(metric, mode)
    check_budget("from_ray", max_t)
    trials = _trials_in(folder)
    has_saved = any(folder.glob("*/checkpoint_*"))
    read = {name: _Results(trial, metric, time_attr, has_saved) for name, trial in trials.items()}
    _check_names(folder.name, read.values(), metric, time_attr)
    rows, notes = _lives(read)
    rows, more = _with_order(rows)
    known = read_state(folder)
    rows, names = marked(folder, rows, known), joined(rows, known)
    return Sweep(
        "a Ray Tune experiment",
        folder.resolve().name,
        task or folder.resolve().name,
        metric,
        mode,
        {names[name]: each for name, each in rows.items()},
        {names[name]: flatten(trial.config) for name, trial in trials.items()},
        max_t,
        [*notes, *more],
    ).curve_set()


def _policy_in(folder: Path, metric: str | None) -> Policy:
    """The policy that a scheduler of ours left, which knows the metric where one is named."""
    missing = "metric and its mode" if metric is None else f"mode of {metric!r}"
    if not (folder / POLICY_FILE).is_file():
        raise ValueError(
            f"{folder} has no {POLICY_FILE}, so it was not run by EarlyStoppingScheduler and the "
            f"{missing} must be given; neither is guessed"
        )
    policy = Policy.from_file(folder / POLICY_FILE)
    if metric is not None and metric not in policy.metrics:
        raise ValueError(f"the {missing} must be given: the policy of {folder} does not know it")
    return policy


def _trials_in(folder: Path) -> dict[str, RayTrial]:
    if (folder / RESULTS).is_file():
        raise ValueError(f"{folder} is the folder of one trial; name its parent {folder.parent}")
    inner = sorted(folder.iterdir()) if folder.is_dir() else []
    found: dict[str, RayTrial] = {}
    for each in inner:
        if (each / RESULTS).is_file() or (each / PARAMS).is_file():
            trial = read_trial(each)
            if trial.trial_id in found:
                raise ValueError(f"{folder} has two trials called {trial.trial_id!r}")
            found[trial.trial_id] = trial
    if not any(trial.results for trial in found.values()):
        what = f"{len(found)} trials without a result" if inner else "no folder of trials"
        raise ValueError(f"{folder} must hold a folder with {RESULTS} for every trial, got {what}")
    return found


@dataclass(frozen=True)
class _Results:
    """The results of a trial as flat numbers."""

    trial: RayTrial
    metric: str
    time_attr: str
    has_saved: bool

    @cached_property
    def flat(self) -> list[Mapping[str, float]]:
        """Every result's numbers by joined name."""
        return [_numbers(result) for result in self.trial.results]

    def rows(self) -> Iterator[Evaluation]:
        """The results that say when they were, with their metrics."""
        for raw, result in zip(self.trial.results, self.flat, strict=True):
            at = result.get(self.time_attr, math.nan)
            if math.isfinite(at):
                values = {**metrics_of(result), SAVED: saved_at(raw, self.has_saved)}
                seconds, order = result.get(SECONDS, math.nan), result.get(ORDER, math.nan)
                yield Evaluation(at, values, seconds, order)


def _numbers(result: Mapping[str, object]) -> Mapping[str, float]:
    plain = flatten({key: value for key, value in result.items() if key != "config"})
    numbers = {key: read_number(value) for key, value in plain.items()}
    return {key: value for key, value in numbers.items() if value is not None}


def _evaluations(rows: Iterable[Evaluation], metric: str) -> Iterator[Evaluation]:
    """The rows with the objective, the seconds of those before without it added to theirs."""
    waiting = 0.0
    for row in rows:
        waiting += row.seconds
        if metric in row.values:
            yield replace(row, seconds=_duration(waiting))
            waiting = 0.0


def _duration(seconds: float) -> float:
    """Seconds as recorded; NaN where a clock went wrong."""
    return seconds if 0 <= seconds < math.inf else math.nan


def _check_names(where: str, read: Iterable[_Results], metric: str, time_attr: str) -> None:
    """Refuse names that no result has; the nearest is among those that some result has."""
    names = {name for each in read for result in each.flat for name in result}
    metrics = metrics_of(dict.fromkeys(names, 0.0))
    for name, valid in ((metric, set(metrics)), (time_attr, names)):
        if name not in valid:
            raise ValueError(f"{where}: no result has a number {name!r}; {nearest(name, valid)}")


def _lives(read: Mapping[str, _Results]) -> tuple[Trials, list[str]]:
    """Every trial's evaluations that count, and what the README says of the others."""
    kept: dict[str, list[Evaluation]] = {}
    notes: list[str] = []
    for name, each in read.items():
        rows, lost = last_life(each.rows())
        kept[name] = list(_evaluations(rows, each.metric))
        without = len(rows) - len(kept[name])
        told = [
            f"{lost} results ran again after a restore or retry" * (lost > 0),
            f"{each.trial.refilled} results that {RESULTS} lost are those of {TABLE}"
            * (each.trial.refilled > 0),
            f"{without} results without `{each.metric}` are no evaluations" * (without > 0),
            *(f"line {line} of {RESULTS} was cut off" for line in each.trial.cut_off),
            "no evaluation, left out" * (not kept[name]),
        ]
        notes += [f"trial {name}: {one}" for one in told if one]
    return kept, notes


def _with_order(rows: Trials) -> tuple[Trials, list[str]]:
    """The same with the order of judging, where every evaluation has it and it grows."""
    orders = [[row.order for row in each] for each in rows.values()]
    known = [math.isfinite(one) for each in orders for one in each]
    if all(known) and all(a < b for each in orders for a, b in pairwise(each)):
        return rows, []
    plain = {name: [replace(row, order=math.nan) for row in each] for name, each in rows.items()}
    reason = f"the order of judging is left out: `{ORDER}` is missing or does not grow"
    return plain, [reason] * any(known)
