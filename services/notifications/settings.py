"""Settings of this service beside those that all share."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import Field, field_validator

from libs.common.settings import ServiceSettings
from services.notifications.domain.delivery import Backoff


class NotificationsSettings(ServiceSettings):
    """Lists are separated by commas: `WEBHOOK_ALLOWED_NETWORKS=10.0.0.0/8,127.0.0.1/32`."""

    port: int = 8003

    public_url: str = ""  # how a phone reaches this service: the start of links in messages; empty: host and port
    webhook_allowed_networks: str = ""  # addresses that are not public, and may be called all the same
    webhook_allowed_hosts: str = ""  # if set, only these hosts are called; `.example.org` stands for all below it
    webhook_secret: str = ""  # signs messages to contacts without a secret of their own
    webhook_timeout_seconds: float = Field(default=10.0, gt=0, le=60)

    delivery_concurrency: int = Field(default=64, ge=1, le=256)
    delivery_attempts: int = Field(default=8, ge=1, le=30)
    delivery_first_wait_seconds: float = Field(default=2.0, gt=0, le=3600)
    delivery_longest_wait_seconds: float = Field(default=600.0, gt=0, le=86400)

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _networks_can_be_read(cls, value: str) -> str:
        for item in _items(value):
            ip_network(item)
        return value

    @property
    def base_url(self) -> str:
        """PUBLIC_URL, or where this process listens."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """WEBHOOK_ALLOWED_NETWORKS, read."""
        return tuple(ip_network(item) for item in _items(self.webhook_allowed_networks))

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """WEBHOOK_ALLOWED_HOSTS, read."""
        return frozenset(item.lower() for item in _items(self.webhook_allowed_hosts))

    @property
    def backoff(self) -> Backoff:
        """How failures are followed by further attempts."""
        return Backoff(
            first=timedelta(seconds=self.delivery_first_wait_seconds),
            longest=timedelta(seconds=self.delivery_longest_wait_seconds),
            attempts=self.delivery_attempts,
        )

    @property
    def lease(self) -> timedelta:
        """How long a claimed message is left to the process that claimed it: longer than any attempt can last."""
        return timedelta(seconds=self.webhook_timeout_seconds + 5)


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
