"""What is sent to a cluster with a job: a folder as one package, no larger than was said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from ray._private.runtime_env.packaging import create_package

#: Left out of every package, as Ray leaves them out, and what tools keep for themselves.
EXCLUDES = (".git", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")

MIB = 1024 * 1024
#: Files that are named where a package is too large.
NAMED = 3


def packed(folder: Path, into: Path, excludes: Sequence[str], most_mib: float) -> Path:
    """A package of a folder without what is excluded, ``.gitignore`` and ``.rayignore`` heeded.

    Raises:
        ValueError: It is larger than ``most_mib``, with the largest files.
    """
    package = into / "working_dir.zip"
    create_package(str(folder), package, include_gitignore=True, excludes=[*EXCLUDES, *excludes])
    size = package.stat().st_size
    if size > most_mib * MIB:
        raise ValueError(
            f"{folder} makes a package of {size / MIB:.1f} MiB, more than --upload-mib {most_mib:g}"
            f"; largest: {_largest(package)}. Leave them out with --exclude, .gitignore or "
            ".rayignore, or allow more"
        )
    return package


def _largest(package: Path) -> str:
    with ZipFile(package) as archive:
        files = sorted(archive.infolist(), key=lambda each: -each.compress_size)
    return ", ".join(f"{each.filename} ({each.file_size / MIB:.1f} MiB)" for each in files[:NAMED])
