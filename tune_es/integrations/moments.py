"""Sums of gradients and of their squares, and the ratio of signal to chance in them: torch."""

from __future__ import annotations

import torch
from torch import Tensor

FORMS = ("bounded", "paper")


class Moments:
    """Of one parameter: sums over the parts of a batch of h and h^2, by their sizes."""

    def __init__(self, like: Tensor) -> None:
        wide = torch.promote_types(like.dtype, torch.float32)
        self.first = torch.zeros_like(like, dtype=wide)
        self.second = torch.zeros_like(like, dtype=wide)

    def add(self, gradient: Tensor, size: int) -> None:
        dense = gradient.to_dense() if gradient.is_sparse else gradient
        dense = dense.detach().to(self.first.dtype)
        self.first.add_(dense, alpha=size)
        self.second.addcmul_(dense, dense, value=size)

    def add_each(self, gradients: Tensor) -> None:
        wide = gradients.detach().to(self.first.dtype)
        self.first.add_(wide.sum(0))
        self.second.add_((wide * wide).sum(0))

    def ratios(self, size: int, parts: int, form: str) -> Tensor:
        """Sum of B g^2 / S over the entries, their number, and a mark of what is not finite."""
        known = self.second > 0
        share = self.first.square().div_(self.second.mul(size)).clamp_(max=1.0)
        if form == "paper":
            tiny = torch.finfo(share.dtype).eps
            ratio = (parts - 1) * share / (1 - share).clamp_(min=tiny)
        else:
            ratio = parts * share
        said = torch.where(known, ratio, 0.0).sum(dtype=torch.float64)
        return torch.stack([said, known.sum().double(), self.second.sum().double() * 0.0])

    def forget(self) -> None:
        self.first.zero_()
        self.second.zero_()
