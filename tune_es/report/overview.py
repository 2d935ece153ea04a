"""The first screen: one sentence and four numbers; and the table of what was spent and saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tune_es.checks import check_number
from tune_es.monitoring.experiment import Experiment, Status
from tune_es.monitoring.savings import Savings, savings_of
from tune_es.monitoring.standing import Best, leader
from tune_es.monitoring.worth import worth_of
from tune_es.report.groups import was_stopped
from tune_es.report.text import UNKNOWN, duration, literal, money, number, share


@dataclass(frozen=True)
class Prices:
    """What an hour of a worker costs, in money and in carbon.

    Args:
        price_per_hour: Money for an hour of a worker; the policy's by default.
        watts: What a worker draws, its share of the machine and of the cooling included.
        gco2_per_kwh: Grams of CO2 for a kilowatt-hour where it runs; with ``watts`` only.
        quality_lost: What the best found lacks to that of full training, in units of the metric,
            where it is known, for the return on what was lost; 0 if nothing.
        value_of_quality: Money for a unit of the metric.

    Raises:
        ValueError: A negative price, or CO2 without watts.
    """

    price_per_hour: float | None = None
    watts: float | None = None
    gco2_per_kwh: float | None = None
    quality_lost: float | None = None
    value_of_quality: float | None = None

    def __post_init__(self) -> None:
        for name in ("price_per_hour", "watts", "gco2_per_kwh", "value_of_quality"):
            value = getattr(self, name)
            if value is not None:
                check_number("Prices", name, value, least=0)
        if self.gco2_per_kwh is not None and self.watts is None:
            raise ValueError("Prices.gco2_per_kwh needs watts: what a worker draws")

    def kwh(self, seconds: float) -> float:
        """Kilowatt-hours of so many seconds of a worker; NaN without ``watts``."""
        return math.nan if self.watts is None else seconds / 3600 * self.watts / 1000

    def kg_co2(self, seconds: float) -> float:
        """Kilograms of CO2 of so many seconds of a worker; NaN where it was not given."""
        grams = math.nan if self.gco2_per_kwh is None else self.gco2_per_kwh
        return self.kwh(seconds) * grams / 1000

    def worth(self, savings: Savings) -> str:
        """What was saved against what was lost, in a sentence; empty where no price is known."""
        lost = math.nan if self.quality_lost is None else self.quality_lost
        found = worth_of(savings, self.price_per_hour, lost, self.value_of_quality)
        return "" if math.isnan(found.saved) else found.sentence()


@dataclass(frozen=True)
class Tile:
    """One of the four numbers."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Spent:
    """A row of the table: a kind of cost, run, saved, and what all would have come to."""

    label: str
    run: str
    saved: str
    full: str
    share: str


@dataclass(frozen=True)
class Overview:
    """The first screen."""

    state: str
    sentence: str
    tiles: tuple[Tile, ...]
    spent: tuple[Spent, ...]


def overview(experiment: Experiment, prices: Prices) -> Overview:
    """What a sweep came to, for somebody who reads one sentence of it."""
    savings, best = savings_of(experiment, prices.price_per_hour), leader(experiment)
    rows = _spent(savings, prices)
    return Overview(
        state=_state(experiment),
        sentence=_sentence(experiment, savings, best),
        tiles=(*_tiles(experiment, savings, rows), _best_tile(experiment, best)),
        spent=rows,
    )


def _state(experiment: Experiment) -> str:
    over = sum(trial.status.is_over for trial in experiment.trials)
    planned = experiment.planned or len(experiment.trials)
    return f"{over} of {planned} trials over" if not experiment.is_over else "finished"


def _sentence(experiment: Experiment, savings: Savings, best: Best | None) -> str:
    trials = len(experiment.trials)
    so_far = "" if experiment.is_over else "So far, "
    full = savings.steps_run + savings.steps_saved
    if not trials:
        return "No trial has started yet."
    if savings.steps_saved > 0:
        said = (
            f"{so_far}stopping early saved {share(savings.steps_saved, full)} of the training steps"
        )
    elif any(was_stopped(trial) for trial in experiment.trials):
        said = f"{so_far}trials were stopped, but what that saved is not known"
    else:
        said = f"{so_far}no trial was stopped early"
    said = said[0].upper() + said[1:]
    if best is None:
        return f"{said}; no trial has reported a number for {literal(experiment.metric, 60)} yet."
    of = f"the best of {trials:,} trials" if trials > 1 else "the one trial"
    return f"{said}, and {of} reached {number(best.value)} in {literal(experiment.metric, 60)}."


def _tiles(
    experiment: Experiment, savings: Savings, rows: Sequence[Spent]
) -> tuple[Tile, Tile, Tile]:
    by_label = {row.label: row for row in rows}
    stopped = sum(was_stopped(trial) for trial in experiment.trials)
    failed = sum(trial.status is Status.FAILED for trial in experiment.trials)
    steps, time = by_label["training steps"], by_label["worker time"]
    third = Tile(
        "trials stopped early",
        f"{stopped:,}",
        f"of {len(experiment.trials):,}" + (f"; {failed} failed" if failed else ""),
    )
    for label, name in (("money", "money saved"), ("CO2", "CO2 saved")):
        if label in by_label and by_label[label].saved != UNKNOWN:
            third = Tile(name, by_label[label].saved, f"{by_label[label].run} were used")
            break
    return (
        Tile("training steps saved", steps.share, f"{steps.saved} of {steps.full} not run"),
        Tile("worker time saved", time.saved, f"{time.run} were used"),
        third,
    )


def _best_tile(experiment: Experiment, best: Best | None) -> Tile:
    label = f"best {literal(experiment.metric, 40)}"
    if best is None:
        return Tile(label, UNKNOWN, "no trial has a number")
    name = literal(best.trial.name or best.trial.trial_id, 40)
    return Tile(label, number(best.value), f"{name}, step {number(best.step)}")


def _spent(savings: Savings, prices: Prices) -> tuple[Spent, ...]:
    run, saved = savings.seconds_run, savings.seconds_saved
    found = [
        _row("training steps", savings.steps_run, savings.steps_saved, number),
        _row("worker time", run, saved, duration),
    ]
    if not math.isnan(savings.money_run):
        found.append(_row("money", savings.money_run, savings.money_saved, money))
    if prices.watts is not None:
        found.append(_row("energy", prices.kwh(run), prices.kwh(saved), _kwh))
    if prices.gco2_per_kwh is not None:
        found.append(_row("CO2", prices.kg_co2(run), prices.kg_co2(saved), _kilograms))
    return tuple(found)


def _row(label: str, run: float, saved: float, say: Callable[[float], str]) -> Spent:
    return Spent(label, say(run), say(saved), say(run + saved), share(saved, run + saved))


def _kwh(value: float) -> str:
    return _scaled(value, ("kWh", "Wh"))


def _kilograms(value: float) -> str:
    return _scaled(value, ("kg", "g"))


def _scaled(value: float, units: tuple[str, str]) -> str:
    """An amount in the unit that it was given in, or in a thousandth of it."""
    if math.isnan(value):
        return UNKNOWN
    is_small = 0 < value < 0.1
    return f"{1000 * value if is_small else value:.3g} {units[is_small]}"
