"""The search itself: Optuna proposes policies, the replay lab measures them, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial

from tune_es.checks import check_count
from tune_es.meta.bench import Workers
from tune_es.meta.known import STARTS
from tune_es.meta.measured import Measured, from_rows, to_rows
from tune_es.meta.recipe import Recipe
from tune_es.meta.space import Space
from tune_es.meta.storage import DIRECTIONS, Archive, quiet

#: Policies that are proposed together, whatever the number of processes: so it changes nothing.
BATCH = 16
#: Random policies before the model is asked, the known ones among them.
STARTUP = 48

#: One batch in so many is proposed for the front; for the cheapest policy it is hardly better than
#: random search.
FRONT_EVERY = 4

#: The user attribute of a trial with every task's numbers, and the name of the constraint: how far
#: the regret that the share asked for of the tasks stays within is over the limit.
TASKS, TAIL = "tasks", "tail"


@dataclass(frozen=True, eq=False)
class Tried:
    """A policy that was measured on the tuning tasks.

    Args:
        number: Which one it was.
        recipe: The policy.
        measured: What it cost and lost.
    """

    number: int
    recipe: Recipe
    measured: Measured


@dataclass(frozen=True)
class Goal:
    """What is searched for: the least cost with few tasks over the limit.

    Args:
        max_regret: The limit.
        confidence: At most ``1 - confidence`` of the tasks are to be over.
        margin: The part of these that the tuning tasks may use up: the cheapest policy of many
            does better on the tasks that it was chosen on than on others.

    >>> round(Goal(confidence=0.9, margin=0.5).in_tuning, 3)
    0.95
    """

    max_regret: float = 0.01
    confidence: float = 0.9
    margin: float = 0.5

    @property
    def in_tuning(self) -> float:
        """The share of the tuning tasks that has to stay within the limit."""
        return 1 - (1 - self.confidence) * self.margin

    def is_kept_by(self, measured: Measured) -> bool:
        """True where enough of the tuning tasks stay within the limit."""
        return measured.tail(self.in_tuning) <= self.max_regret


def search(
    workers: Workers,
    space: Space,
    goal: Goal,
    n_trials: int,
    *,
    archive: Archive,
    seed: int = 0,
    tasks: Sequence[int] | None = None,
    on_done: Callable[[int], Any] = lambda policies: None,
) -> list[Tried]:
    """Propose and measure policies until there are ``n_trials``.

    Multivariate TPE, started from known policies, under the constraint that the tail of the regret
    over tasks is within the limit. Three batches of four are proposed to be cheap, which finds the
    policy that is asked for, and the fourth to be cheap or to lose little, for the front. The seed
    alone decides what is proposed: neither the number of processes does, nor how often the search
    was ended and begun again.

    Args:
        workers: Who measures.
        space: What may be proposed.
        goal: The constraint.
        n_trials: How many policies in all, those in the archive included.
        archive: What was measured before.
        seed: Of the sampler.
        tasks: The places of the tuning tasks on the bench; all of its tasks by default.
        on_done: Called with the number of policies that were just measured, or read.
    """
    check_count("search", "n_trials", n_trials)
    kept = archive.trials[:n_trials]
    done = kept[: len(kept) // BATCH * BATCH]
    tried = [_read(trial, space) for trial in done]
    on_done(len(done))
    while len(done) < n_trials:
        first = len(done)
        proposed = _ask(done, space, min(BATCH, n_trials - first), seed)
        known = kept[first : first + len(proposed)]
        _check_same(known, proposed)
        on_done(len(known))
        measured = [_read(trial, space).measured for trial in known]
        new = [recipe for _, recipe in proposed[len(known) :]]
        measured += workers.measure(new, on_done, tasks=tasks)
        told = [_told(trial, one, goal) for (trial, _), one in zip(proposed, measured, strict=True)]
        archive.add(told[len(known) :])
        done = [*done, *told]
        tried += [
            Tried(number, recipe, one)
            for number, ((_, recipe), one) in enumerate(
                zip(proposed, measured, strict=True), start=first
            )
        ]
    return tried


def _ask(
    done: Sequence[FrozenTrial], space: Space, size: int, seed: int
) -> list[tuple[optuna.Trial, Recipe]]:
    """The next policies; a torn batch is proposed again, so all depends on its beginning."""
    first = len(done)
    starts = [each for each in STARTS if each["kind"] in space.kinds]
    proposed = []
    with quiet():
        study = _study_of(done, for_front=(first // BATCH + 1) % FRONT_EVERY == 0)
        study.sampler = TPESampler(
            seed=int(np.random.default_rng([seed, first]).integers(2**31)),
            multivariate=True,
            group=True,
            n_startup_trials=STARTUP,
        )
        for number in range(first, first + size):
            if number < len(starts):
                study.enqueue_trial(dict(starts[number]))
            trial = study.ask()
            proposed.append((trial, space.recipe(trial)))
    return proposed


def _study_of(done: Sequence[FrozenTrial], *, for_front: bool) -> optuna.Study:
    """A study in memory of what was measured, by cost and regret or by cost alone."""
    study = optuna.create_study(directions=DIRECTIONS[: 1 + for_front])
    for trial in done:
        study.add_trial(_frozen(trial, trial.values[: 1 + for_front], trial.constraints))
    return study


def _frozen(
    trial: optuna.Trial | FrozenTrial,
    values: Sequence[float],
    constraints: Mapping[str, float],
    **attributes: Any,
) -> FrozenTrial:
    return optuna.trial.create_trial(
        params=trial.params,
        distributions=trial.distributions,
        values=list(values),
        constraints=dict(constraints),
        user_attrs=attributes,
    )


def _told(trial: optuna.Trial, measured: Measured, goal: Goal) -> FrozenTrial:
    over = measured.tail(goal.in_tuning) - goal.max_regret
    values = (measured.cost, measured.regret)
    return _frozen(trial, values, {TAIL: over}, **{TASKS: to_rows(measured)})


def _read(trial: FrozenTrial, space: Space) -> Tried:
    recipe = space.recipe(optuna.trial.FixedTrial(trial.params))
    return Tried(trial.number, recipe, from_rows(trial.user_attrs[TASKS]))


def _check_same(
    known: Sequence[FrozenTrial], proposed: Sequence[tuple[optuna.Trial, Recipe]]
) -> None:
    for trial, (asked, _) in zip(known, proposed, strict=False):
        if trial.params != asked.params:
            raise ValueError(
                f"policy {trial.number} of the storage is not the one that this search proposes: "
                "it was made by another version; use another storage"
            )
