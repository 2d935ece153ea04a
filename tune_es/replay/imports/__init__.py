"""Curve sets from what other tools leave behind; a mode is asked for, never guessed."""

from tune_es.replay.imports.from_csv import from_csv
from tune_es.replay.imports.from_optuna import from_optuna
from tune_es.replay.imports.from_ray import from_ray
from tune_es.replay.imports.from_transformers import from_trainer_state

__all__ = ["from_csv", "from_optuna", "from_ray", "from_trainer_state"]
