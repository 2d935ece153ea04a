"""Why a trial stopped, in words and numbers, and how often such a stop is right."""

from tune_es.report.explain.calibration import Calibration, shipped
from tune_es.report.explain.confidence import Confidence
from tune_es.report.explain.counting import measured
from tune_es.report.explain.elsewhere import Elsewhere, other_policy
from tune_es.report.explain.explanation import Explainer, Explanation
from tune_es.report.explain.finding import find_trial
from tune_es.report.explain.words import headline, paragraphs, short

__all__ = [
    "Calibration",
    "Confidence",
    "Elsewhere",
    "Explainer",
    "Explanation",
    "find_trial",
    "headline",
    "measured",
    "other_policy",
    "paragraphs",
    "shipped",
    "short",
]
