"""A run takes place on a disk, wherever the folder for temporary files lies."""

from pathlib import Path

import pytest

from tests.evidence.disks import disk_folder, filesystem


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """A machine whose folders `memory` and `memory/too` are no disk."""
    for name in ("memory/too", "disk"):
        (tmp_path / name).mkdir(parents=True)
    table = tmp_path / "mounts"
    table.write_text(
        f"/dev/sda / ext4 rw 0 0\ntmpfs {tmp_path}/memory tmpfs rw 0 0\nramfs {tmp_path}/memory/too ramfs rw 0 0\n"
    )
    return table


def test_the_kind_of_a_folder_is_that_of_the_nearest_mount(tmp_path: Path, mounts: Path) -> None:
    assert filesystem(tmp_path / "disk", mounts) == "ext4"
    assert filesystem(tmp_path / "memory", mounts) == "tmpfs"
    assert filesystem(tmp_path / "memory" / "too", mounts) == "ramfs"


def test_the_first_folder_on_a_disk_is_taken(tmp_path: Path, mounts: Path) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "disk"
    assert disk_folder([memory, tmp_path / "nowhere", disk], mounts) == disk


def test_where_there_is_no_disk_the_run_says_what_it_tried(tmp_path: Path, mounts: Path) -> None:
    with pytest.raises(RuntimeError, match=r"memory \(tmpfs\), .*too \(ramfs\); set TMPDIR"):
        disk_folder([tmp_path / "memory", tmp_path / "memory" / "too"], mounts)
