"""Folders whose files reach a disk: what is measured or killed elsewhere would show what memory can do."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from deploy.local.settings import ROOT

_MEMORY = ("tmpfs", "ramfs")  # to them a flush is nothing
_MOUNTS = Path("/proc/self/mounts")


def filesystem(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The kind of file system that a folder is on, such as `ext4`; empty where /proc does not tell."""
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    kinds = {Path(point): kind for _, point, kind, *_ in (line.split() for line in lines)}
    return next((kinds[place] for place in (folder.resolve(), *folder.resolve().parents) if place in kinds), "")


def must_reach_a_disk(folder: Path) -> None:
    """Raises RuntimeError where a flush is nothing."""
    if (kind := filesystem(folder)) in _MEMORY:
        raise RuntimeError(f"{folder} is on {kind}, which flushes nothing: set TMPDIR to a folder on a disk")


def disk_folder(candidates: Iterable[Path] = (), mounts: Path = _MOUNTS) -> Path:
    """Where folders of a run are made: the folder for temporary files, unless that is memory, as on many systems.

    Then /var/tmp, then `var/` of the project. Raises RuntimeError when none of them is on a disk and may be written.
    """
    tried = []
    for folder in candidates or (Path(tempfile.gettempdir()), Path("/var/tmp"), ROOT / "var"):
        if folder.parent == ROOT:
            folder.mkdir(exist_ok=True)
        kind = filesystem(folder, mounts)
        if kind not in _MEMORY and os.access(folder, os.W_OK | os.X_OK):
            return folder
        tried.append(f"{folder} ({kind if kind in _MEMORY else 'not to be written'})")
    raise RuntimeError(f"no folder on a disk: {', '.join(tried)}; set TMPDIR to one")
