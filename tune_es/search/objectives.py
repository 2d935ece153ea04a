"""What a study searches for, and the values that a trial is told with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tune_es.checks import check_name, check_number, nearest
from tune_es.search.record import Record

MODES = ("min", "max")

#: One name, or one for each objective, as Ray takes metrics and modes.
Names = str | list[str] | None


@dataclass(frozen=True)
class Objectives:
    """The objectives of a search: their names, modes, and which grow with training.

    A trial has the values of its best step, by the first objective. An objective that grows with
    training, as time and cost do, is lower for a trial that was stopped early than for one that
    was not; it is drawn out in proportion to ``max_t`` steps, from the last step seen.

    Args:
        metrics: Keys in the results.
        modes: "min" or "max" for each.
        grows: Which of them grow with training; the first, by which the best step is chosen, may
            not be one of them.
        max_t: The number of steps of a full training; needed where something grows.

    Raises:
        ValueError: A name in ``grows`` that is no objective, or no ``max_t`` with it.

    >>> two = Objectives(("loss", "cost"), ("min", "min"), grows=("cost",), max_t=10)
    >>> two.best(Record({1: (0.5, 2.0), 2: (0.4, 4.0), 5: (0.45, 10.0)}))
    (2, (0.4, 20.0))
    """

    metrics: tuple[str, ...]
    modes: tuple[str, ...]
    grows: tuple[str, ...] = ()
    max_t: float | None = None

    def __post_init__(self) -> None:
        for mode in self.modes:
            check_name("Objectives", "modes", mode, MODES)
        for name in self.grows:
            if name not in self.metrics[1:]:
                raise ValueError(
                    f"Objectives.grows must name objectives after the first, got {name!r}; "
                    f"{nearest(name, self.metrics[1:])}"
                )
        if self.max_t is not None:
            check_number("Objectives", "max_t", self.max_t, above=0)
        elif self.grows:
            raise ValueError(
                f"Objectives.max_t must be given where objectives grow, got none with "
                f"grows={list(self.grows)}"
            )

    @classmethod
    def of(
        cls, metric: Names, mode: Names, grows: Sequence[str] = (), max_t: float | None = None
    ) -> Objectives:
        """The objectives by their names: one, or several in a list.

        >>> Objectives.of("loss", "min").metrics
        ('loss',)
        """
        metrics = (metric,) if isinstance(metric, str) else metric or ()
        modes = (mode,) if isinstance(mode, str) else mode or ()
        return cls((*metrics,), (*modes,), (*grows,), max_t)

    @property
    def single(self) -> bool:
        """True of one objective; Optuna takes values step by step for one alone."""
        return len(self.metrics) == 1

    def best(self, record: Record) -> tuple[int, tuple[float, ...]] | None:
        """The best step and the values there; None where an objective never had a finite value."""
        vectors = [*record.vectors()]
        if not vectors:
            return None
        sign = 1 if self.modes[0] == "max" else -1
        step, best = max(vectors, key=lambda each: sign * each[1][0])
        return step, self._drawn_out(best, *vectors[-1])

    def _drawn_out(
        self, best: Sequence[float], last: int, latest: Sequence[float]
    ) -> tuple[float, ...]:
        factor = 1.0 if self.max_t is None or last < 1 else max(1.0, self.max_t / last)
        return tuple(
            end * factor if name in self.grows else value
            for name, value, end in zip(self.metrics, best, latest, strict=True)
        )
