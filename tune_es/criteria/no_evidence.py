"""The gradients hold nothing more that another sample of the data would hold, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict


class _State(NamedTuple):
    total: float = 0.0
    weight: float = 0.0
    over: int = 0


@dataclass(frozen=True)
class NoEvidence(Criterion):
    """Stops as STALLED when the gradients are what chance alone would make of them.

    It needs no validation set: a trial may train on all of its data. It reports

        1 - (B / D) * sum over the parameters k of (g_k^2 / S_k),

    where ``g`` is the gradient of a batch of ``B`` examples, ``S`` the variance of the gradient of
    one example and ``D`` the number of parameters. A gradient whose mean is zero gives 0 on
    average, one that says something less. Where the number is above 0 the gradient is no larger
    than sampling alone makes it, and going on fits this sample of the data. Mahsereci, Balles,
    Lassner and Hennig 2017, "Early Stopping without a Validation Set", equation 7 with all data in
    the batch and its form for minibatches. ``tune_es.integrations.gradients`` measures it in torch.

    It fires when the smoothed number has been above 0 for ``patience`` evaluations in a row. The
    average is exponential and without the bias of its start: before it, one value is its own mean.
    NaN and infinities say nothing and change nothing.

    What would surprise: a small batch sees less in the same gradient, and in one that was drawn
    with replacement the number only approaches 0. Layers learn at different speeds, and the whole
    is governed by the largest of them: ``PerMetric(NoEvidence(), metrics=[...])`` waits for each
    layer. The cause is STALLED, not OVERFIT: nothing worse has been seen on other data, and a rate
    that is too high to descend any further looks the same.

    Args:
        patience: Evaluations in a row above 0.
        smoothing: Share of the average that an evaluation keeps; 0 takes each value alone.
        metric: The reported number. The policy has to know it, with mode ``"min"``: the lower it
            is, the more there is to learn.

    >>> from tune_es import Policy
    >>> policy = Policy("train_loss", "min", other_metrics={"evidence/whole": "min"},
    ...                 stop=NoEvidence(patience=2, smoothing=0.5))
    >>> numbers = [-9.0, -0.5, 0.1, 3.0, 0.2]
    >>> rows = [{"train_loss": 1.0, "evidence": {"whole": number}} for number in numbers]
    >>> policy.first_stop(rows).step
    5
    """

    patience: int = 3
    smoothing: float = 0.9
    metric: str = "evidence/whole"

    def __post_init__(self) -> None:
        check_count("NoEvidence", "patience", self.patience)
        check_number("NoEvidence", "smoothing", self.smoothing, least=0, most=0.999)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None or not math.isfinite(value):
            return state, self.silence(max(0, self.patience - state.over))
        total = self.smoothing * state.total + (1 - self.smoothing) * value
        weight = self.smoothing * state.weight + (1 - self.smoothing)
        smooth = total / weight
        over = state.over + 1 if smooth < 0 else 0  # lower is better: oriented, it is negative
        sign = observation.sign_of(self.metric)
        evidence = {"value": sign * value, "smooth": sign * smooth}
        evidence.update(over=over, limit=self.patience)
        cause = Cause.STALLED if over >= self.patience else None
        left = max(0, self.patience - over)
        return _State(total, weight, over), self.verdict(cause, evidence, left)
