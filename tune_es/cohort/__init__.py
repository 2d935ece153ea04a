"""What one trial may know of the others."""

from tune_es.cohort.cohort import Cohort, Peers
from tune_es.cohort.ranking import Order, Place, Ranking
from tune_es.cohort.vectors import Axes, Vector

__all__ = ["Axes", "Cohort", "Order", "Peers", "Place", "Ranking", "Vector"]
