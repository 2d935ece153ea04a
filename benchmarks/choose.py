"""What it costs to be asked which trial to start next, by the number of trials.

    python -m benchmarks.choose --out experiments/results/choose_cost.md

Ray asks its scheduler at every turn of its loop. The trials are Ray's own; a stand-in takes the
place of the controller, which sets their status: a few run, and the others wait to be started, have
paused at a rung, or may go on from there. After news, something has been reported before each
question; otherwise Ray asks again with nothing new. The collector is off while it is timed.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import BasicVariantGenerator

from experiments.provenance import command, machine, versions
from tune_es import Patience, RungTable
from tune_es.ray import EarlyStoppingCallback, EarlyStoppingScheduler, PromotionScheduler

RUNNING, QUESTIONS = 4, 200
RUNG, LENGTH = 1000, 2000


class Curve(tune.Trainable):
    """A trainable that saves, which is all that is asked of it here."""

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        return None


class Sweep:
    """What schedulers see of Ray's controller, and what it does to its trials."""

    def __init__(self, scheduler: Any, trials: int) -> None:
        self.scheduler = scheduler
        self.search_alg = BasicVariantGenerator()
        self._callbacks = [EarlyStoppingCallback()]
        self._storage = None
        self._trials = [Trial("Curve", trial_id=f"{at:05}") for at in range(trials)]
        for trial in self._trials:
            scheduler.on_trial_add(self, trial)
        for trial in self._trials[:RUNNING]:
            self.ask()
            trial.set_status(Trial.RUNNING)

    def get_trials(self) -> list[Trial]:
        return self._trials

    get_live_trials = get_trials

    def _set_trial_status(self, trial: Trial, status: str) -> None:
        trial.set_status(status)

    def stop_trial(self, trial: Trial) -> None:
        self.scheduler.on_trial_complete(self, trial, {})
        trial.set_status(Trial.TERMINATED)

    def _mark_trial_to_checkpoint(self, trial: Trial) -> None:
        """Nothing is saved here."""

    def ask(self) -> Trial | None:
        chosen: Trial | None = self.scheduler.choose_trial_to_run(self)
        return chosen

    def report(self, trial: Trial, step: int) -> None:
        loss = 1 + int(trial.trial_id) / len(self._trials)
        self.scheduler.on_trial_result(self, trial, {"training_iteration": step, "loss": loss})

    def pause(self, trials: Sequence[Trial]) -> None:
        """These come to their rung, one by one."""
        for trial in trials:
            trial.set_status(Trial.RUNNING)
            self.report(trial, RUNG)
            trial.set_status(Trial.PAUSED)
            self.ask()

    def median_us(self, news: Callable[[int], None]) -> float:
        """The median microseconds of an answer."""
        spent = []
        gc.disable()
        for at in range(QUESTIONS):
            news(at)
            start = time.perf_counter()
            self.ask()
            spent.append(1e6 * (time.perf_counter() - start))
        gc.enable()
        return statistics.median(spent)

    def a_result(self, at: int) -> None:
        """One of those that run reports."""
        self.report(self._trials[at % RUNNING], 1 + at // RUNNING)


def promotion(trials: int) -> PromotionScheduler:
    """Half of the trials go on from the only rung."""
    rule = RungTable({RUNG: trials // 2})
    return PromotionScheduler(rule=rule, metric="loss", mode="min", max_t=LENGTH, trials=trials)


SCHEDULERS: dict[str, Callable[[int], TrialScheduler]] = {
    "Ray's FIFOScheduler": lambda trials: FIFOScheduler(),
    "Ray's ASHAScheduler": lambda trials: ASHAScheduler(metric="loss", mode="min", max_t=LENGTH),
    "EarlyStoppingScheduler": lambda trials: EarlyStoppingScheduler(
        metric="loss", mode="min", stop=Patience(LENGTH), max_t=LENGTH
    ),
    "PromotionScheduler": promotion,
}


def waiting(make: Callable[[int], TrialScheduler], trials: int) -> float:
    """All but those that run wait to be started."""
    sweep = Sweep(make(trials), trials)
    return sweep.median_us(sweep.a_result)


def again(make: Callable[[int], TrialScheduler], trials: int) -> float:
    """The same, asked with nothing new."""
    return Sweep(make(trials), trials).median_us(lambda at: None)


def ended(make: Callable[[int], TrialScheduler], trials: int) -> float:
    """All but those that run have ended."""
    sweep = Sweep(make(trials), trials)
    for trial in sweep.get_trials()[RUNNING:]:
        sweep.stop_trial(trial)
    return sweep.median_us(sweep.a_result)


def held(trials: int) -> float:
    """All but those that run have paused, and none may go on before these are at the rung."""
    sweep = Sweep(promotion(trials), trials)
    sweep.pause(sweep.get_trials()[RUNNING:])
    return sweep.median_us(sweep.a_result)


def sent_on(trials: int) -> float:
    """The rung has been judged: half of the trials may go on, and each answer is another one."""
    sweep = Sweep(promotion(trials), trials)
    sweep.pause(sweep.get_trials()[RUNNING:] + sweep.get_trials()[:RUNNING])
    chosen = [sweep.ask()]

    def starts(at: int) -> None:
        trial = chosen.pop() or sweep.ask()
        if trial is not None:
            trial.set_status(Trial.RUNNING)
            sweep.report(trial, RUNG + 1)
        chosen.append(None)

    return sweep.median_us(starts)


STATES = {"the others wait": waiting, "asked again": again, "the others have ended": ended}


def table(sizes: Sequence[int]) -> str:
    """A Markdown table of microseconds."""
    rows = {
        f"{name}, {how}": [measure(make, size) for size in sizes]
        for how, measure in STATES.items()
        for name, make in SCHEDULERS.items()
    }
    rows["PromotionScheduler, the others have paused"] = [held(size) for size in sizes]
    rows["PromotionScheduler, half of the others may go on"] = [sent_on(size) for size in sizes]
    lines = [["scheduler", *(f"{size:,} trials" for size in sizes)], ["---"] * (len(sizes) + 1)]
    lines += [[name, *(f"{each:.1f}" for each in row)] for name, row in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tune.register_trainable("Curve", Curve)
    text = (
        "# What it costs to choose the next trial\n\n"
        f"    {command('benchmarks.choose', given)}\n\n"
        f"Microseconds of one `choose_trial_to_run`, median of {QUESTIONS}, on Ray's own trials: "
        f"{RUNNING} run, and one of them has reported before each question but where it is again.\n"
        f"{versions(('ray', 'tune_es'))}; {machine()}.\n\n{table(options.trials)}"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
