"""The process that owns the Kafka broker of one pytest run: it ends with the run, however the run ends."""

import fcntl
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.support.kafka import Broker

ATTEMPTS = 3


def keep(run: Path) -> None:
    """Serve until the file `alive` in the run's folder is no longer locked by pytest, then remove everything."""
    folder = Path(tempfile.mkdtemp(prefix="hazardloop-kafka-"))
    broker = Broker(folder)
    try:
        for attempt in range(ATTEMPTS):  # between finding a free port and taking it, someone else may take it
            broker = Broker(folder / str(attempt))
            try:
                broker.start()
                break
            except RuntimeError as error:
                problem = str(error)
        else:
            _publish(run / "broker.failed", problem)
            return
        _publish(run / "bootstrap", broker.servers)
        with (run / "alive").open() as alive:
            fcntl.flock(alive, fcntl.LOCK_SH)  # the kernel lets go of pytest's lock when pytest ends
    finally:
        broker.kill()  # nobody will read this log again
        shutil.rmtree(folder, ignore_errors=True)
        (run / "bootstrap").unlink(missing_ok=True)  # pytest waits for this before it says good-bye


def _publish(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep(Path(sys.argv[1]))
