"""The control of every watch on memory: a process that keeps a little more every half second until it is ended."""

import os
import time

KEPT_BYTES, EVERY_SECONDS = 65_536, 0.5


def main() -> None:
    """Leaks until it is ended."""
    kept: list[bytes] = []
    while True:
        kept.append(os.urandom(KEPT_BYTES))
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    main()
