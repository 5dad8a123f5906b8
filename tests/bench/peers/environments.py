"""Virtual environments of the peers: made once per content of a lock file, below the user's cache folder."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.kafka.jars import cache_folder

INSTALL_SECONDS = 600
_COMPLETE = ".complete"


class PeerMissing(RuntimeError):
    """A peer cannot be had on this machine; the message says why, in one sentence."""


def installed(lock: Path) -> Path:
    """The Python of an environment that holds exactly what the lock names, fetched if need be. Raises PeerMissing."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = f"peer-{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}-{version}"
    folder = cache_folder() / name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{name}.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)  # whoever comes second finds the work done
            if not (folder / _COMPLETE).exists():
                _install(lock, folder)
    except OSError as error:
        raise PeerMissing(f"{lock.stem} could not be installed: {error}") from None
    return folder / "bin" / "python"


def pinned(lock: Path, package: str) -> str:
    """The version of a package in the lock. Raises KeyError when it is not there."""
    for line in lock.read_text().splitlines():
        name, found, version = line.partition("==")
        if found and name == package:
            return version.split()[0]
    raise KeyError(package)


def _install(lock: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted attempt left
    _run(lock, [sys.executable, "-m", "venv", str(folder)])
    install = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "--no-deps"]
    _run(lock, [str(folder / "bin" / "python"), *install, "--require-hashes", "-r", str(lock)])
    (folder / _COMPLETE).touch()


def _run(lock: Path, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"{lock.stem} was not installed within {INSTALL_SECONDS} seconds") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        errors = [line for line in said if "error" in line.lower()]
        raise PeerMissing(f"{lock.stem} could not be installed: {(errors or said)[-1].strip()}")
