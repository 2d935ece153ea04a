"""Why a trial stopped, in words and numbers, and how often such a stop is right."""

from tune_es.report.explain.calibration import Calibration, shipped
from tune_es.report.explain.confidence import Confidence
from tune_es.report.explain.counting import measured
from tune_es.report.explain.elsewhere import OTHERS, Elsewhere, other_policies
from tune_es.report.explain.explanation import Explainer, Explanation
from tune_es.report.explain.finding import find_trial
from tune_es.report.explain.words import headline, paragraphs, short

__all__ = [
    "OTHERS",
    "Calibration",
    "Confidence",
    "Elsewhere",
    "Explainer",
    "Explanation",
    "find_trial",
    "headline",
    "measured",
    "other_policies",
    "paragraphs",
    "shipped",
    "short",
]
