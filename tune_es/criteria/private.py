"""A stop by a private validation metric, of which the stop itself is all that gets out."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tune_es.checks import check_count, check_name, check_number, is_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.discrete_laplace import KEY_SIZE, derived, discrete_laplace
from tune_es.records import Cause, Observation, Verdict

ACCURACY, CLIPPED = KINDS = ("accuracy", "clipped")

#: Steps of the grid that one example of a clipped metric has; an accuracy has one.
FINE = 1024


@dataclass(frozen=True)
class Secrets:
    """What is remembered of a trial; all but the count and the stop is secret.

    Metrics are in steps of the grid, oriented. The last answer leaves nothing but itself.
    """

    key: bytes = field(repr=False)
    shift: int | None = field(default=None, repr=False)
    best: int | None = field(default=None, repr=False)
    recent: tuple[int, ...] = field(default=(), repr=False)
    checks: int = 0
    stopped: bool = False


@dataclass(frozen=True)
class Private(Criterion):
    """Stops by a metric on private examples, with a differentially private answer to one question.

    Give either ``target`` (has the metric reached it?) or ``min_gain`` (is there no gain of at
    least that in the last ``patience`` evaluations?). AboveThreshold answers it: Laplace noise of
    scale ``2 D / epsilon`` on the threshold, and of ``4 D / epsilon`` anew on every answer, where D
    is what one example can change the question by: ``1 / n_val`` for the target of an accuracy,
    twice that for a gain. All answers together cost ``epsilon``, however many are no, up to the
    first yes; after that nothing is asked. The noise is discrete, on the grid of the metric.

    It is run by :class:`tune_es.privacy.PrivateStop` inside the trial, which reports the stop and
    nothing else. A policy is refused: the referee, Ray and every logger see what a policy judges.

    Args:
        epsilon: What the stop may cost.
        n_val: Number of validation examples; it has to be public, and the same throughout.
        target: Stop as REACHED when the metric is at least this good, in the user's own sign.
        min_gain: Stop as STALLED without a gain of at least this much.
        patience: In how many evaluations that gain is looked for.
        kind: ``"accuracy"``, the share of examples that are right (or wrong), or ``"clipped"``, the
            mean of one number per example, each clipped to ``bounds`` before
            (:func:`tune_es.privacy.clipped_mean`). Nothing else is bounded by ``n_val``.
        bounds: The smallest and the largest number of one example; (0, 100) for an accuracy in per
            cent.
        checks: After so many questions none is asked any more. It costs no epsilon: more of them
            make a wrong yes likelier.
        test_seed: Takes the noise from this number, for tests and replay. It is private for nobody.
        metric: The metric to judge; the score where none is named.

    A value that is no number counts as the worst one, and the evaluations that report none have to
    be chosen without a look at the examples.

    Raises:
        ValueError: A metric without bounds, or a field outside its range; said when it is built.

    >>> from tune_es import fired_at
    >>> rule = Private(epsilon=1, n_val=2000, target=0.9, test_seed=1)
    >>> fired_at(rule, [0.5, 0.6, 0.7, 0.8, 0.95, 0.97])
    4
    >>> Private(epsilon=1, n_val=2000, target=3.0, kind="loss")
    Traceback (most recent call last):
    ValueError: Private.kind must be a known name, got 'loss'; Valid: accuracy, clipped. One \
