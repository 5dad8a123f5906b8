"""A message as a line of the log: for trials, and where another program reads the log."""

import logging

from services.notifications.domain.delivery import Claimed, Outcome, Result

log = logging.getLogger(__name__)


class LogChannel:
    """Writes the text and the ids, never the link: whoever reads a log is not the person who was told."""

    async def send(self, message: Claimed) -> Result:
        """Always delivered."""
        log.info(
            "%s",
            message.text,
            extra={
                "deliveryId": str(message.id),
                "alertId": str(message.alert_id),
                "hazardId": str(message.hazard_id),
                "rung": message.rung,
                "tier": message.tier.value,
                "personId": str(message.person_id),
            },
        )
        return Result(Outcome.DELIVERED)

    async def close(self) -> None:
        """Nothing is open."""
