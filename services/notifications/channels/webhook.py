"""A message as a real HTTP call: bounded in time, never redirected, only to addresses that may be called.

The one place that holds httpx for deliveries. The answer's body is never read: the status says all, so that its size
and slowness cost nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx

from services.notifications.channels.addresses import (
    AllowList,
    ForbiddenAddress,
    Resolve,
    checked_address,
    parse_target,
)
from services.notifications.channels.messages import body_of, signature
from services.notifications.channels.resolving import Resolver
from services.notifications.domain.delivery import Claimed, Outcome, Result


class WebhookChannel:
    """Posts messages. A 2xx is delivered; anything else, a redirect included, is a failure."""

    def __init__(
        self, *, public_url: str, secret: str, allow: AllowList, timeout: float, resolve: Resolve | None = None
    ) -> None:
        self._public_url = public_url
        self._secret = secret
        self._allow = allow
        self._timeout = timeout
        self._resolve = resolve or Resolver()
        # No connection is kept: two names may share an address, and one must not speak over the other's TLS.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout, limits=limits)

    async def send(self, message: Claimed) -> Result:
        """One attempt; whatever goes wrong is in the result."""
        try:
            async with asyncio.timeout(self._timeout):
                status, headers = await self._post(message)
        except ForbiddenAddress:
            return _failed("forbidden_address")
        except (TimeoutError, httpx.TimeoutException):
            return _failed("timeout")
        except (httpx.LocalProtocolError, ValueError):
            return _failed("bad_address")
        except socket.gaierror:
            return _failed("dns")
        except httpx.ConnectError as error:
            return _failed("tls" if _is_tls(error) else "connect")
        except (httpx.TransportError, OSError):
            return _failed("broken")
        if 200 <= status < 300:
            return Result(Outcome.DELIVERED, status)
        kind = "redirect" if 300 <= status < 400 else "status"
        return Result(Outcome.FAILED, status, kind, retry_after=retry_after(headers))

    async def close(self) -> None:
        """Closes what is open."""
        await self._client.aclose()

    async def _post(self, message: Claimed) -> tuple[int, httpx.Headers]:
        target = parse_target(message.address or "")
        address = await checked_address(target.host, target.port, self._allow, self._resolve)
        body = body_of(message, self._public_url)
        headers = {
            "Host": target.url.netloc.decode("ascii"),
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "hazardloop-notifications/1",
            "X-Delivery-Id": str(message.id),
        }
        if secret := message.secret or self._secret:
            headers["X-Signature"] = signature(secret, body)
        request = self._client.build_request(
            "POST",
            target.url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": target.host},
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()
        return response.status_code, response.headers


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long the receiver asks to be left alone, if it does: seconds, or a date, by its own clock."""
    asked = headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return timedelta(seconds=int(asked))
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):  # neither, or a date without the other
        return None
    return max(wait, timedelta(0))


def _failed(error: str) -> Result:
    return Result(Outcome.FAILED, error=error)


def _is_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
