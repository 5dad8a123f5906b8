"""How much memory there is, and which part of it PostgreSQL keeps blocks in."""

import os
from collections.abc import Sequence
from pathlib import Path

_LIMITS = (  # of the container that we run in, as the second and the first version of control groups tell it
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_MEBIBYTE = 1024 * 1024
_LEAST, _MOST = 128, 1024  # MiB: PostgreSQL's own default; more than a district's warm blocks


def memory_bytes(limits: Sequence[Path] = _LIMITS) -> int:
    """What this machine has, or what its container may use of it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(said for limit in limits if (said := _said(limit)) is not None)])


def _said(limit: Path) -> int | None:
    try:
        return int(limit.read_text())
    except (OSError, ValueError):  # no container, or one without a limit, which says "max"
        return None


def shared_buffers(memory: int) -> str:
    """An eighth of the memory, as PostgreSQL writes it: the other services on this machine need theirs."""
    return f"{min(_MOST, max(_LEAST, memory // 8 // _MEBIBYTE))}MB"
