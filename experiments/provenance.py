"""Where numbers come from: the command, the versions and the machine."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path


def command(module: str, arguments: Sequence[str]) -> str:
    """The command line that runs a module with these arguments."""
    return shlex.join(["python", "-m", module, *arguments])


def versions(packages: Iterable[str]) -> str:
    """Python's version and those of the packages."""
    named = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {platform.python_version()}, {named}"


def machine() -> str:
    """The CPU by name, its cores and the operating system; no host name."""
    cores = os.cpu_count() or 0
    return f"{_cpu()}, {cores} cores, {platform.system()}"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
