"""What a sweep begins with: the state of before a crash, or nothing, and then nothing is lost."""

from __future__ import annotations

from pathlib import Path

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from tune_es.params import POLICY_FILE
from tune_es.policy import Policy
from tune_es.ray.callback import UNREADABLE, EarlyStoppingCallback
from tune_es.ray.judge import Judge, logger
from tune_es.ray.sweep import RESULTS, unwrapped
from tune_es.ray_files import STATE, read_state

#: Where Ray saves what callbacks have; ours has the histories of all trials.
HISTORIES = "callback-states-*.pkl"


def take_up(
    judge: Judge, callback: EarlyStoppingCallback, controller: TuneController
) -> str | None:
    """Give the judge the state of before a crash; says why the sweep must not go on, if so.

    It is called while Ray restores the trials, where it swallows what is raised, and starts the
    whole sweep over; or in the first step of a sweep that begins.
    """
    keep_order(controller)
    if callback.begun:
        return refusal(controller)
    judge.started = has_saved_state(controller)
    if (unlike := mixture(controller)) is not None:
        return unlike
    try:
        if callback.restored is not None:
            judge.referee.restore(callback.restored)
        elif judge.started:
            raise ValueError("it did not reach the callback")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"the state of EarlyStoppingScheduler is lost ({error!r}); {UNREADABLE}"
    return None


def refusal(controller: TuneController) -> str | None:
    """Why a sweep must not begin in its folder: another one has results there, and no end.

    Where Ray cannot read the newest state of a sweep it logs an error and starts it over.
    """
    folder = _local(controller)
    if folder is None or not _has_run(folder) or read_state(folder):
        return None
    states = sorted(path.name for path in folder.glob(STATE))
    newest = f"its newest state {states[-1]} cannot be read" if states else f"no {STATE}"
    return (
        f"{folder} holds results of a sweep but {newest}, so Ray starts over: {remedy(folder)}, "
        "or name another folder to begin anew"
    )


def mixture(controller: TuneController) -> str | None:
    """Why a restored sweep must not go on: its newest histories are of later than its trials."""
    folder = _local(controller)
    if folder is None:
        return None
    trials, histories = (_newest(folder, pattern) for pattern in (STATE, HISTORIES))
    if histories <= trials:
        return None
    return (
        f"{folder} has {HISTORIES.replace('*', histories)} and no {STATE.replace('*', histories)}: "
        f"remove *-{histories}.* to restore {STATE.replace('*', trials)}"
    )


def remedy(folder: Path) -> str:
    """What lets a sweep go on whose newest state is torn or gone."""
    states = sorted(path.name for path in folder.glob(STATE))
    if len(states) < 2:
        return "put a copy of it there"
    time = states[-1].removeprefix("experiment_state")
    return f"remove *{time} and all other state files of that time to restore {states[-2]}"


def gap(judge: Judge, trial: Trial) -> str | None:
    """Why a restored trial must not go on: Ray saved more of it than its history holds."""
    step, last = judge.step_of(trial.run_metadata.last_result), judge.referee.last(trial.trial_id)
    if step is None or (last is not None and step <= last.step):
        return None
    held = "nothing" if last is None else f"no more than step {last.step:g}"
    return (
        f"trial {trial.trial_id} had come to step {step:g}, and its saved history holds {held}; "
        f"{UNREADABLE}"
    )


def keep_order(controller: TuneController) -> None:
    """Have the states that are saved from now on sort behind those that are there.

    Ray names them after the time of day and restores the last by name: after a clock that was put
    back, or in another time zone, that would be an older one.
    """
    folder, inner = _local(controller), unwrapped(controller)
    if folder is None:
        return
    newest = _newest(folder, STATE)
    if newest and STATE.replace("*", newest) > inner.experiment_state_file_name:
        inner._session_str = f"{newest}_1"


def leave_policy(controller: TuneController, policy: Policy) -> None:
    """Write the policy into the experiment's folder, for reports and replays to find.

    Ray uploads it with the state of the experiment. A disk that refuses it stops nothing.
    """
    storage = unwrapped(controller)._storage
    if storage is None:
        return
    folder = Path(storage.experiment_driver_staging_path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / POLICY_FILE).write_text(policy.to_yaml(), encoding="utf-8")
    except OSError as error:
        logger.warning("%s could not be written: %s", folder / POLICY_FILE, error)


def has_saved_state(controller: TuneController) -> bool:
    """True where the sweep was restored from a folder in which callbacks had saved a state."""
    inner = unwrapped(controller)
    storage = inner._storage
    if storage is None:
        return False
    return bool(inner._callbacks.can_restore(storage.experiment_driver_staging_path))


def _newest(folder: Path, pattern: str) -> str:
    """What the last of several saved states is named by: its time; empty where there is none."""
    before, after = pattern.split("*")
    last = max((path.name for path in folder.glob(pattern)), default="")
    return last.removeprefix(before).removesuffix(after)


def _has_run(folder: Path) -> bool:
    """True where trials have left something; of their results Ray stores nothing for seconds."""
    return any(any(folder.glob(f"*/{name}")) for name in (RESULTS, "checkpoint_*"))


def _local(controller: TuneController) -> Path | None:
    """The folder of a sweep, where it is on a disk."""
    storage = unwrapped(controller)._storage
    if storage is None or storage.storage_filesystem.type_name != "local":
        return None
    return Path(storage.experiment_fs_path)
