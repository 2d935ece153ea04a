"""The variables of a Keras model, copied out and put back, on any backend of Keras."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple


class Arrays(NamedTuple):
    """Values of weights, and of the optimiser's variables where they are kept, as arrays."""

    weights: list[Any]
    optimizer: list[Any]


def take(model: Any, with_optimizer: bool) -> Arrays:
    """A copy of the variables; it shares nothing with the model, whatever the backend does."""
    variables = model.optimizer.variables if with_optimizer else []
    return Arrays(_values(model.weights), _values(variables))


def put(arrays: Arrays, model: Any) -> None:
    """Give a model the values that were taken of it."""
    for variable, value in zip(model.weights, arrays.weights, strict=True):
        variable.assign(value)
    if arrays.optimizer:
        for variable, value in zip(model.optimizer.variables, arrays.optimizer, strict=True):
            variable.assign(value)


def _values(variables: Any) -> list[Any]:
    return [copy.deepcopy(each.numpy()) for each in variables]
