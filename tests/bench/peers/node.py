"""Node programs of the peers: installed once per content of a lock file, below the user's cache folder."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from deploy.kafka.jars import cache_folder
from tests.bench.peers.environments import INSTALL_SECONDS, PeerMissing

_COMPLETE = ".complete"


def node() -> str:
    """The program `node`. Raises PeerMissing."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise PeerMissing("there is no node or no npm here")
    return found


def modules(package: Path) -> Path:
    """A folder with `node_modules` as the package's lock names them, fetched if need be. Raises PeerMissing."""
    node()
    lock = package / "package-lock.json"
    folder = cache_folder() / f"peer-{package.name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)  # whoever comes second finds the work done
            if not (folder / _COMPLETE).exists():
                _install(package, folder)
    except OSError as error:
        raise PeerMissing(f"{package.name} could not be installed: {error}") from None
    return folder


def pinned(package: Path, name: str) -> str:
    """The version of a module in the package's lock. Raises KeyError when it is not there."""
    version: str = json.loads((package / "package-lock.json").read_text())["packages"][f"node_modules/{name}"][
        "version"
    ]
    return version


def _install(package: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted attempt left
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(package / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"{package.name} was not installed within {INSTALL_SECONDS} seconds") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise PeerMissing(f"{package.name} could not be installed: {said[0]}")
    (folder / _COMPLETE).touch()
