"""The events of a sweep that has left no event log, out of the files that Ray writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tune_es.monitoring.events import Event
from tune_es.monitoring.why import Why
from tune_es.params import POLICY_FILE
from tune_es.policy import Policy
from tune_es.ray_files import (
    ITERATIONS,
    PARAMS,
    RESULTS,
    RayTrial,
    metrics_of,
    read_state,
    read_trial,
)
from tune_es.reading import flat_items, lookup

#: What Ray calls trials that are over.
OVER = {"TERMINATED": False, "ERROR": True}


def events_from_files(folder: Path) -> Iterator[Event]:
    """What happened, trial after trial; when trials were on which worker nobody has written down.

    Raises:
        ValueError: The folder holds no trial, or a file that is damaged as no crash explains.
    """
    policy = _policy_in(folder)
    plain = None if policy is None else policy.to_dict()
    yield {"event": "sweep", "policy": plain}
    known = read_state(folder)
    trials = [read_trial(each) for each in _folders(folder)]
    if not trials:
        raise ValueError(
            f"{folder} must be the folder of an experiment, with a folder of {RESULTS} or {PARAMS} "
            "for every trial, got none"
        )
    for trial in sorted(trials, key=lambda each: _number_of(each, known)):
        time_attr = ITERATIONS if policy is None else policy.time_attr
        yield from _of_trial(trial, known.get(trial.trial_id, {}), time_attr)
    if known and all(each.get("status") in OVER for each in known.values()):
        yield {"event": "over", "time": _latest(trials)}


def _policy_in(folder: Path) -> Policy | None:
    file = folder / POLICY_FILE
    return Policy.from_file(file) if file.is_file() else None


def _folders(folder: Path) -> list[Path]:
    inner = sorted(folder.iterdir()) if folder.is_dir() else []
    return [each for each in inner if (each / RESULTS).is_file() or (each / PARAMS).is_file()]


def _number_of(trial: RayTrial, known: Mapping[str, Mapping[str, Any]]) -> tuple[float, str]:
    """Sorts trials as they joined: Ray's tags begin with a number."""
    tag = str(known.get(trial.trial_id, {}).get("experiment_tag", "")).partition("_")[0]
    return (int(tag) if tag.isdigit() else math.inf, trial.trial_id)


def _of_trial(trial: RayTrial, state: Mapping[str, Any], time_attr: str) -> Iterator[Event]:
    tag = state.get("experiment_tag") or next(
        (each["experiment_tag"] for each in trial.results if "experiment_tag" in each), ""
    )
    about: dict[str, Any] = {"trial": trial.trial_id}
    config = dict(flat_items(trial.config))
    yield {**about, "event": "trial", "name": str(tag) or trial.trial_id, "config": config}
    for result in trial.results:
        about["time"] = result.get("timestamp")
        said = lookup(result, "es/reason")
        step = lookup(result, time_attr)
        why = Why.said(said, float(step)) if isinstance(step, (int, float)) else None
        yield {
            **about,
            "event": "result",
            "step": step,
            "seconds": result.get("time_this_iter_s"),
            "values": metrics_of(result),
            "left": lookup(result, "es/patience_left"),
            "done": result.get("done") is True or str(said).startswith("paused"),
            "why": None if why is None else why.as_dict(),
        }
    status = str(state.get("status"))
    is_done = bool(trial.results) and trial.results[-1].get("done") is True
    if status in OVER or (not state and is_done):
        yield {**about, "event": "end", "failed": OVER.get(status, False)}
    elif trial.results:
        yield {"event": "start", "trial": trial.trial_id}


def _latest(trials: list[RayTrial]) -> float:
    stamps = [each.get("timestamp") for trial in trials for each in trial.results[-1:]]
    return max((each for each in stamps if isinstance(each, (int, float))), default=math.nan)
