"""What stopping was worth in money: what it saved, what was lost by it, and the return."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tune_es.checks import check_number
from tune_es.monitoring.savings import Savings


@dataclass(frozen=True)
class Worth:
    """Saving and loss in one currency; NaN where a price or a number of seconds is not known.

    The loss of quality is what was paid for the saving, so the return on it is
    ``(saved - lost) / lost``: 3.0 is three for every one lost, besides that one.
    """

    run: float
    saved: float
    lost: float

    @property
    def net(self) -> float:
        """What is left of the saving; negative where more was lost."""
        return self.saved - self.lost

    @property
    def share_saved(self) -> float:
        """The share of what full training would have cost; NaN where that is nothing or unknown."""
        full = self.run + self.saved
        return self.saved / full if full > 0 else math.nan

    @property
    def return_on_loss(self) -> float | None:
        """Infinite where nothing was lost and something saved, NaN where either is unknown.

        None where nothing was lost and nothing saved: there is nothing to return, and no return.
        A negative loss, quality that was gained by stopping, is no investment either.
        """
        if math.isnan(self.net):
            return math.nan
        if self.lost > 0:
            return self.net / self.lost
        return math.inf if self.net > 0 else None

    def sentence(self) -> str:
        """All of it in one line, for a person.

        >>> Worth(run=30.0, saved=10.0, lost=0.0).sentence()
        'saved 10.00 of 40.00 (25 %), lost nothing: every saving is a gain'
        >>> Worth(run=30.0, saved=10.0, lost=2.5).sentence()
        'saved 10.00 of 40.00 (25 %), lost 2.50: net 7.50, a return of 300 % on the loss'
        """
        return f"{self._saving()}, {self._loss()}"

    def _saving(self) -> str:
        if math.isnan(self.saved):
            return "saving unknown: no price, or no result says its seconds"
        share = "" if math.isnan(self.share_saved) else f" ({self.share_saved:.0%})"
        of = "" if math.isnan(self.run) else f" of {self.run + self.saved:.2f}"
        return f"saved {self.saved:.2f}{of}{share.replace('%', ' %')}"

    def _loss(self) -> str:
        back = self.return_on_loss
        if math.isnan(self.lost):
            return "loss of quality unknown"
        if back is None:
            return "lost nothing: there is nothing to return"
        if self.lost <= 0:
            gained = f"gained {-self.lost:.2f}" if self.lost < 0 else "lost nothing"
            return gained if math.isnan(back) else f"{gained}: every saving is a gain"
        lost = f"lost {self.lost:.2f}"
        if math.isnan(back):
            return lost
        return f"{lost}: net {self.net:.2f}, a return of {100 * back:.0f} % on the loss"


def worth_of(
    savings: Savings,
    price_per_hour: float | None = None,
    quality_lost: float = math.nan,
    value_of_quality: float | None = None,
) -> Worth:
    """What a sweep's savings are worth, against what was lost in quality.

    Args:
        savings: What was run and saved, as :func:`tune_es.monitoring.savings_of` has it.
        price_per_hour: Money for an hour of a worker; the money in ``savings`` where not given.
        quality_lost: By how much the best found is worse than that of full training, in units of
            the metric. It is not known from the sweep itself; 0 says that nothing was lost, and a
            negative number that stopping has gained.
        value_of_quality: Money for a unit of the metric; a loss other than 0 needs it.

    >>> savings = Savings(300, 100, seconds_run=10800, seconds_saved=3600)
    >>> worth = worth_of(savings, price_per_hour=2.0, quality_lost=0.01, value_of_quality=50)
    >>> worth.saved, worth.lost, worth.net, worth.return_on_loss
    (2.0, 0.5, 1.5, 3.0)
    >>> worth_of(savings, price_per_hour=2.0, quality_lost=0.0).return_on_loss
    inf
    """
    run, saved = savings.money_run, savings.money_saved
    if price_per_hour is not None:
        check_number("worth_of", "price_per_hour", price_per_hour, least=0)
        run = savings.seconds_run * (price_per_hour / 3600)
        saved = savings.seconds_saved * (price_per_hour / 3600)
    if value_of_quality is not None:
        check_number("worth_of", "value_of_quality", value_of_quality, least=0)
    lost = 0.0 if quality_lost == 0 else quality_lost * _or_unknown(value_of_quality)
    return Worth(run, saved, lost)


def _or_unknown(money: float | None) -> float:
    return math.nan if money is None else money
