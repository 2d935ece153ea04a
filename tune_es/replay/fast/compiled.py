"""How a kernel is compiled, and what it must not do."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

WITHOUT_PYTHON: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Compile a loop at its first call, without the lock of Python, and keep the result on disk.

    No ``fastmath``: sums stay in the order of the live objects. The error model is NumPy's, so a
    kernel has to guard a division where the live object does. Threads come from the caller, one
    for each block of trials, and end with the call: nothing survives into a forked process.

    The cache lies beside the source, or in the user's cache folder where that is read-only; where
    neither can be written, every process compiles anew. It is found by the text of the kernel's
    own file. So a kernel takes constants of other files as arguments, and where it calls functions
    of other files it is made by :func:`calling`: a changed one would go unseen.
    """
    try:
        kernel = njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba's word for "nowhere to keep it"
        kernel = njit(nogil=True, error_model="numpy")(function)
    return cast(F, kernel)


def part(function: F) -> F:
    """Compile a loop that other loops call: it is kept on disk as a part of theirs, only.

    Python cannot call it: what turns Python's objects into numbers and back is left out, which is
    much of what is compiled.
    """
    return cast(F, njit(nogil=True, error_model="numpy", **WITHOUT_PYTHON)(function))


def calling(*modules: ModuleType) -> Callable[[F], F]:
    """Compile a loop that calls functions of these modules, and what those call of others.

    Their texts become part of its name, by which the cache is found.
    """
    texts = "".join(map(inspect.getsource, modules))

    def named(function: F) -> F:
        function.__qualname__ += f"_{zlib.crc32(texts.encode()):08x}"
        return compiled(function)

    return named
