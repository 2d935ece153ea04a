"""Where a policy would have stopped every recorded trial of a task, as arrays.

For policies that see one curve; one that compares trials needs the exact engine. The stops are
those of the live objects to the bit: a criterion with a kernel is compiled with the same
operations in the same order, any other is stepped as it is.

Why numba: the state of nearly every criterion depends on what it decided before (a best that
counts only above ``min_delta``, a run of bad values), which no prefix operation of NumPy gives;
a compiled loop passes over a curve once, while it is in the cache.
"""

from tune_es.replay.fast.registry import has_kernel
from tune_es.replay.fast.stopping import Stops, stops

__all__ = ["Stops", "has_kernel", "stops"]
