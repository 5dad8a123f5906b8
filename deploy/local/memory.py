"""How much memory there is, and which part of it PostgreSQL keeps blocks in."""

import os
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container that we run in
_MEBIBYTE = 1024 * 1024
_LEAST, _MOST = 128, 1024  # MiB: PostgreSQL's own default; more than a district's warm blocks


def memory_bytes(limit: Path = _LIMIT) -> int:
    """What this machine has, or what its container may use of it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(limit.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit, which says "max"
        return machine


def shared_buffers(memory: int) -> str:
    """An eighth of the memory, as PostgreSQL writes it: the other services on this machine need theirs."""
    return f"{min(_MOST, max(_LEAST, memory // 8 // _MEBIBYTE))}MB"
