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
    limits = [tmp_path / "of the second version", tmp_path / "of the first"]
    machine = memory_bytes(limits)
    assert machine > GIB // 4
    for limit in limits:
        for text, found in (("268435456\n", 268435456), ("max\n", machine), (f"{machine * 2}\n", machine)):
            limit.write_text(text)
            assert memory_bytes(limits) == found
        limit.unlink()
