"""The `trainer_state.json` of Transformers runs as a curve set."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tune_es.checks import nearest
from tune_es.reading import read_number
from tune_es.records import Metric
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.imports.sweep import Evaluation, Sweep, check_budget, last_life

STATE, CHECKPOINT, EVAL = "trainer_state.json", "checkpoint-", "eval_"
#: What the Trainer reports of its own speed: no metrics of the training.
SPEED = ("_runtime", "_per_second", "_preparation_time")

PathLike = Path | str


def from_trainer_state(
    paths: PathLike | Iterable[PathLike],
    metric: str,
    mode: str,
    task: str | None = None,
    max_t: int | None = None,
) -> CurveSet:
    """Runs of the Transformers Trainer, each one a trial with the name of its folder.

    An evaluation is a step of the log that has the objective. It keeps every ``eval_`` number but
    those of speed, ``global_step`` and ``epoch``, and the last training loss logged before it as
    ``train_loss``. The Trainer does not log how long training took, so there are no seconds;
    hyperparameters are there where its own search set them.

    Args:
        paths: Files, or folders that are searched for runs. Of a run that has several files the
            one with the most steps is read: that of its newest checkpoint, or of its end.
        metric: The objective, as logged: ``eval_loss``.
        mode: ``"min"`` or ``"max"``.
        task: The name of the task; that of the folder of the runs where none is given.
        max_t: The budget of a trial in evaluations; the longest trial where none is given.

    Raises:
        ValueError: A folder without a run, two runs of one name, a file that is no trainer
            state, or a metric that no run has.

    >>> import tempfile
    >>> log = [{"step": 5, "loss": 1.1}, {"step": 10, "epoch": 1.0, "eval_loss": 0.9}]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "trainer_state.json")
    ...     _ = path.write_text(json.dumps({"global_step": 10, "log_history": log}))
    ...     curves = from_trainer_state(path, "eval_loss", "min").tasks[0]
    >>> {name: float(values[0]) for name, values in curves.metrics.items()}
    {'epoch': 1.0, 'eval_loss': 0.9, 'global_step': 10.0, 'train_loss': 1.1}
    """
    Metric(metric, mode)
    check_budget("from_trainer_state", max_t)
    several = [Path(each) for each in ([paths] if isinstance(paths, (str, Path)) else paths)]
    states = {name: _newest(files) for name, files in _runs(several).items()}
    histories = {name: _merged(state) for name, state in states.items()}
    _check_metric(metric, histories.values())
    lives = {name: last_life(_evaluations(each, metric)) for name, each in histories.items()}
    name = _common_name(several)
    return Sweep(
        "runs of the Transformers Trainer",
        name,
        task or name,
        metric,
        mode,
        {run: rows for run, (rows, _) in lives.items()},
        {run: state.get("trial_params") or {} for run, state in states.items()},
        max_t,
        [f"trial {run}: no evaluation, left out" for run, (rows, _) in lives.items() if not rows],
    ).curve_set()


def _runs(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """The state files of every run by its name."""
    runs: dict[str, list[Path]] = {}
    folders: dict[str, Path] = {}
    for path in paths:
        files = sorted(path.rglob(STATE)) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            raise ValueError(f"{path} must be a {STATE} or a folder of runs, got none")
        for file in files:
            inside = file.parent.name.startswith(CHECKPOINT)
            run = (file.parent.parent if inside else file.parent).resolve()
            root = path.resolve()
            below = run != root and root in run.parents
            name = run.relative_to(root).as_posix() if below else run.name
            if folders.setdefault(name, run) != run:
                raise ValueError(f"two runs are called {name!r}: {folders[name]} and {run}")
            runs.setdefault(name, []).append(file)
    return runs


def _newest(files: Sequence[Path]) -> Mapping[str, Any]:
    """The state that has come furthest."""
    return max((_read(file) for file in files), key=lambda state: state["global_step"])


def _read(file: Path) -> Mapping[str, Any]:
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} must be JSON: {error}") from None
    wrong = not isinstance(state, dict) or not isinstance(state.get("log_history"), list)
    if wrong or read_number(state.get("global_step")) is None:
        raise ValueError(f"{file} must be a trainer state with log_history and global_step")
    found: Mapping[str, Any] = state
    return found


def _merged(state: Mapping[str, Any]) -> list[dict[str, float]]:
    """The log with one entry a step: the Trainer logs every validation set by itself."""
    merged: list[dict[str, float]] = []
    for entry in state["log_history"]:
        numbers = {key: read_number(value) for key, value in entry.items()}
        known = {key: value for key, value in numbers.items() if value is not None}
        if merged and merged[-1].get("step") == known.get("step"):
            merged[-1] |= known
        else:
            merged.append(known)
    return merged


def _evaluations(history: Sequence[Mapping[str, float]], metric: str) -> list[Evaluation]:
    rows: list[Evaluation] = []
    train_loss = math.nan
    for entry in history:
        train_loss = entry.get("loss", train_loss)
        if metric in entry and "step" in entry:
            values = {name: entry[name] for name in entry if _is_metric(name)}
            more = {"train_loss": train_loss, "global_step": entry["step"]}
            epoch = {"epoch": entry["epoch"]} if "epoch" in entry else {}
            rows.append(Evaluation(entry["step"], {**values, **more, **epoch}))
    return rows


def _is_metric(name: str) -> bool:
    return name.startswith(EVAL) and not name.endswith(SPEED)


def _check_metric(metric: str, histories: Iterable[Sequence[Mapping[str, float]]]) -> None:
    names = {name for each in histories for entry in each for name in entry if _is_metric(name)}
    if metric not in names:
        raise ValueError(f"no run logged {metric!r}; {nearest(metric, names)}")


def _common_name(paths: Sequence[Path]) -> str:
    """What the folder is called that the runs have in common."""
    folders = [
        path if path.is_dir() else path.parent for path in (each.resolve() for each in paths)
    ]
    return Path(os.path.commonpath(folders)).name or "runs"
