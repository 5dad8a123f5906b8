"""The control of `soak`: a process that keeps a little more every half second, for as long as it lives."""

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
