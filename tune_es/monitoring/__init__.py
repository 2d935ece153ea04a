"""What a person sees of decisions and sweeps: sentences, numbers for loggers, what was saved."""

from tune_es.monitoring.columns import columns
from tune_es.monitoring.experiment import Experiment, Span, Status, TrialRecord
from tune_es.monitoring.reading import read_experiment
from tune_es.monitoring.savings import Savings, savings_of
from tune_es.monitoring.sentence import sentence
from tune_es.monitoring.standing import Best, best_of, causes, leader, standings
from tune_es.monitoring.summary import summary
from tune_es.monitoring.why import Why
from tune_es.monitoring.worth import Worth, worth_of

__all__ = [
    "Best",
    "Experiment",
    "Savings",
    "Span",
    "Status",
    "TrialRecord",
    "Why",
    "Worth",
    "best_of",
    "causes",
    "columns",
    "leader",
    "read_experiment",
    "savings_of",
    "sentence",
    "standings",
    "summary",
    "worth_of",
]
