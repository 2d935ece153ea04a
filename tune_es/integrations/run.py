"""One run, judged by a policy while it trains: what the callbacks share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tune_es.checks import nearest
from tune_es.integrations.source import Source, policy_of
from tune_es.integrations.trial import COUNT, in_trial, numbers
from tune_es.monitoring import columns, sentence
from tune_es.monitoring.log import log_decision
from tune_es.params import KEY
from tune_es.policy import Policy
from tune_es.reading import SECONDS_ATTR, lookup
from tune_es.records import Decision
from tune_es.referee import Referee

logger = logging.getLogger("tune_es")

#: When a row was.
WHEN = (COUNT, SECONDS_ATTR, "step", "epoch")

#: With which evaluations a trial reports a checkpoint.
SAVED = ("no", "best", "all")

RUN = "run"


class Run:
    """The history of one run, and what was decided about it.

    Its state is the rows it has judged, as plain numbers: a run that is resumed judges them again,
    so it decides as one that was never interrupted, and a changed policy is changed from the start.

    In a trial of Ray Tune the scheduler decides. The same rows are read there for the best step and
    for the learning rate, but nothing is stopped: a scheduler with the same policy comes to the
    same reductions by itself, from the same results.

    Args:
        owner: Who is named in messages.
        source: A policy, or what one is made of.
        given: Fields of the policy.
        agree: Makes one number of what the processes of a distributed run have on their clocks.

    >>> run = Run("PolicyCallback", "patience", {"metric": "loss", "mode": "min", "max_t": 2})
    >>> run.judge({"loss": 0.5}).best_step, run.judge({"loss": 0.4}).verdict.cause.name
    (1, 'EXHAUSTED')
    >>> run.stopped, run.why
    (True, 'budget used: Budget (steps=2, steps_limit=2)')
    """

    def __init__(
        self,
        owner: str,
        source: Source,
        given: Mapping[str, Any],
        agree: Callable[[float], float] = float,
    ) -> None:
        self.policy = policy_of(owner, source, given)
        self.is_trial = in_trial()
        self.owner = owner
        self._agree = agree
        self._warned: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """Forget everything: a run starts."""
        self.rows: list[dict[str, float]] = []
        self.decision: Decision | None = None
        #: The row of the best evaluation so far.
        self.best_row: dict[str, float] | None = None
        #: The share of the planned learning rate in use, and what the latest decision made of it.
        self.rate = self.lowered = 1.0
        self._referee = Referee(self.policy)
        self._earlier, self._started = 0.0, time.monotonic()

    def load(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Go on after these rows."""
        self.begin()
        for saved in rows:
            row = {COUNT: len(self.rows) + 1, **saved}
            self._judge(row, self._kept(row))
        self._earlier = max((row.get(SECONDS_ATTR, 0.0) for row in self.rows), default=0.0)
        self._started = time.monotonic()

    def judge(self, row: Mapping[str, object]) -> Decision | None:
        """The decision on an evaluation; None where its step could not be read or did not grow.

        What is missing, NaN or no number ends nothing and is named in a warning once a run.
        """
        row = self.timed(row)
        before = self.rate
        decision = self._judge(row, self._kept(row))
        self.lowered = self.rate / before
        if decision is not None and self.lowered < 1:
            logger.info("step %s: learning rate at %g of the planned", decision.step, self.rate)
        if decision is not None and not self.is_trial:
            log_decision(decision)
        return decision

    def timed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with its number and the seconds so far, where it has none of its own."""
        seconds = self._agree(self._earlier + time.monotonic() - self._started)
        return {COUNT: len(self.rows) + 1, SECONDS_ATTR: seconds, **row}

    def _judge(self, row: Mapping[str, object], kept: dict[str, float]) -> Decision | None:
        self.rows.append(kept)
        reading = self.policy.read(RUN, row)
        for name, problem in reading.problems.items():
            self._warn(name, problem, row)
        if reading.observation is None:
            return None
        if self._referee.stands_still(reading.observation):
            self._warn(self.policy.time_attr, "did not grow, so it was not judged", row)
            return None
        self.decision = self._referee.observe(reading.observation)
        self.rate = min(self.rate, self.decision.rate)
        if is_best(self.decision):
            self.best_row = kept
        return self.decision

    def _kept(self, row: Mapping[str, object]) -> dict[str, float]:
        """What of a row is remembered: what the policy reads, and when it was."""
        policy = self.policy
        names = {*policy.metrics, *policy.criterion.input_names, policy.time_attr, *WHEN}
        names |= {policy.cost_attr} if policy.cost_attr is not None else set()
        return numbers({name: lookup(row, name) for name in sorted(names)})

    def _warn(self, name: str, problem: str, row: Mapping[str, object]) -> None:
        if name in self._warned:
            return
        self._warned.add(name)
        absent = lookup(row, name) is None
        hint = f"; {nearest(name, map(str, row))}" if absent else ""
        logger.warning("%s: %r %s; said once a run%s", self.owner, name, problem, hint)

    @property
    def stopped(self) -> bool:
        """True where the latest decision ends the run, which it never does in a trial."""
        return self.decision is not None and self.decision.stop and not self.is_trial

    @property
    def why(self) -> str:
        """Why it was stopped, in one line; empty while it goes on."""
        return sentence(self.decision) if self.decision is not None and self.stopped else ""

    def seconds(self) -> dict[str, float]:
        """The seconds of the latest row, to be saved where rows are read from a log."""
        return {SECONDS_ATTR: self.rows[-1][SECONDS_ATTR]} if self.rows else {}

    def words(self) -> dict[str, str | float]:
        """The ``es/*`` values of the latest decision; in a trial nothing is said of a stop."""
        words = columns(self.decision)
        if self.is_trial:
            words = {name: words[name] for name in ("best", "best_step")}
        if self.policy.criterion.reduces:
            words["rate"] = self.rate
        return {f"{KEY}/{name}": value for name, value in words.items()}

    def numbers(self) -> dict[str, float]:
        """The ``es/*`` values that are numbers, for loggers that take nothing else."""
        return numbers(self.words())


def is_best(decision: Decision | None) -> bool:
    """True where this very evaluation is the best so far."""
    return decision is not None and decision.best_step == decision.step


def is_wanted(saved: str, decision: Decision | None) -> bool:
    """True where a checkpoint is wanted with this evaluation; ``saved`` is one of ``SAVED``."""
    return saved == "all" or (saved == "best" and is_best(decision))


class Judged:
    """What every callback shows of the run that it judges."""

    _run: Run

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._run.policy

    @property
    def decision(self) -> Decision | None:
        """The latest decision; in a trial of Ray Tune it is the scheduler's to act on one."""
        return self._run.decision

    @property
    def why(self) -> str:
        """Why the run was stopped, in one line; empty where it was not."""
        return self._run.why
