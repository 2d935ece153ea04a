"""What a stop, a training and a sweep of both cost: epsilon, and what it does not cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tune_es.checks import check_count, check_flags, check_number

if TYPE_CHECKING:
    from dp_accounting import DpEvent

COVERED = """\
Neighbours are data sets that differ in one example: replaced by another one, or by one that
counts for nothing where the number of examples is public. With k examples of one person the
guarantee for that person is k times as weak, or more.
"""

NOT_COVERED = """\
Not covered, and each of it costs more:
- any number computed from private examples that is reported, logged, looked at or used to choose:
  validation metrics, training losses, the choice of a checkpoint or of the best trial;
- learning rates, sizes and thresholds that were chosen by looking at these examples before;
- a run that starts again without the file of its PrivateStop: count it in `lives`;
- a training whose batches are not drawn independently, each example with probability `sampling`,
  or whose noise is not from a secure source;
- how long an evaluation took, and whether it failed.
"""


@dataclass(frozen=True)
class Training:
    """DP-SGD as it is accounted.

    Args:
        sampling: With which probability every example is in a batch, each by itself.
        noise: Standard deviation of the noise on the sum of clipped gradients, over the clip norm.
        steps: How many steps are planned at most: a stop that comes earlier is not refunded.

    >>> Training(sampling=256 / 60_000, noise=1.1, steps=14_062).sampling
    0.004266666666666667
    """

    sampling: float
    noise: float
    steps: int

    def __post_init__(self) -> None:
        check_number("Training", "sampling", self.sampling, above=0, most=1)
        check_number("Training", "noise", self.noise, above=0)
        check_count("Training", "steps", self.steps)


@dataclass(frozen=True)
class Account:
    """The cost of training and stopping privately, of one run and of a sweep of them.

    It is computed by dp-accounting in Renyi differential privacy: ``pip install
    'tune-es[privacy]'``. Every number is an upper bound at ``delta``.

    Args:
        delta: With which probability the guarantee may fail; well below one over the number of
            examples.
        training: The private training of every run, where there is one.
        stop: Epsilon of the private stop of every run; 0 without one.
        lives: How often a run may begin its stop anew: after a crash, without its file.
        runs: How many runs the sweep has.
        shared: True where one example may be among both training and validation examples. Where
            none can be, by a split made without looking, it pays for one of the two.

    >>> account = Account(1e-5, Training(256 / 60_000, noise=1.1, steps=14_062), stop=1.0, runs=30)
    >>> round(account.of_training, 3), account.of_stop
    (2.597, 1.0)
    """

    delta: float
    training: Training | None = None
    stop: float = 0.0
    lives: int = 1
    runs: int = 1
    shared: bool = True

    def __post_init__(self) -> None:
        check_number("Account", "delta", self.delta, above=0, most=0.5)
        check_number("Account", "stop", self.stop, least=0)
        check_count("Account", "lives", self.lives)
        check_count("Account", "runs", self.runs)
        check_flags(self, "shared")
        if self.training is not None and not isinstance(self.training, Training):
            raise ValueError(f"Account.training must be a Training, got {self.training!r}")

    @property
    def of_stop(self) -> float:
        """Of the stop of one run: pure, whatever delta is."""
        return self.stop * self.lives

    @cached_property
    def of_training(self) -> float:
        """Of the training of one run."""
        return 0.0 if self.training is None else self._cheapest(True, False, 1)

    @cached_property
    def of_run(self) -> float:
        """Of one run, its model and the moment of its stop shown."""
        return self._of(1)

    @cached_property
    def all_shown(self) -> float:
        """Of the sweep, where something of every run is shown: all of Ray's files, say."""
        return self._of(self.runs)

    @cached_property
    def best_alone(self) -> float:
        """Of the sweep, where nothing but its best run is shown to anybody.

        The number of runs has to be drawn by :func:`draw_runs` with the mean ``runs``, and the best
        be chosen by what is private itself, or public.
        """
        return self._of(self.runs, best_alone=True) if self.runs > 1 else self.of_run

    def text(self) -> str:
        """All of it in words: the parts, the total, and what it does not cover."""
        rows = [
            ("the stop of one run", self.of_stop),
            ("the training of one run", self.of_training),
        ]
        rows.append(("one run", self.of_run))
        if self.runs > 1:
            rows.append((f"total, all of {self.runs} runs shown", self.all_shown))
            rows.append((f"total, the best of about {self.runs} shown alone", self.best_alone))
        width = max(len(name) for name, _ in rows)
        table = "".join(f"  {name:<{width}}  {epsilon:.3f}\n" for name, epsilon in rows)
        overlap = "may be" if self.shared else "is never"
        return (
            f"Epsilon at delta {self.delta:g}:\n{table}\n"
            f"An example {overlap} among both training and validation examples.\n"
            f"{COVERED}\n{NOT_COVERED}"
        )

    def _of(self, runs: int, best_alone: bool = False) -> float:
        if self.shared:
            return self._cheapest(True, True, runs, best_alone)
        apart = self._cheapest(True, False, runs, best_alone)
        return max(apart, self._cheapest(False, True, runs, best_alone))

    def _cheapest(self, training: bool, stop: bool, runs: int, best_alone: bool = False) -> float:
        """The least of several bounds that all hold."""
        trained = self.training if training else None
        paid = self.of_stop if stop else 0.0
        if trained is None and not paid:
            return 0.0
        bounds = [self._bound(event, runs, best_alone) for event in self._events(trained, paid)]
        if paid and not best_alone:  # pure costs add up
            trainings = 0.0 if trained is None else self._cheapest(True, False, runs)
            bounds.append(trainings + runs * paid)
        return min(bounds)

    def _events(self, training: Training | None, paid: float) -> Iterator[DpEvent]:
        """One run in the words of dp-accounting: a pure cost is bounded in two ways."""
        import dp_accounting as dp

        events: list[DpEvent] = []
        if training is not None:
            one = dp.PoissonSampledDpEvent(training.sampling, dp.GaussianDpEvent(training.noise))
            events.append(dp.SelfComposedDpEvent(one, training.steps))
        if not paid:
            yield dp.ComposedDpEvent(events)
            return
        yield dp.ComposedDpEvent([*events, dp.ZCDpEvent(rho=0.0, xi=paid)])
        rho = self.lives * self.stop**2 / 2
        yield dp.ComposedDpEvent([*events, dp.ZCDpEvent(rho=rho, xi=0.0)])

    def _bound(self, event: DpEvent, runs: int, best_alone: bool) -> float:
        from dp_accounting.dp_event import RepeatAndSelectDpEvent
        from dp_accounting.rdp import RdpAccountant

        accountant = RdpAccountant()
        if best_alone:
            accountant.compose(RepeatAndSelectDpEvent(event, mean=runs, shape=0))
        else:
            accountant.compose(event, runs)
        return float(accountant.get_epsilon(self.delta))
