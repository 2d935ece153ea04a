"""What is known of a tuned policy: on how many tasks it rests, and where it was tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tune_es.checks import check_count, check_fields, check_number
from tune_es.documents import load_yaml, read_text
from tune_es.signals import NoiseLevel

#: The key of a policy file that holds the certificate.
KEY = "certificate"

#: Evaluations of a trial from which its noise is read, and the fewest that tell any.
FIRST, FEWEST = 10, 6

#: How many times outside the range of the curves a number has to be for a warning.
SLACK = {"max_t": 1.25, "trials": 1.25, "noise": 1.5}

Range = tuple[float, float]


@dataclass(frozen=True)
class Certificate:
    """How often a tuned policy loses more than was accepted, and for which sweeps that was found.

    With the confidence given, on at most a share ``bound`` of tasks the policy loses more than
    ``max_regret`` on average over sweeps of the task. That holds for tasks that come from where
    the held-out ones came from: they, and the next one, have to be exchangeable. It is a statement
    about tasks, and on few of them it is weak: with 12 tasks and none over, 0.17 at 0.9.

    Args:
        max_regret: The regret accepted, as a share of what the best trial gains over the median.
        confidence: How sure the bounds are.
        bound: Upper bound on the share of tasks that lose more; 1 is no bound.
        tasks: Held-out tasks that it rests on.
        over: How many of them lose more.
        candidates: Policies that the held-out tasks were asked about; each is bounded, together.
        sweeps_over: Share of single sweeps on the held-out tasks that lose more.
        sweeps_bound: Upper bound on that, for a sweep on a new task.
        cost: Mean share of full training on the held-out tasks.
        tuned_on: Tasks that the policy was chosen on.
        tried: Policies that were tried on those.
        curves: Hash of all curves.
        exchangeable: What has to be alike for the bounds to hold, in words.
        metrics: The metrics and modes of the tasks, as ``"val_loss min"``.
        max_t: Least and largest budget of a task, in evaluations.
        trials: Least and largest number of trials of a sweep.
        noise: Least and largest noise of a task (:func:`noise_of` of its median trial), or None.
        workers: Workers that were simulated.

    Raises:
        ValueError: A number outside its range.
    """

    max_regret: float
    confidence: float
    bound: float
    tasks: int
    over: int
    candidates: int
    sweeps_over: float | None
    sweeps_bound: float
    cost: float | None
    tuned_on: int
    tried: int
    curves: str
    exchangeable: str
    metrics: tuple[str, ...]
    max_t: Range
    trials: Range
    noise: Range | None
    workers: int

    def __post_init__(self) -> None:
        for name in ("confidence", "bound", "sweeps_bound"):
            check_number("Certificate", name, getattr(self, name), least=0, most=1)
        check_number("Certificate", "max_regret", self.max_regret, least=0)
        for name in ("tasks", "over", "candidates"):
            check_count("Certificate", name, getattr(self, name), least=0)
        for name in ("max_t", "trials", "noise"):
            if getattr(self, name) is not None or name != "noise":
                object.__setattr__(self, name, _range(name, getattr(self, name)))
        if isinstance(self.metrics, str) or not isinstance(self.metrics, Sequence):
            raise ValueError(f"Certificate.metrics must be a list, got {self.metrics!r}")
        object.__setattr__(self, "metrics", tuple(self.metrics))

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for a policy file."""
        plain = dataclasses.asdict(self)
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Certificate:
        """What plain data describes.

        Raises:
            ValueError: Unknown or missing fields, or a number outside its range.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a certificate must map fields to values, got {data!r}")
        names = [each.name for each in dataclasses.fields(cls)]
        check_fields("Certificate", data, names)
        missing = [name for name in names if name not in data]
        if missing:
            raise ValueError(f"Certificate lacks the field {missing[0]!r}")
        return cls(**data)

    @classmethod
    def from_file(cls, path: str | Path) -> Certificate | None:
        """The certificate in a policy file; None where it has none."""
        data = load_yaml(read_text(path))
        found = data.get(KEY) if isinstance(data, Mapping) else None
        return None if found is None else cls.from_dict(found)

    def uncovered(
        self,
        metric: str | None = None,
        mode: str | None = None,
        max_t: float | None = None,
        trials: float | None = None,
        noise: float | None = None,
    ) -> dict[str, str]:
        """What of a new sweep lies outside: a sentence by name, none where all is covered."""
        said = {}
        if metric is not None and f"{metric} {mode}" not in self.metrics:
            known = ", ".join(self.metrics)
            said["metric"] = f"it was tuned on {known}, and the sweep is judged by {metric} {mode}"
        for name, value, what in (
            ("max_t", max_t, "budgets of {} to {} evaluations"),
            ("trials", trials, "sweeps of {} to {} trials"),
            ("noise", noise, "curves with a noise of {} to {} of their range"),
        ):
            span, slack = getattr(self, name), SLACK[name]
            if value is None or span is None or span[0] / slack <= value <= span[1] * slack:
                continue
            words = what.format(*(f"{each:.3g}" for each in span))
            said[name] = f"it was tuned on {words}, and the sweep has {value:.3g}"
        return said


def noise_of(values: Sequence[float]) -> float | None:
    """The noise of a curve's first evaluations, as a share of their range; None where unknown.

    The scale of the metric does not matter, nor its sign.

    >>> noise_of([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), noise_of([1.0, 2.0])
    (0.0, None)
    >>> round(noise_of([0.0, 1.2, 1.9, 3.2, 3.9, 5.0]), 3)
    0.067
    """
    signal = NoiseLevel()
    state, noise = signal.init(), None
    first = list(values[:FIRST])
    for value in first:
        state, noise = signal.step(state, value)
    spread = max(state) - min(state) if state else 0.0
    if noise is None or len(state) < FEWEST or spread <= 0:
        return None
    return noise / spread


def typical_noise(curves: Sequence[Sequence[float]]) -> float | None:
    """The noise of the median curve; None where no curve tells any."""
    known = [noise for noise in map(noise_of, curves) if noise is not None]
    return median(known) if known else None


def _range(name: str, value: Any) -> Range:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f"Certificate.{name} must be two numbers, got {value!r}")
    for each in value:
        check_number("Certificate", name, each, least=0)
    return value[0], value[1]
