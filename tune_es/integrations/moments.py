"""Sums of gradients and of their squares, and the ratio of signal to chance in them: torch."""

from __future__ import annotations

import torch
from torch import Tensor

FORMS = ("bounded", "paper")


class Moments:
    """Of one parameter: sums over the parts of a batch of h and h^2, by their sizes.

    What a batch leaves is not cleared but written over by the next, and ``ratios`` works in the
    place of the sums: at this size of data every pass over them is time.
    """

    def __init__(self, like: Tensor) -> None:
        wide = torch.promote_types(like.dtype, torch.float32)
        self.first = torch.empty_like(like, dtype=wide)
        self.second = torch.empty_like(like, dtype=wide)
        self.is_empty = True

    def add(self, gradient: Tensor, size: int) -> None:
        """Take the gradient of the mean loss of ``size`` examples."""
        dense = gradient.to_dense() if gradient.is_sparse else gradient
        dense = dense.detach().to(self.first.dtype)
        if self.is_empty:
            torch.mul(dense, size, out=self.first)
            torch.mul(dense, self.first, out=self.second)
        else:
            self.first.add_(dense, alpha=size)
            self.second.addcmul_(dense, dense, value=size)
        self.is_empty = False

    def add_each(self, gradients: Tensor) -> None:
        """Take the gradients of single examples, one a row."""
        wide = gradients.detach().to(self.first.dtype)
        sums = wide.sum(0), (wide * wide).sum(0)
        for held, found in zip((self.first, self.second), sums, strict=True):
            held.copy_(found) if self.is_empty else held.add_(found)
        self.is_empty = False

    def ratios(self, size: int, parts: int, form: str) -> Tensor:
        """Sum of B g^2 / S over the entries, their number, and 0, or NaN if anything is not finite.

        It uses the sums up.
        """
        counted = self.second.sign().sum()
        mark = self.second.sum() * 0
        self.second.add_(torch.finfo(self.second.dtype).tiny)  # 0 / 0 is 0: no example touched it
        share = self.first.square_().div_(self.second).mul_(1 / size)
        if form == "paper":
            share.clamp_(max=1 - torch.finfo(share.dtype).eps)
            share.div_(1 - share).mul_((parts - 1) / parts)
        said = share.sum() * parts
        self.is_empty = True
        return torch.stack([said, counted, mark]).double()
