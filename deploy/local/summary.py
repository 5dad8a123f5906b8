"""What `make up` leaves on the screen: what each tier sees now, where the documents are, tokens, lines to try."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from deploy.local.api import Address, Api, Refused
from deploy.local.settings import SERVICES
from deploy.local.story.place import Place, any_place
from libs.common.actors import Tier

_REPORT = {"source": "patrol", "description": "配电箱无门，线头裸露", "category": "electrical"}


@dataclass(frozen=True, slots=True)
class _Cast:
    """Three people to try things as."""

    place: Place
    street: str
    community: str
    enterprise: str
    hazard: str | None


def print_summary(var: Path) -> None:
    """Print it for the system that runs in `var`."""
    stored = json.loads((var / "run" / "system.json").read_text())
    address = Address(stored["ports"])
    with Api(address, var / "issuer") as api:
        cast = None
        try:
            cast = _cast(api, var, stored.get("district"))
            if cast is not None:
                _print_views(api, cast)
        except (Refused, httpx.TransportError) as error:
            print(f"(the views could not be read: {error})")
    _print_documents(address)
    if cast is None:
        print(
            "\nNo enterprise yet. `make help` shows how tokens are made; import a ledger in the registry's documents."
        )
        return
    print("\nTokens 令牌, valid for twelve hours:")
    for name, token in (("street", cast.street), ("community", cast.community), ("enterprise", cast.enterprise)):
        print(f"  {name:<10} {token}")
    print("\nTry 试一试:")
    for line in _lines(address, cast):
        print(line)
    print(flush=True)


def _cast(api: Api, var: Path, district: str | None) -> _Cast | None:
    book: Mapping[str, Any] = {}
    if (var / "story.json").exists():
        book = json.loads((var / "story.json").read_text())
    place = Place(**book["place"]) if book.get("place") else None
    if place is None and district:
        place = any_place(api, district)
    if place is None:
        return None
    street = api.token(Tier.STREET, place.street, person="street-newcomer")
    hazard = book.get("hazard")
    return _Cast(
        place=place,
        street=street,
        community=api.token(Tier.COMMUNITY, place.community, person="community-newcomer"),
        enterprise=api.token(
            Tier.ENTERPRISE, place.area, person="enterprise-newcomer", enterprise=UUID(place.enterprise_id)
        ),
        hazard=hazard if hazard and api.knows("hazards", f"/v1/hazards/{hazard}", street) else None,
    )


def _print_views(api: Api, cast: _Cast) -> None:
    print("\nWhat each tier sees 各级所见:")
    place = cast.place
    street = api.get("hazards", f"/v1/views/street/{place.street}", cast.street)
    print(f"  街道 street      {street['name']}: {_figures(street['totals'])}")
    busy = sorted(street["communities"], key=lambda entry: -entry["totals"]["found"])[:3]
    for entry in busy:
        print(f"      {entry['name']}: {_figures(entry['totals'])}")
    community = api.get("hazards", f"/v1/views/community/{place.community}", cast.community)
    lists = {"toVerify": "待核实", "toAssign": "待交办", "toReinspect": "待复查", "overdue": "逾期"}
    waiting = ", ".join(f"{label} {len(community[name])}" for name, label in lists.items())
    print(f"  社区 community   {community['name']}: {_figures(community['totals'])}; {waiting}")
    enterprise = api.get("hazards", f"/v1/views/enterprise/{place.enterprise_id}", cast.enterprise)
    print(
        f"  企业 enterprise  {enterprise['name']}: {_figures(enterprise['totals'])}; 待整改 {len(enterprise['toFix'])}"
    )
    if cast.hazard is not None:
        log = api.get("hazards", f"/v1/hazards/{cast.hazard}/log", cast.street)
        print(f"  The story's hazard was moved {len(log['items'])} times; its log is the third line below.")


def _figures(totals: Mapping[str, Any]) -> str:
    return f"发现 {totals['found']}, 未销号 {totals['open']}, 逾期 {totals['overdue']}, 已销号 {totals['closed']}"


def _print_documents(address: Address) -> None:
    print("\nDocuments 接口文档:")
    for service in SERVICES:
        print(f"  {service:<14} {address.of(service)}/docs")


def _lines(address: Address, cast: _Cast) -> list[str]:
    """Five lines that work when pasted: each carries its token and real ids."""
    place, hazards = cast.place, address.of("hazards")
    report = json.dumps({"enterpriseId": place.enterprise_id, **_REPORT}, ensure_ascii=False)
    log = f"{hazards}/v1/hazards/{cast.hazard}/log" if cast.hazard else f"{hazards}/v1/hazards?areaCode={place.street}"
    about = f"?hazardId={cast.hazard}" if cast.hazard else ""
    return [
        _curl(f"{hazards}/v1/views/street/{place.street}", cast.street),
        _curl(f"{address.of('registry')}/v1/enterprises?areaCode={place.community}&limit=5&total=true", cast.community),
        _curl(log, cast.street),
        _curl(f"{hazards}/v1/hazards", cast.community, f"-H 'Content-Type: application/json' -d '{report}'"),
        _curl(f"{address.of('notifications')}/v1/alerts{about}", cast.street),
    ]


def _curl(url: str, token: str, more: str = "") -> str:
    return f"curl -sS -w '\\n' '{url}' -H 'Authorization: Bearer {token}'" + (f" {more}" if more else "")
