"""What an Optuna study is told of stopped trials, and what its model sees of them.

It needs Optuna and no Ray; :class:`tune_es.ray.EarlyStoppingOptunaSearch` brings it to Ray Tune.

>>> import optuna
>>> from tune_es.search import CommonRungSampler
>>> study = optuna.create_study(sampler=CommonRungSampler(seed=1), direction="maximize")
"""

from tune_es.search.ledger import Ending, Ledger
from tune_es.search.objectives import Objectives
from tune_es.search.record import Record
from tune_es.search.results import Results, config_of
from tune_es.search.sampler import CommonRungSampler, tpe

__all__ = [
    "CommonRungSampler",
    "Ending",
    "Ledger",
    "Objectives",
    "Record",
    "Results",
    "config_of",
    "tpe",
]
