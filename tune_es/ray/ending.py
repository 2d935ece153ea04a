"""How a searcher learns of ends that Ray tells no searcher: a callback that looks for them."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet, WeakValueDictionary

from ray.tune import Callback
from ray.tune.experiment import Trial

from tune_es.ray.callback import bring_callback, leniency, withdraw_callback

PATH = "tune_es.ray.ending.EndingCallback"


class Settler(Protocol):
    """A searcher that wants to hear of every end."""

    @property
    def open(self) -> list[str]:
        """The names of trials whose end it has not been told."""

    def settle(self, trials: list[Trial]) -> None:
        """Take all open trials as ended, as they stand."""


#: Searchers whose sweep has not begun: the next one is to get the callback.
_waiting: WeakSet[Settler] = WeakSet()
#: Which searcher a trial is of. Ray gives callbacks no way to the searcher of their sweep.
_searchers: WeakValueDictionary[str, Settler] = WeakValueDictionary()


def await_sweep(searcher: Settler) -> None:
    """Have Ray add the callback to the sweep that this searcher is for."""
    _waiting.add(searcher)
    withdraw_callback(PATH)
    bring_callback(PATH)


def joined(searcher: Settler, trial_id: str) -> None:
    """A trial is of this searcher, whose sweep has begun then, with all its callbacks."""
    _searchers[trial_id] = searcher
    _waiting.discard(searcher)
    if not _waiting:
        withdraw_callback(PATH)


class EndingCallback(Callback):
    """Tells the searcher of trials that ended without a word: all at once, or with the sweep.

    :class:`tune_es.ray.EarlyStoppingOptunaSearch` brings it along. It also has Ray bear results
    without the metric, which would end the sweep.
    """

    def __init__(self) -> None:
        self._is_lenient = False

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if not self._is_lenient and _of(trials):
            self._is_lenient = True
            leniency.take()

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if trials and all(each.is_finished() for each in reversed(trials)):
            for searcher in _of(trials):
                if searcher.open:
                    searcher.settle(trials)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        for searcher in _of(trials):
            searcher.settle(trials)
        if self._is_lenient:
            self._is_lenient = False
            leniency.give_back()


def _of(trials: list[Trial]) -> set[Settler]:
    found = (_searchers.get(each.trial_id) for each in trials)
    return {each for each in found if each is not None}
