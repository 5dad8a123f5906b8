"""The process that owns the PostgreSQL of one pytest run: it ends with the run, however the run ends."""

import fcntl
import shutil
import signal
import sys
import time
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.postgres import Cluster, stop_server
from deploy.local.problems import LocalProblem

# Ordinary tests ask what is written, not whether it survives a power cut.
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "300"}
ATTEMPTS = 5


def keep(run: Path) -> None:
    """Serve until the file `alive` in the run's folder is no longer locked by pytest, then remove everything."""
    problem = LocalProblem("no attempt made")
    for _ in range(ATTEMPTS):  # between finding a free port and taking it, someone else may take it
        try:
            cluster = Cluster.prepare(run / "postgres", free_port(), UNSAFE_BUT_FAST)
            server = cluster.start(run / "postgres.log")
            break
        except LocalProblem as error:
            problem = error
    else:
        _publish(run / "failed", str(problem))
        return
    try:
        _publish(run / "url", cluster.url())
        with (run / "alive").open() as alive:
            fcntl.flock(alive, fcntl.LOCK_SH)  # the kernel lets go of pytest's lock when pytest ends
    finally:
        stop_server(server)
        shutil.rmtree(cluster.folder, ignore_errors=True)
        (run / "url").unlink(missing_ok=True)  # pytest waits for this before it says good-bye
        _remove_when_empty_of_others(run)


def _remove_when_empty_of_others(run: Path) -> None:
    """Should pytest have been killed, nobody else removes the folder; the broker of the run may still be going."""
    deadline = time.monotonic() + 10
    while (run / "bootstrap").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(run, ignore_errors=True)


def _publish(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep(Path(sys.argv[1]))
