"""The three services answer as their OpenAPI documents say, to thousands of requests made from those documents.

No 5xx, no status, media type, schema or header that is not documented, nothing accepted that the document forbids,
nothing answered without a token: with control characters, 4-byte characters, huge numbers and nulls among the values.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.actors import Tier
from tests.contracts.documents import SERVICES
from tests.support.fuzzing import EXEMPT, fuzz
from tests.support.live import PEOPLES_ROLES, Live, live_service
from tests.support.residents import Residents, settle

pytestmark = pytest.mark.slow

EXAMPLES, EXAMPLES_OF_A_TIER, SECONDS = 12, 3, 200


@pytest.fixture(scope="module", params=SERVICES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Live, Residents]]:
    with live_service(request.param, tmp_path_factory.mktemp(request.param)) as live:
        yield live, settle(live)


def test_every_answer_is_as_promised(service: tuple[Live, Residents], tmp_path: Path) -> None:
    live, residents = service
    outcome = fuzz(
        live.address,
        live.token(roles=PEOPLES_ROLES),
        tmp_path,
        known=residents.known(),
        texts=residents.texts(),
        examples=EXAMPLES,
        seconds=SECONDS,
        exempt=EXEMPT[live.service],
    )
    assert outcome.clean, outcome.report


@pytest.mark.parametrize("tier", [Tier.STREET, Tier.COMMUNITY, Tier.ENTERPRISE])
def test_whoever_asks(service: tuple[Live, Residents], tier: Tier, tmp_path: Path) -> None:
    live, residents = service
    outcome = fuzz(
        live.address,
        live.token(tier),
        tmp_path,
        known=residents.known(),
        texts=residents.texts(),
        examples=EXAMPLES_OF_A_TIER,
        seconds=SECONDS,
        phases="fuzzing",
        exempt=EXEMPT[live.service],
    )
    assert outcome.clean, outcome.report
