"""The distance between training and validation."""

from __future__ import annotations


def generalisation_gap(train: float, validation: float) -> float:
    """How much better the model is on what it was trained on; both oriented, higher is better.

    Positive where training looks better than validation, as overfitting makes it. A loss of 0.1
    in training and 0.4 in validation is oriented to -0.1 and -0.4:

    >>> round(generalisation_gap(train=-0.1, validation=-0.4), 3)
    0.3
    """
    return train - validation
