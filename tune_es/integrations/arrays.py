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


def has_schedule(model: Any) -> bool:
    """True where the learning rate is one of Keras's schedules, which nobody can set."""
    return isinstance(model.optimizer.get_config().get("learning_rate"), dict)


def lower_rate(model: Any, by: float) -> None:
    """Multiply the learning rate of a model."""
    rate = model.optimizer.learning_rate
    rate.assign(rate * by)


def _values(variables: Any) -> list[Any]:
    return [copy.deepcopy(each.numpy()) for each in variables]
