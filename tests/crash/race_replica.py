"""A replica of the hazards service on a machine whose clock is wrong: `python -m tests.crash.race_replica serve`.

CLOCK_SKEW says by how many seconds. Everything else is the service as it is.
"""

import os
import runpy
from datetime import datetime, timedelta, tzinfo

from libs.common import clock

SKEW = "CLOCK_SKEW"


class WrongDatetime(datetime):
    """What `datetime` would be on that machine."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=float(os.environ.get(SKEW, "0")))


if __name__ == "__main__":
    vars(clock)["datetime"] = WrongDatetime
    runpy.run_module("services.hazards", run_name="__main__")
