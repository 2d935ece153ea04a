"""Write constraints.txt: one exact version of every package that an extra installs.

Run by `make pins`. Versions already in the file are kept where they still fit; to move one, take
its line out first. Only the Python version may decide between two pins, so every other condition
is dropped: a constraint on a package that is not installed has no effect. Left out are the CUDA
libraries, which torch itself asks for by exact version, and what only a browser would install.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PINS = Path("constraints.txt")
HEAD = "# The whole development environment on Python 3.10 to 3.13, made by `make pins`.\n"
LEFT_OUT = re.compile(r"(nvidia|cuda|triton)\b|.*sys_platform == 'emscripten'")
COMPILE = ["uv", "pip", "compile", "pyproject.toml", "--all-extras", "--output-file", str(PINS)]
OPTIONS = ["--universal", "--python-version=3.10", "--no-annotate", "--no-header", "--quiet"]


def pin(line: str) -> str:
    """A resolved requirement with nothing but the Python version left in its condition."""
    requirement, _, condition = line.partition(" ; ")
    versions = re.findall(r"python_full_version [<>=!]+ '[\d.*]+'", condition)
    return f"{requirement} ; {' and '.join(versions)}" if versions else requirement


def main() -> None:
    """Resolve for every supported Python at once and rewrite the file."""
    subprocess.run(COMPILE + OPTIONS, check=True)
    resolved = [line for line in PINS.read_text().splitlines() if not LEFT_OUT.match(line)]
    PINS.write_text(HEAD + "".join(f"{pin(line)}\n" for line in resolved))


if __name__ == "__main__":
    main()
