"""Files of a killed sweep that are missing or damaged when it is restored."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ray.tune.experiment import Trial

from experiments.chaos.faults import KILLED
from experiments.chaos.journal import RESULTS
from experiments.chaos.lives import CALLBACKS, STATES, Death, Sweep, back, is_told
from experiments.chaos.outcome import Bench, Outcome

SEARCHES = "basic-variant-state-*"
#: After so many results.
DEATHS = [Death("result", 0.9)]


def newest(state: Path, pattern: str) -> Path:
    """The last of several saved states."""
    return max(state.glob(pattern))


def truncate(pattern: str, share: float) -> Callable[[Path], None]:
    """Cut the newest file off."""

    def damage(state: Path) -> None:
        path = newest(state, pattern)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return damage


def lose(pattern: str) -> Callable[[Path], None]:
    """Remove the newest file."""

    def damage(state: Path) -> None:
        newest(state, pattern).unlink()

    return damage


def lose_all(pattern: str) -> Callable[[Path], None]:
    """Remove all of them."""

    def damage(state: Path) -> None:
        for path in state.glob(pattern):
            path.unlink()

    return damage


def garble(state: Path) -> None:
    """Turn bytes of the callbacks' state round."""
    path = newest(state, CALLBACKS)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :: 7] = bytes(255 - each for each in data[len(data) // 2 :: 7])
    path.write_bytes(bytes(data))


def age(state: Path) -> None:
    """Have the callbacks' state be that of an earlier life."""
    first, *_, last = sorted(state.glob(CALLBACKS))
    last.write_bytes(first.read_bytes())


def blank_log(state: Path) -> None:
    """Cut the event logs off in the middle of a line, and lose the policy's file."""
    for path in state.glob("es_events-*"):
        path.write_bytes(path.read_bytes()[:-20])
    (state / "early_stopping.yaml").unlink()


#: What is done to the files, and what mends it where that is refused.
DAMAGES: dict[str, tuple[Callable[[Path], None], Callable[[Path], None] | None]] = {
    "experiment state truncated": (truncate(STATES, 0.6), back),
    "experiment state empty": (truncate(STATES, 0), back),
    "experiment state missing, all of them": (lose_all(STATES), None),
    "experiment state missing, the newest": (lose(STATES), back),
    "all newest states missing": (back, None),
    "callback state truncated": (truncate(CALLBACKS, 0.5), back),
    "callback state garbled": (garble, back),
    "callback state older than the experiment's": (age, back),
    "searcher state truncated": (truncate(SEARCHES, 0.5), back),
    "tuner.pkl truncated": (truncate("tuner.pkl", 0.5), None),
    "event log truncated, policy file missing": (blank_log, None),
}


def killed(bench: Bench, name: str) -> Sweep:
    """A sweep whose driver was killed half-way, with the states of two lives.

    One more kill is needed where the first one tore a state, which was refused.
    """
    sweep = bench.sweep(replace(KILLED[name], seed=bench.seed))
    while len([*sweep.state.glob(STATES)]) < 2:
        sweep.kill(DEATHS, until_over=False)
    return sweep


def copied(bench: Bench, base: Sweep) -> Sweep:
    """The same sweep in a folder of its own."""
    sweep = bench.sweep(base.plan)
    shutil.copytree(base.state, sweep.state)
    shutil.copy(base.folder / RESULTS, sweep.folder)
    return sweep


def damaged(bench: Bench, fault: str, base: Sweep) -> Outcome:
    """A killed sweep with damaged files is restored: it is refused at once, or ends as in peace.

    Where it is refused, and there is something that mends it, it is mended and restored again.
    """
    damage, mend = DAMAGES[fault]
    sweep = copied(bench, base)
    before = (sweep.folder / RESULTS).read_text()
    damage(sweep.state)
    if sweep.run(again=True) == 0:
        return bench.outcome(fault, 1, sweep, "went on")
    said = sweep.last_words
    is_clear = is_told(said)
    is_early = (sweep.folder / RESULTS).read_text() == before
    refused = Outcome(fault, 1, refused=1, divergent=2 - is_clear - is_early, what=said[:200])
    if mend is None:
        return refused
    mend(sweep.state)
    if sweep.run(again=True) != 0:
        return replace(refused, lost=sweep.plan.trials)
    after = bench.outcome(fault, 1, sweep)
    return replace(refused, lost=after.lost, divergent=refused.divergent + after.divergent)


def cut(checkpoint: Path) -> None:
    """Leave nothing in the files of a checkpoint."""
    for path in checkpoint.iterdir():
        path.write_bytes(b"")


#: What is done to the checkpoints of a trial that goes on.
CHECKPOINTS: dict[str, Callable[[Path], object]] = {
    "checkpoint missing": shutil.rmtree,
    "checkpoint truncated": cut,
}


def checkpoint(bench: Bench, fault: str, base: Sweep) -> Outcome:
    """A trial that goes on has no checkpoint left: it fails at once, and is restarted then."""
    sweep = copied(bench, base)
    (folder,) = sweep.state.glob(f"*_{going_on(sweep.state)}_*")
    for each in folder.glob("checkpoint_*"):
        CHECKPOINTS[fault](each)
    before = steps_of(sweep)
    if sweep.run(again=True) != 0:
        raise RuntimeError(f"a sweep ended with an error: {sweep.log[-2000:]}")
    failed = [at for at, each in sweep.told.ends.items() if each["status"] == Trial.ERROR]
    repeated = sum(steps_of(sweep)[at] - before[at] for at in failed)
    if sweep._replace(plan=replace(sweep.plan, restarts=True)).run(again=True) != 0:
        raise RuntimeError(f"a sweep ended with an error: {sweep.log[-2000:]}")
    what = f"trials that failed at once, and were restarted with restart_errored=True: {failed}"
    outcome = bench.outcome(fault, 1, sweep, what)
    return replace(outcome, refused=len(failed), divergent=outcome.divergent + repeated)


def steps_of(sweep: Sweep) -> Counter[int]:
    """How many results every trial has reported."""
    lines = (sweep.folder / RESULTS).read_text().splitlines()
    return Counter(json.loads(line)["at"] for line in lines)


def going_on(state: Path) -> str:
    """The trial that is furthest, among those that run by the newest state."""
    trials = json.loads(newest(state, STATES).read_text())["trial_data"]
    each = [(json.loads(trial), json.loads(more)) for trial, more in trials]
    steps = {
        trial["trial_id"]: more["last_result"].get("epoch", 0)
        for trial, more in each
        if trial["status"] == Trial.RUNNING
    }
    return str(max(steps, key=steps.__getitem__))