example can change any other metric without bound: clip the numbers of single examples
    """

    epsilon: float
    n_val: int
    target: float | None = None
    min_gain: float | None = None
    patience: int = 5
    kind: str = ACCURACY
    bounds: tuple[float, float] = (0.0, 1.0)
    checks: int = 50
    test_seed: int | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("Private", "epsilon", self.epsilon, above=0)
        for name in ("n_val", "patience", "checks"):
            check_count("Private", name, getattr(self, name))
        if self.test_seed is not None:
            check_count("Private", "test_seed", self.test_seed, least=0)
        self._check_kind()
        low, high = self.bounds
        if (self.target is None) == (self.min_gain is None):
            raise ValueError("Private must have either target or min_gain, got both or neither")
        if self.target is not None:
            check_number("Private", "target", self.target, least=low, most=high)
        else:
            check_number("Private", "min_gain", self.min_gain, above=0, most=high - low)

    def _check_kind(self) -> None:
        try:
            check_name("Private", "kind", self.kind, KINDS)
        except ValueError as error:
            raise ValueError(
                f"{error}. One example can change any other metric without bound: clip the "
                "numbers of single examples"
            ) from None
        both = self.bounds
        is_pair = isinstance(both, tuple) and len(both) == 2 and all(map(is_number, both))
        if not is_pair or not 0 < both[1] - both[0] < math.inf:
            raise ValueError(
                "Private.bounds must be the smallest and the largest number of one example, as in "
                f"(0, 5), got {both!r}"
            )

    @property
    def sensitivity(self) -> float:
        """What one example can change the question by, in units of the metric."""
        return (self.bounds[1] - self.bounds[0]) * self._steps / (self.n_val * self._grid)

    @property
    def _grid(self) -> int:
        return 1 if self.kind == ACCURACY else FINE

    @property
    def _steps(self) -> int:
        """The sensitivity in steps of the grid; rounding to it may cost a mean one more."""
        one = 1 if self.kind == ACCURACY else FINE + 1
        return one if self.target is not None else 2 * one

    def init(self) -> Secrets:
        """The state of a trial with noise from ``test_seed``.

        Raises:
            ValueError: There is none: only :meth:`begin` starts a private run.
        """
        if self.test_seed is None:
            raise ValueError(
                "Private needs a secret key, and a metric that is reported nowhere: run it inside "
                "the trial with tune_es.privacy.PrivateStop, and give no policy its rule"
            )
        return self.begin(hashlib.blake2b(b"%d" % self.test_seed, digest_size=KEY_SIZE).digest())

    def begin(self, key: bytes) -> Secrets:
        """The state of a new trial whose noise comes from a secret key."""
        return Secrets(key)

    def step(
        self, state: Secrets, observation: Observation, peers: Peers
    ) -> tuple[Secrets, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            return state, self.silence()
        if not state.stopped and state.checks < self.checks:
            state = self._asked(state, observation, value)
        evidence = {"checks": state.checks, "limit": self.checks, "epsilon": self.epsilon}
        cause = Cause.REACHED if self.target is not None else Cause.STALLED
        return state, self.verdict(cause if state.stopped else None, evidence)

    def _asked(self, state: Secrets, observation: Observation, value: float) -> Secrets:
        if state.shift is None:
            key = derived(state.key, observation.trial_id)
            state = replace(state, key=key, shift=self._noise(key, 0, 2))
        state, asked, threshold = self._question(state, observation, value)
        if asked is None:
            return state
        checks = state.checks + 1
        if asked + self._noise(state.key, checks, 4) >= threshold + (state.shift or 0):
            return Secrets(b"", checks=checks, stopped=True)
        if checks == self.checks:
            return Secrets(b"", checks=checks)
        return replace(state, checks=checks)

    def _question(
        self, state: Secrets, observation: Observation, value: float
    ) -> tuple[Secrets, int | None, int]:
        """The state that has heard a value, the number asked about, if any, and its threshold."""
        sign = observation.sign_of(self.metric)
        worst, best = sorted(sign * bound for bound in self.bounds)
        inside = worst if math.isnan(value) else min(max(value, worst), best)
        units = math.floor(self._units(inside - worst) + 0.5)
        if self.target is not None:
            return state, units, _least(self._units(sign * self.target - worst))
        state, gain = self._gain(state, units)
        return state, gain, 1 - _least(self._units(self.min_gain or 0.0))

    def _gain(self, state: Secrets, units: int) -> tuple[Secrets, int | None]:
        """Minus the gain of the latest evaluations over those before; None where these are few."""
        recent, best = (*state.recent, units), state.best
        if len(recent) > self.patience:
            best = recent[0] if best is None else max(best, recent[0])
            recent = recent[1:]
        state = replace(state, recent=recent, best=best)
        return state, None if best is None else best - max(recent)

    def _units(self, size: float) -> float:
        """A difference of metrics in steps of the grid."""
        return size / (self.bounds[1] - self.bounds[0]) * self.n_val * self._grid

    def _noise(self, key: bytes, number: int, factor: int) -> int:
        scale = Fraction(factor * self._steps) / Fraction(str(self.epsilon))
        return discrete_laplace(key, number, scale)


def _least(units: float) -> int:
    """The smallest whole number that is not below this one, but for the rounding of floats."""
    return math.ceil(round(units, 6))


def check_reported(rule: Criterion) -> None:
    """Refuse a rule that is to judge what a trial reports, where some part of it is private.

    Raises:
        ValueError: A ``test_seed`` has let a private rule into a policy that is not for replay.
    """
    if any(isinstance(part, Private) for part in rule.walk()):
        raise ValueError(
            "Private.test_seed is for tests and replay: what a trial reports is written down, so "
            "ask inside the trial with tune_es.privacy.PrivateStop"
        )
