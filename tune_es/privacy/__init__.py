"""Early stopping that keeps the validation examples private: run, priced and audited.

:class:`PrivateStop` runs a :class:`tune_es.Private` rule inside a trial, :class:`Account` says what
a sweep costs in all, :func:`told_apart` what can be seen at that price, and :func:`audit` measures
whether a mechanism keeps what it claims. Account and audit need the extra ``privacy``.
"""

from tune_es.privacy.account import Account, Training
from tune_es.privacy.audit import Audit, audit, first_yes, lower_bound
from tune_es.privacy.error import clipped_mean, told_apart
from tune_es.privacy.runs import draw_runs
from tune_es.privacy.stop import PrivateStop

__all__ = [
    "Account",
    "Audit",
    "PrivateStop",
    "Training",
    "audit",
    "clipped_mean",
    "draw_runs",
    "first_yes",
    "lower_bound",
    "told_apart",
]
