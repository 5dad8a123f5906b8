"""PostgreSQL keeps blocks in a share of what the machine, or its container, has."""

from pathlib import Path

import pytest

from deploy.local.memory import memory_bytes, shared_buffers

GIB = 1024**3


@pytest.mark.parametrize(
    ("memory", "kept"), [(GIB // 2, "128MB"), (2 * GIB, "256MB"), (4 * GIB, "512MB"), (24 * GIB, "1024MB")]
)
def test_an_eighth_within_bounds(memory: int, kept: str) -> None:
    assert shared_buffers(memory) == kept


def test_a_container_has_what_it_may_use(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    machine = memory_bytes(limit)
    assert machine > GIB // 4
    limit.write_text("268435456\n")
    assert memory_bytes(limit) == 268435456
    limit.write_text("max\n")
    assert memory_bytes(limit) == machine
    limit.write_text(f"{machine * 2}\n")
    assert memory_bytes(limit) == machine
