"""The page behind the link in a message: one person answers one alert by one touch, without a token.

Opening the page changes nothing, for programs that preview links open it too; the button does.
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from libs.common.errors import AppError, NotFound
from libs.common.http import problems
from services.notifications.api.parts import TheParts
from services.notifications.domain.errors import AlertClosed
from services.notifications.domain.ladder import State
from services.notifications.domain.texts import moment
from services.notifications.operations.acknowledge import Acknowledge, person_told
from services.notifications.views import deliveries as view

router = APIRouter(prefix="/v1/acknowledgements", include_in_schema=False)

Ticket = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{22}$", description="消息中链接的最后一段")]

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>隐患提醒</title>
<style>body{{font:1.1rem/1.6 sans-serif;margin:2rem auto;max-width:32rem;padding:0 1rem}}
button{{font:inherit;width:100%;padding:1rem;border:0;border-radius:.5rem;background:#0a58ca;color:#fff}}</style>
<h1>隐患提醒</h1><p>{text}</p>{below}</html>"""
_BUTTON = '<form method="post"><button>我已知悉，立即处理</button></form>'


@router.get(
    "/{ticket}",
    operation_id="showAcknowledgement",
    summary="消息链接所指的页面",
    response_class=HTMLResponse,
    responses=problems(NotFound),
)
async def show_acknowledgement(ticket: Ticket, parts: TheParts) -> HTMLResponse:
    """显示提醒内容和签收按钮；打开页面不等于签收。"""
    return await _page(parts, ticket)


@router.post(
    "/{ticket}",
    operation_id="acknowledgeByLink",
    summary="凭消息链接签收",
    response_class=HTMLResponse,
    responses=problems(NotFound),
)
async def acknowledge_by_link(ticket: Ticket, parts: TheParts) -> HTMLResponse:
    """以收到消息的人的名义签收这一条提醒。"""
    async with parts.db.transaction() as tx:
        row = await view.by_ticket(tx, ticket)
    results = await parts.acknowledge.run(
        [Acknowledge(row["alert_id"], person_told(row["person_id"], row["area_path"]))]
    )
    if isinstance(results[0], AppError) and not isinstance(results[0], AlertClosed):
        raise results[0]
    return await _page(parts, ticket)


async def _page(parts: TheParts, ticket: str) -> HTMLResponse:
    async with parts.db.transaction() as tx:
        row = await view.by_ticket(tx, ticket)
    match State(row["state"]):
        case State.ACKNOWLEDGED:
            below = f"<p><strong>已于 {moment(row['acknowledged_at'])} 签收。</strong></p>"
        case State.CLOSED:
            below = "<p><strong>该提醒已无需处理。</strong></p>"
        case State.OPEN | State.EXHAUSTED:
            below = _BUTTON
    return HTMLResponse(_PAGE.format(text=escape(row["text"]), below=below), headers=_HEADERS)
