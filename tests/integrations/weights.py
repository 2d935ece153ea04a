"""Weights, copied and compared by hand."""

from __future__ import annotations

from typing import Any

import torch

Weights = dict[str, torch.Tensor]


def copied(model: torch.nn.Module) -> Weights:
    """The weights of a model as they are now."""
    return {name: each.detach().clone() for name, each in model.state_dict().items()}


def same(model: torch.nn.Module | Weights, weights: Weights) -> bool:
    """True where every weight is equal to the last bit."""
    own = model.state_dict() if isinstance(model, torch.nn.Module) else model
    return set(own) == set(weights) and all(torch.equal(own[name], weights[name]) for name in own)


def equal(one: Any, other: Any) -> bool:
    """Equality of nested states with tensors in them."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return set(one) == set(other) and all(equal(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)
