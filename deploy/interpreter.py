"""Chooses the interpreter of `make`: the first `python3` on the PATH, or a later one that is a good deal quicker.

Interpreters of one version differ by a third in speed with how they were built: those of distributions and of the
official images are optimized by a profile, one compiled at home usually is not. Only the standard library of any
Python 3 is used here, since there is nothing else yet.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

CLEARLY = 1.15  # times as fast as the first one: anything less is not worth a surprise
_PROBE_SECONDS = 20
_ROUNDS = 3
_PROBE = """
import ensurepip, ssl, sys, time, venv
sys.exit(1) if sys.version_info < (3, 11) else None
def seconds():
    kept, began = {}, time.perf_counter()
    for nr in range(40000):
        kept[nr % 500] = (nr, str(nr), [nr])
        sum(part for part in (nr, nr + 1))
    return time.perf_counter() - began
print(min(seconds() for _ in range(5)))
"""


def candidates(path: str) -> "Iterator[str]":
    """Every `python3` of the folders of `path`, in their order; two names of one program count once."""
    seen = set()
    for folder in path.split(os.pathsep):
        program = os.path.join(folder, "python3")
        if folder and os.access(program, os.X_OK) and os.path.realpath(program) not in seen:
            seen.add(os.path.realpath(program))
            yield program


def seconds(program: str) -> "float | None":
    """How long a fixed piece of work takes it; None when it is too old, cannot make an environment or is broken."""
    try:
        probe = subprocess.run(
            [program, "-c", _PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        return float(probe.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def choose(path: str) -> "tuple[str | None, str]":
    """The program to use, and what to tell about it; the program is None when none will do."""
    programs = list(candidates(path))
    taken: dict[str, list[float | None]] = {program: [] for program in programs}
    for _ in range(_ROUNDS):  # by turns, since the machine has moods
        for program in programs:
            taken[program].append(seconds(program))
    able = [(program, min(filter(None, took))) for program, took in taken.items() if all(took)]
    if not able:
        return None, "no python3 on the PATH is Python 3.11 or newer and has `venv` (Debian: python3-venv)"
    first, usual = able[0]
    best, least = min(able, key=lambda one: one[1])
    if usual < least * CLEARLY:
        return first, ""
    return best, f"using {best}, {usual / least:.1f} × as fast as {first}; PYTHON={first} takes that one"


if __name__ == "__main__":
    chosen, said = choose(os.environ.get("PATH", ""))
    if said:
        sys.stderr.write(said + "\n")
    if chosen is None:
        sys.exit(1)
    sys.stdout.write(chosen + "\n")
