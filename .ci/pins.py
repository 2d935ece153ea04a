"""Write constraints.txt: one exact version of every package that an extra installs.

Run by `make pins`. constraints-oldest.txt is the same with the oldest version of every package that
pyproject.toml names; `make oldest` tests with these. Versions already in a file are kept where they
still fit; to move one, take its line out first. Only the Python version may decide between pins,
so every other condition is dropped: a constraint on a package that is not installed has no effect.
Left out are the CUDA libraries, which torch itself asks for by exact version, and what only a
browser would install.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

HEAD = "# {} on Python 3.10 to 3.13, made by `make pins`.\n"
FILES = {
    "constraints.txt": ("The whole development environment", "highest"),
    "constraints-oldest.txt": ("The oldest versions that pyproject.toml allows", "lowest-direct"),
}
LEFT_OUT = re.compile(r"(nvidia|cuda|triton)\b|.*sys_platform == 'emscripten'")
COMPILE = ["uv", "pip", "compile", "pyproject.toml", "--all-extras"]
OPTIONS = ["--universal", "--python-version=3.10", "--no-annotate", "--no-header", "--quiet"]


def pin(line: str) -> str:
    """A resolved requirement with nothing but the Python version left in its condition."""
    requirement, _, condition = line.partition(" ; ")
    versions = re.findall(r"python_full_version [<>=!]+ '[\d.*]+'", condition)
    return f"{requirement} ; {' and '.join(versions)}" if versions else requirement


def main() -> None:
    """Resolve for every supported Python at once and rewrite the files."""
    for name, (what, resolution) in FILES.items():
        asked = [f"--resolution={resolution}", f"--output-file={name}"]
        subprocess.run(COMPILE + OPTIONS + asked, check=True)
        lines = Path(name).read_text().splitlines()
        pins = "".join(f"{pin(line)}\n" for line in lines if not LEFT_OUT.match(line))
        Path(name).write_text(HEAD.format(what) + pins)


if __name__ == "__main__":
    main()
