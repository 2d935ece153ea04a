"""Ray Tune: a scheduler, a stopper and the callback that carries their words and their state.

>>> from tune_es.ray import EarlyStoppingScheduler
>>> scheduler = EarlyStoppingScheduler(metric="eval_loss", mode="min", max_t=20)
"""

from tune_es.ray.callback import EarlyStoppingCallback
from tune_es.ray.promotion import PromotionScheduler
from tune_es.ray.scheduler import EarlyStoppingScheduler
from tune_es.ray.stopper import EarlyStopper

__all__ = ["EarlyStopper", "EarlyStoppingCallback", "EarlyStoppingScheduler", "PromotionScheduler"]
