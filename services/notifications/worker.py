"""The background side of the service: relay, consumer, ladders, deliveries."""

from datetime import timedelta

from libs.common.bus import Bus
from libs.common.clock import Clock
from libs.common.consumer import Consumer
from libs.common.db import Database
from libs.common.relay import Relay
from libs.common.retention import Retention
from libs.common.runner import Loop, replica
from libs.common.timers import Sweeper
from services.notifications.channels.addresses import AllowList
from services.notifications.channels.log import LogChannel
from services.notifications.channels.webhook import WebhookChannel
from services.notifications.consumers import COPIES, TOPICS, apply_events
from services.notifications.delivery import DeliveryDoor
from services.notifications.domain.audience import Channel
from services.notifications.publishing import SOURCE
from services.notifications.settings import NotificationsSettings
from services.notifications.timers import fire_ladders

_GATHER_SECONDS = 0.05  # that what became of alerts waits for more of it: views show it, nobody is woken by it


def create_door(settings: NotificationsSettings, db: Database, clock: Clock) -> DeliveryDoor:
    """The delivery door with the channels of this installation."""
    webhook = WebhookChannel(
        public_url=settings.base_url,
        secret=settings.webhook_secret,
        allow=AllowList(settings.allowed_networks, settings.allowed_hosts),
        timeout=settings.webhook_timeout_seconds,
    )
    return DeliveryDoor(
        db,
        clock,
        {Channel.WEBHOOK: webhook, Channel.LOG: LogChannel()},
        concurrency=settings.delivery_concurrency,
        lease=settings.lease,
        backoff=settings.backoff,
    )


def loops(settings: NotificationsSettings, db: Database, bus: Bus, clock: Clock) -> list[Loop]:
    """The loops of one replica; any number of replicas may run."""
    relay = Relay(db, bus, clock, holder=replica(), source=SOURCE, gather=_GATHER_SECONDS)
    sweeper = Sweeper(SOURCE, db, clock, "alerts", fire_ladders(settings.delivery_attempts))
    door = create_door(settings, db, clock)
    return [
        Loop("relay", relay.run),
        Loop("consumer", consumer(settings, db, bus, clock).run),
        Loop("ladders", sweeper.run),
        Loop("deliveries", door.run),
        Loop("retention", Retention(db, clock, keep=timedelta(hours=settings.idempotency_hours)).run),
    ]


def consumer(settings: NotificationsSettings, db: Database, bus: Bus, clock: Clock) -> Consumer:
    """What this service does with the events of others."""
    apply = apply_events(settings.delivery_attempts)
    return Consumer(SOURCE, db, bus, TOPICS, apply, clock, copies=COPIES)
