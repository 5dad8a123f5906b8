"""Under which account PostgreSQL runs: it refuses root, so root lends it an account without rights."""

import os
import pwd
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from deploy.local.problems import LocalProblem


class ProcessAccount(TypedDict, total=False):
    """Keyword arguments for `subprocess` that start a process under another account; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """An account without rights; `None` in its place means: the caller's own is fine."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Hand a file or folder over to this account."""
        os.chown(path, self.uid, self.gid)


def unprivileged() -> Account | None:
    """The account PostgreSQL must run under, or None when the caller is no root."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise LocalProblem("PostgreSQL refuses to run as root and this machine has no account `nobody` to run it under.")


def as_account(account: Account | None) -> ProcessAccount:
    """The `subprocess` arguments for an account."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def reachable(folder: Path, account: Account | None) -> bool:
    """Whether the account can enter a folder: a clone below /root or a private temporary folder is closed to others."""
    if account is None:
        return os.access(folder, os.X_OK)
    probe = ["/bin/sh", "-c", 'cd "$1" 2>/dev/null', "sh", str(folder)]
    return subprocess.run(probe, cwd="/", check=False, **as_account(account)).returncode == 0


def place_folder(path: Path, account: Account | None, fallback: Path = Path("/var/lib/hazardloop")) -> Path:
    """Make `path` a folder that the account owns and can enter, and return its real place.

    Where the account cannot reach `path` (root's own home, a private temporary folder), the real folder is made below
    `fallback` and `path` becomes a link to it, so whoever deletes or moves the state can see where it is.
    """
    if path.is_dir():
        real = path.resolve()
    elif reachable(path.parent, account):
        path.unlink(missing_ok=True)
        path.mkdir(mode=0o700)
        real = path.resolve()
    else:
        real = _folder_elsewhere(path.name, account, fallback)
        path.unlink(missing_ok=True)
        path.symlink_to(real, target_is_directory=True)
    if account is not None:
        account.own(real)
    return real


def _folder_elsewhere(name: str, account: Account | None, fallback: Path) -> Path:
    for base in (fallback, Path(tempfile.gettempdir()) / "hazardloop-state", Path("/tmp/hazardloop-state")):
        try:
            base.mkdir(mode=0o755, parents=True, exist_ok=True)
            base.chmod(0o755)  # whatever the umask was: others must be able to pass through
        except OSError:
            continue
        if reachable(base, account):
            return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
    raise LocalProblem("No folder on this machine is open to the account that PostgreSQL runs under; set VAR to one.")
