"""Ray Tune: a scheduler, a stopper, a searcher, and the callback that carries their state.

>>> from tune_es.ray import EarlyStoppingScheduler
>>> scheduler = EarlyStoppingScheduler(metric="eval_loss", mode="min", max_t=20)
"""

from typing import TYPE_CHECKING, Any

from tune_es.ray.callback import EarlyStoppingCallback
from tune_es.ray.promotion import PromotionScheduler
from tune_es.ray.scheduler import EarlyStoppingScheduler
from tune_es.ray.stopper import EarlyStopper

if TYPE_CHECKING:
    from tune_es.ray.search import EarlyStoppingOptunaSearch

__all__ = [
    "EarlyStopper",
    "EarlyStoppingCallback",
    "EarlyStoppingOptunaSearch",
    "EarlyStoppingScheduler",
    "PromotionScheduler",
]


def __getattr__(name: str) -> Any:
    """The searcher, which alone needs Optuna, when it is asked for."""
    if name != "EarlyStoppingOptunaSearch":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from tune_es.ray.search import EarlyStoppingOptunaSearch
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "optuna":
            raise
        raise ImportError(f"{name} needs optuna: pip install 'tune-es[optuna]'") from missing
    return EarlyStoppingOptunaSearch
