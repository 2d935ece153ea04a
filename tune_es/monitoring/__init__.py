"""What a person sees of decisions: sentences and numbers for loggers."""

from tune_es.monitoring.columns import columns
from tune_es.monitoring.sentence import sentence

__all__ = ["columns", "sentence"]
