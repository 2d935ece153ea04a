"""The kinds of faults, each put into sweeps that are compared with undisturbed ones."""

from __future__ import annotations

from dataclasses import replace

from experiments.chaos.lives import TORN, Death, Fault, Sweep
from experiments.chaos.mischief import JUMPED, fill_disk, jump
from experiments.chaos.outcome import Bench, Outcome
from experiments.chaos.sweeps import Plan

#: What decides, and by what, in the sweeps whose drivers are killed.
KILLED = {
    "patience": Plan("alone"),
    "median": Plan("compared"),
    "adaptive quotas": Plan("quota"),
    "rung table": Plan("table"),
    "asynchronous halving": Plan("asynchronous"),
    "EarlyStopper": Plan("alone", "stopper"),
    "Optuna study": Plan("alone", "search"),
}


def drivers(bench: Bench, name: str, kills: int) -> Outcome:
    """The driver of a sweep is killed at random moments and restored, again and again."""
    sweep = bench.sweep(replace(KILLED[name], seed=bench.seed))
    died = sweep.kill(Death.drawn(f"{name}/{bench.seed}", kills))
    torn, deaths = died.count(TORN), [each for each in died if each != TORN]
    what = ", ".join(f"{each} {deaths.count(each)}" for each in sorted(set(deaths)))
    if torn:
        what += f"; a state that was torn by it was refused and mended: {torn}"
    is_equal = KILLED[name].rule != "asynchronous"
    outcome = bench.outcome(f"driver killed: {name}", len(deaths), sweep, what, is_equal)
    return replace(outcome, refused=torn)


def trials(bench: Bench, name: str, dies: float) -> Outcome:
    """Trials die before random steps, by an error, by leaving or by SIGKILL, and are retried."""
    plan = replace(KILLED[name], seed=bench.seed, max_failures=-1)
    sweep = bench.sweep(plan)
    marks = sweep.folder / "marks"
    marks.mkdir()
    options = (("dies", dies), ("marks", str(marks)))
    sweep = sweep._replace(plan=replace(plan, options=options))
    _run(sweep)
    deaths = len([*marks.iterdir()])
    return bench.outcome(f"trial killed: {name}", deaths, sweep, "each retried")


def stutters(bench: Bench, name: str, share: float) -> Outcome:
    """Trials report steps twice, and earlier ones again."""
    plan = replace(KILLED[name], seed=bench.seed, options=(("stutters", share),))
    sweep = bench.sweep(plan)
    _run(sweep)
    rows = [(row["at"], row["step"]) for row in sweep.told.rows]
    again = len(rows) - len(set(rows))
    return bench.outcome(f"results again and late: {name}", again, sweep, "not counted twice")


def clock(bench: Bench, name: str) -> Outcome:
    """The clock of the driver jumps by hours, back and forth, while the sweep runs."""
    sweep = bench.sweep(replace(KILLED[name], seed=bench.seed))
    _run(sweep, jump)
    jumps = sweep.log.count(JUMPED)
    return bench.outcome(f"clock jumps: {name}", jumps, sweep, "time.time() of the driver")


def disk(bench: Bench, name: str) -> Outcome:
    """The disk of the event log is full from a random moment on."""
    sweep = bench.sweep(replace(KILLED[name], seed=bench.seed))
    _run(sweep, fill_disk)
    said = sweep.log.count("No space left on device")
    outcome = bench.outcome(f"disk full: {name}", 1, sweep, f"said {said} times")
    return replace(outcome, divergent=outcome.divergent + (said != 1))


def _run(sweep: Sweep, fault: Fault | None = None) -> None:
    if sweep.run(fault=fault) != 0:
        raise RuntimeError(f"a sweep ended with an error: {sweep.log[-2000:]}")
