"""Where a policy would have stopped every recorded trial of a task, as arrays.

For policies that see one curve: ``stops``. The stops are those of the live objects to the bit: a
criterion with a kernel is compiled with the same operations in the same order, any other is stepped
as it is. Sweeps under policies that compare trials are compiled, too: ``comparing`` goes through
the results in the order of the engine with what each trial's own curve says worked out before, and
``promoting`` with ``racing`` takes trials from rung to rung. :mod:`tune_es.replay.sweeps` puts
them together and says what is left to the engine.

Why numba: the state of nearly every criterion depends on what it decided before (a best that
counts only above ``min_delta``, a run of bad values), which no prefix operation of NumPy gives;
and where one does, as for patience without options, it passes over the curves many times and takes
nearly three times as long as the compiled loop with all guards. ``benchmarks/replay.py`` has the
numbers: about a thousand times the speed of the live objects.

A new kernel is a file with a function ``(criterion, block) -> Say`` and a line in ``registry.py``.
"""

from tune_es.replay.fast.registry import has_kernel
from tune_es.replay.fast.stopping import Stops, stops

__all__ = ["Stops", "has_kernel", "stops"]
