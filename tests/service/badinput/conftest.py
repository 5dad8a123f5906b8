"""The three services, live, each with something in it whose id a request may name."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.live import Live, live_service
from tests.support.residents import Residents, settle


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Live, Residents]]]:
    """`live("hazards")` → the running service and what lives in it; started by whoever asks first."""
    running: dict[str, tuple[Live, Residents]] = {}
    with ExitStack() as stack:

        def get(service: str) -> tuple[Live, Residents]:
            if service not in running:
                folder: Path = tmp_path_factory.mktemp(service)
                started = stack.enter_context(live_service(service, folder))
                running[service] = started, settle(started)
            return running[service]

        yield get
