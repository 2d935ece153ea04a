"""Policies tuned by replay: searched on recorded tasks, judged and certified on held-out ones."""

from tune_es.meta.bench import Bench, Workers, workers
from tune_es.meta.bounds import chernoff, clopper_pearson, in_order, union
from tune_es.meta.files import policy_text, write_policy
from tune_es.meta.fingerprint import fingerprint
from tune_es.meta.known import PRESETS, STARTS
from tune_es.meta.measured import Measured, OnTask, interval, tail
from tune_es.meta.recipe import FULL, Recipe
from tune_es.meta.report import Comparison, Judged, Report, Row
from tune_es.meta.search import Goal, Tried, search
from tune_es.meta.settings import Tuning, Where
from tune_es.meta.space import KINDS, Space
from tune_es.meta.split import Split, family_of, leave_one_out, name_of, split, split_by_name
from tune_es.meta.storage import Archive
from tune_es.meta.tuning import Tuned, shortlist, tune, tune_on, typical_max_t

__all__ = [
    "FULL",
    "KINDS",
    "PRESETS",
    "STARTS",
    "Archive",
    "Bench",
    "Comparison",
    "Goal",
    "Judged",
    "Measured",
    "OnTask",
    "Recipe",
    "Report",
    "Row",
    "Space",
    "Split",
    "Tried",
    "Tuned",
    "Tuning",
    "Where",
    "Workers",
    "chernoff",
    "clopper_pearson",
    "family_of",
    "fingerprint",
    "in_order",
    "interval",
    "leave_one_out",
    "name_of",
    "policy_text",
    "search",
    "shortlist",
    "split",
    "split_by_name",
    "tail",
    "tune",
    "tune_on",
    "typical_max_t",
    "union",
    "workers",
    "write_policy",
]
