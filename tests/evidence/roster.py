"""Someone on duty in every street, entered through the public API: without a roster every alert would end at once."""

import asyncio
from collections.abc import Sequence

import httpx

from libs.common.ids import new_id

_SINCE = "2026-01-01T00:00:00+08:00"
_PATIENCE = 100


async def staff(port: int, token: str, district: str, streets: Sequence[str]) -> None:
    """One person a street, reached over the channel `log`, on duty day and night. Raises RuntimeError if refused."""
    heads = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=heads, trust_env=False) as client:
        for street in streets:
            person = str(new_id())
            contact = {"personId": person, "areaCode": district, "channel": "log", "address": f"duty {street}"}
            await _enter(client, "/v1/contacts", contact)
            await _enter(client, "/v1/duty-shifts", {"areaCode": street, "personId": person, "startsAt": _SINCE})


async def _enter(client: httpx.AsyncClient, path: str, row: dict[str, str]) -> None:
    """Posts the row; what notifications does not know yet (areas arrive as events) is tried again."""
    for _ in range(_PATIENCE):
        answer = await client.post(path, json=row)
        if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
            break
        await asyncio.sleep(0.1)
    if answer.status_code != httpx.codes.CREATED:
        raise RuntimeError(f"{path}: {answer.text[:300]}")
