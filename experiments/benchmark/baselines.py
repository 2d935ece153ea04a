"""The simple rules to beat: synchronous halving, and a few steps of everything, then the top k.

They know their quotas in advance, pause everything at a rung, and go on with the best once the
rung is full. Nothing is learned from the curves, and workers are idle while a rung fills up. Ray
Tune has no scheduler that does this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from experiments.benchmark import PeerFactory
from tune_es.checks import check_count, check_number
from tune_es.records import Action
from tune_es.replay.curves import Task
from tune_es.replay.judged import InOrder

TIME_ATTR = "training_iteration"


class SyncHalving:
    """Synchronous halving: at every rung all trials pause, and the best few go on.

    A rung is judged when nothing waits to be started and no trial is on its way to it: by then
    every trial of the sweep has paused there or is over. The order is by the best value so far; a
    trial whose last value is not finite comes last, and of equals the one that joined first goes
    on. A trial that is over has taken no place, so the next best goes on in its stead.

    Args:
        task: Gives the metric, its mode and the budget.
        rungs: How many go on from each number of steps, ``{4: 33, 12: 11}``. Rungs at or beyond
            the budget of the task are dropped: where all are, every trial runs to its end.

    Raises:
        ValueError: A rung or a quota that is not a whole number of at least 1.

    Source: Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter
    optimization, AISTATS 2016, algorithm 1, with the quotas given.

    >>> from tune_es.replay.curves import Task
    >>> halving = SyncHalving(Task("demo", "text", "loss", "min", 3), {1: 1, 3: 1})
    >>> halving.rungs
    ((1, 1),)
    >>> for trial_id in ("a", "b"):
    ...     halving.add(trial_id, {})
    >>> halving.report("a", {"training_iteration": 1, "loss": 0.7})
    <Action.PAUSE: 'PAUSE'>
    >>> halving.choose(["b"], ["a"])
    'b'
    >>> halving.report("b", {"training_iteration": 1, "loss": 0.5})
    <Action.PAUSE: 'PAUSE'>
    >>> halving.choose([], ["a", "b"]), halving.choose([], ["a"])
    ('b', None)
    """

    def __init__(self, task: Task, rungs: Mapping[int, int]) -> None:
        for steps, keep in rungs.items():
            check_count("SyncHalving", "rungs", steps)
            check_count("SyncHalving", f"rungs[{steps}]", keep)
        self.task = task
        self.rungs = tuple(sorted((at, keep) for at, keep in rungs.items() if at < task.max_t))
        self._rung: dict[str, int] = {}  # of the living, in the order in which they joined
        self._best: dict[str, float] = {}  # oriented
        self._broken: set[str] = set()
        self._waiting: set[str] = set()
        self._promoted: set[str] = set()

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        self._rung[trial_id] = 0
        self._best[trial_id] = -math.inf

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        self._see(trial_id, float(result.get(self.task.metric, math.nan)))
        rung = self._rung[trial_id]
        if rung == len(self.rungs) or result[TIME_ATTR] < self.rungs[rung][0]:
            return Action.CONTINUE
        self._waiting.add(trial_id)
        return Action.PAUSE

    def end(self, trial_id: str, failed: bool) -> None:
        self._rung.pop(trial_id, None)
        self._waiting.discard(trial_id)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        if pending:
            return pending[0]
        if self._waiting and self._waiting == self._rung.keys():
            self._judge()
        chosen = next((trial_id for trial_id in paused if trial_id in self._promoted), None)
        self._promoted.discard(chosen or "")
        return chosen

    def _see(self, trial_id: str, value: float) -> None:
        if math.isfinite(value):
            self._best[trial_id] = max(self._best[trial_id], self.task.sign * value)
            self._broken.discard(trial_id)
        else:
            self._broken.add(trial_id)

    def _judge(self) -> None:
        """The best of those that wait go on to the next rung, the others never."""
        ranked = sorted(self._rung, key=lambda one: (one in self._broken, -self._best[one]))
        rung = self._rung[ranked[0]]
        self._promoted.update(ranked[: self.rungs[rung][1]])
        self._rung = {one: rung + 1 for one in self._rung if one in self._promoted}
        self._waiting.clear()


def halving_table(trials: int, max_t: int, first: float = 0.08, factor: int = 3) -> dict[int, int]:
    """Rungs for any budget and number of trials: a share of the budget, then times ``factor``.

    Each rung lets one in ``factor`` of the trials before it go on, and one at least. The defaults
    give, for 100 trials of 51 steps, the table that ``methods.md`` reports.

    Raises:
        ValueError: An argument outside its range.

    >>> halving_table(100, 51)
    {4: 33, 12: 11, 36: 4}
    >>> halving_table(10, 20)
    {2: 3, 6: 1, 18: 1}
    """
    check_count("halving_table", "trials", trials)
    check_count("halving_table", "max_t", max_t)
    check_number("halving_table", "first", first, above=0, most=1)
    check_count("halving_table", "factor", factor, least=2)
    table = {}
    at, kept = max(1, round(first * max_t)), trials / factor
    while at < max_t:
        table[at] = max(1, round(kept))
        at, kept = at * factor, kept / factor
    return table


def top_k_table(
    trials: int, max_t: int, share_run: float = 0.2, share_kept: float = 0.1
) -> dict[int, int]:
    """One rung for any budget and number of trials: a share of the steps, a share of the trials.

    Raises:
        ValueError: A share outside 0 to 1.

    >>> top_k_table(100, 51), top_k_table(4, 3)
    ({10: 10}, {1: 1})
    """
    check_count("top_k_table", "trials", trials)
    check_count("top_k_table", "max_t", max_t)
    check_number("top_k_table", "share_run", share_run, above=0, most=1)
    check_number("top_k_table", "share_kept", share_kept, above=0, most=1)
    return {max(1, round(share_run * max_t)): max(1, round(share_kept * trials))}


def top_k(task: Task, first_steps: int = 10, keep: int = 10) -> SyncHalving:
    """Everything runs ``first_steps``, then the best ``keep`` to the end: halving with one rung.

    >>> from tune_es.replay.curves import Task
    >>> top_k(Task("demo", "text", "loss", "min", 51)).rungs
    ((10, 10),)
    """
    return SyncHalving(task, {first_steps: keep})


PEERS: Mapping[str, PeerFactory] = {
    "top-k-10-10": PeerFactory("rungs {10: 10}", lambda task, _: top_k(task)),
    "top-k-11-10": PeerFactory("rungs {11: 10}", lambda task, _: top_k(task, first_steps=11)),
    "top-k-scaled": PeerFactory(
        "one rung at 0.2 T, a tenth of the trials goes on",
        lambda task, trials: SyncHalving(task, top_k_table(trials, task.max_t)),
    ),
    "sync-halving-4-12-36": PeerFactory(
        "rungs {4: 33, 12: 11, 36: 4}",
        lambda task, _: SyncHalving(task, {4: 33, 12: 11, 36: 4}),
    ),
    "sync-halving-scaled": PeerFactory(
        "rungs at 0.08 T and times 3, a third goes on from each",
        lambda task, trials: SyncHalving(task, halving_table(trials, task.max_t)),
    ),
}
"""By name. The "10 epochs, then the top 10" of ``methods.md`` is ``top-k-11-10``: its curves have
an evaluation before the first epoch."""


def ladder() -> dict[str, PeerFactory]:
    """Many settings of the two baselines: what they can do with their constants well chosen.

    >>> len(ladder()), "sync-0.08-3" in ladder(), "top-0.2-0.1" in ladder()
    (31, True, True)
    """
    halving = {
        f"sync-{first}-{factor}": PeerFactory(
            f"rungs at {first} T and times {factor}, one in {factor} goes on from each",
            partial(_scaled_halving, first=first, factor=factor),
        )
        for first in (0.02, 0.04, 0.08, 0.12, 0.2)
        for factor in (2, 3, 4)
    }
    top = {
        f"top-{run}-{kept}": PeerFactory(
            f"one rung at {run} T, a share of {kept} of the trials goes on",
            partial(_scaled_top_k, run=run, kept=kept),
        )
        for run in (0.05, 0.1, 0.2, 0.3)
        for kept in (0.05, 0.1, 0.2, 0.3)
    }
    return {**halving, **top}


def _scaled_halving(task: Task, trials: int, first: float, factor: int) -> SyncHalving:
    return SyncHalving(task, halving_table(trials, task.max_t, first, factor))


def _scaled_top_k(task: Task, trials: int, run: float, kept: float) -> SyncHalving:
    return SyncHalving(task, top_k_table(trials, task.max_t, run, kept))


class FirstOnly(InOrder):
    """The first ``limit`` trials to their end and no other: random search with less to spend.

    >>> first = FirstOnly(1)
    >>> first.choose(["a", "b"], []), first.choose(["b"], [])
    ('a', None)
    """

    def __init__(self, limit: int) -> None:
        self._left = limit

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        self._left -= 1
        return pending[0] if self._left >= 0 and pending else None


def _first(task: Task, trials: int, share: float) -> FirstOnly:
    return FirstOnly(max(1, round(share * trials)))


RANDOM: Mapping[str, PeerFactory] = {
    "full": PeerFactory("every trial to its end", partial(_first, share=1.0)),
    **{
        f"random-{share}": PeerFactory(
            f"the first trials to their end, a share of {share}", partial(_first, share=share)
        )
        for share in (0.05, 0.1, 0.2, 0.3, 0.5)
    },
}
"""Nothing is stopped; there are fewer trials."""
