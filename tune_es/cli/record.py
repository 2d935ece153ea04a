"""``tune-es record``: what a finished sweep left, as a curve set."""

from __future__ import annotations

from pathlib import Path

from tune_es.cli.output import say, warn
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.imports import from_csv, from_optuna, from_ray, from_trainer_state
from tune_es.replay.storage import save_curve_set
from tune_es.replay.validation import check_curve_set

TRAINER_STATE = "trainer_state.json"


def record(
    source: str,
    *,
    out: Path,
    metric: str | None = None,
    mode: str | None = None,
    task: str | None = None,
    max_t: int | None = None,
    study: str | None = None,
) -> None:
    """Turn a finished sweep into a curve set that can be replayed.

    Args:
        source: The folder of a Ray Tune experiment or of Transformers runs, a CSV file, or with
            --study the storage of an Optuna study.
        out: The folder to write; it must not hold a set.
        metric: The objective, nested keys joined with a slash. It can be left out, and the mode
            with it, for an experiment that was run by EarlyStoppingScheduler.
        mode: min or max; it is never guessed. An Optuna study says it itself.
        task: What to call the task; the name of the source by default.
        max_t: The budget of a trial in evaluations; the longest trial by default.
        study: The name of an Optuna study.
    """
    if task == "":
        raise ValueError("--task must be a name, got ''")
    found = _read(source, metric, mode, task, max_t, study)
    save_curve_set(found, out)
    for finding in check_curve_set(found):
        warn(str(finding))
    (curves,) = found.tasks
    of = f"{curves.task.metric!r} ({curves.task.mode})"
    say(f"{len(curves)} trials, {int(curves.starts[-1])} evaluations of {of}: {out}")


def _read(
    source: str,
    metric: str | None,
    mode: str | None,
    task: str | None,
    max_t: int | None,
    study: str | None,
) -> CurveSet:
    path = Path(source)
    if study is None and not path.exists():
        raise ValueError(f"there is no file or folder {source!r}")
    if study is None and path.is_dir() and not _holds_runs(path):
        return from_ray(path, metric, mode, task=task, max_t=max_t)
    if metric is None:
        raise ValueError("--metric must be given for anything but an experiment of Ray Tune")
    if study is not None:
        return _from_study(source, metric, mode, task, max_t, study)
    if mode is None:
        raise ValueError("--mode must be given, min or max: it is never guessed")
    if path.is_file() and path.name != TRAINER_STATE:
        return from_csv(path, metric, mode, task=task, max_t=max_t)
    return from_trainer_state(path, metric, mode, task=task, max_t=max_t)


def _from_study(
    storage: str, metric: str, mode: str | None, task: str | None, max_t: int | None, study: str
) -> CurveSet:
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    if mode is not None:
        raise ValueError("--mode is not for an Optuna study, which knows its direction")
    try:
        loaded = optuna.load_study(study_name=study, storage=storage)
    except (SQLAlchemyError, ImportError) as error:  # no database, or none that has its driver here
        words = str(error).partition("\n")[0]
        raise ValueError(f"the storage {storage} cannot be used: {words}") from error
    except KeyError as error:
        known = ", ".join(optuna.get_all_study_names(storage)) or "none"
        raise ValueError(f"{storage} has no study {study!r}; it has: {known}") from error
    return from_optuna(loaded, metric, task=task, max_t=max_t)


def _holds_runs(folder: Path) -> bool:
    """True where runs of the Transformers Trainer lie here, and no trial of Ray Tune."""
    return not any(folder.glob("*/result.json")) and any(folder.rglob(TRAINER_STATE))
