"""The bytes that a webhook receives: the same for every attempt, signed as they are sent."""

import hashlib
import hmac
import json

from libs.common.models import rfc3339
from services.notifications.domain.delivery import Claimed


def acknowledge_link(message: Claimed, public_url: str) -> str:
    """The page on which this person answers this alert by one touch, without a token."""
    return f"{public_url.rstrip('/')}/v1/acknowledgements/{message.ticket}"


def body_of(message: Claimed, public_url: str) -> bytes:
    """The message as JSON. `acknowledgeUrl` asks for a token, `acknowledgeLink` is for the person alone."""
    content = {
        "deliveryId": str(message.id),
        "alertId": str(message.alert_id),
        "hazardId": str(message.hazard_id),
        "number": message.hazard_number,
        "kind": message.kind.value,
        "level": message.level,
        "place": message.place,
        "dueAt": rfc3339(message.due_at) if message.due_at else None,
        "rung": message.rung,
        "tier": message.tier.value,
        "personId": str(message.person_id),
        "simulated": message.simulated,
        "text": message.text,
        "acknowledgeUrl": f"{public_url.rstrip('/')}/v1/alerts/{message.alert_id}/acknowledgements",
        "acknowledgeLink": acknowledge_link(message, public_url),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256 of exactly these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
