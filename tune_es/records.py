"""What travels between the rooms: metrics, observations, verdicts and decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from tune_es.checks import check_name

MODES = ("min", "max")


class Cause(Enum):
    """Why a trial ended; the value is the numeric code written to ``es/code``.

    A BROKEN trial has no usable value; every other cause leaves the best value so far.
    """

    BROKEN = 1
    HOPELESS = 2
    STALLED = 3
    OVERFIT = 4
    REACHED = 5
    EXHAUSTED = 6


#: Causes that are a judgement on the curve, and can be wrong; ``not_before`` mutes these.
JUDGEMENTS = frozenset({Cause.HOPELESS, Cause.STALLED, Cause.OVERFIT})

#: When several rules fire at once the first of these names the decision.
PRECEDENCE = (
    Cause.BROKEN,
    Cause.REACHED,
    Cause.EXHAUSTED,
    Cause.OVERFIT,
    Cause.STALLED,
    Cause.HOPELESS,
)


class Action(Enum):
    """What the trial is told."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"
    PAUSE = "PAUSE"


@dataclass(frozen=True)
class Metric:
    """A reported number and its direction: the only place that knows min from max.

    >>> Metric("eval_loss", "min").sign
    -1
    >>> Metric("eval_loss", "minimum")
    Traceback (most recent call last):
    ValueError: Metric.mode must be a known name, got 'minimum'; did you mean 'min'? Valid: max, min
    """

    name: str
    mode: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"Metric.name must be a non-empty string, got {self.name!r}")
        check_name("Metric", "mode", self.mode, MODES)

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is better; sign * value is oriented."""
        return 1 if self.mode == "max" else -1


@dataclass(frozen=True)
class Observation:
    """One evaluation of one trial, oriented: every value here is higher-is-better.

    ``score`` is the value that criteria judge when they name no metric: the primary metric, or
    what a wrapper such as :class:`tune_es.Smoothed` made of it. ``None`` is absence; NaN was
    reported. ``max_t`` is the trial's budget in units of ``step``.
    """

    trial_id: str
    step: float
    score: float | None
    values: Mapping[str, float] = field(default_factory=dict)
    signs: Mapping[str, int] = field(default_factory=dict)
    sign: int = 1
    max_t: float | None = None
    seconds: float | None = None
    cost: float | None = None

    def value(self, metric: str | None) -> float | None:
        """The oriented value of a metric, of the score where none is named."""
        return self.score if metric is None else self.values.get(metric)

    def sign_of(self, metric: str | None) -> int:
        """What turns a user's number into an oriented one, and back."""
        return self.sign if metric is None else self.signs.get(metric, 1)


@dataclass(frozen=True)
class Verdict:
    """What one criterion says: numbers, not sentences.

    ``evidence`` is in the user's own sign; ratios in it are infinite where the best is 0. ``left``
    is the number of further evaluations after which the criterion fires should nothing improve;
    None where it cannot say. ``heard`` is False where the observation held nothing for the
    criterion: in a combination its last say still counts then. ``rate`` is the share of the planned
    learning rate to train with from here on (see :class:`tune_es.ReduceFirst`); of several verdicts
    the lowest counts.
    """

    stop: bool
    criterion: str
    cause: Cause | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)
    left: float | None = None
    heard: bool = True
    rate: float = 1.0


@dataclass(frozen=True)
class Decision:
    """What a policy decided about one observation.

    ``best`` (the user's sign) and ``best_step`` are of the primary metric; ``best`` is NaN until
    a finite value was seen.
    """

    trial_id: str
    step: float
    action: Action
    verdict: Verdict
    best: float = math.nan
    best_step: float | None = None

    @property
    def stop(self) -> bool:
        """True where the trial is to end."""
        return self.action is Action.STOP

    @property
    def rate(self) -> float:
        """The share of the planned learning rate to train with from here on."""
        return self.verdict.rate
