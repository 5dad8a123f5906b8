"""What routes need: the database, the operations and the settings of this process."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from libs.common.clock import Clock
from libs.common.db import Database
from libs.common.operation import Operation
from services.notifications.operations.acknowledge import Acknowledge, Acknowledged
from services.notifications.operations.retry import Retry
from services.notifications.operations.staffing import Enter, Remove, Row
from services.notifications.settings import NotificationsSettings
from services.notifications.store.staffing import Ledger


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once by `create_app`."""

    db: Database
    clock: Clock
    settings: NotificationsSettings
    acknowledge: Operation[Acknowledge, Acknowledged]
    enter: dict[Ledger, Operation[Enter, Row]]
    remove: dict[Ledger, Operation[Remove, Row]]
    retry: Operation[Retry, UUID]

    async def drain(self) -> None:
        """Returns when everything that was submitted has been answered."""
        await self.acknowledge.drain()
        await self.retry.drain()
        for entering in self.enter.values():
            await entering.drain()
        for removing in self.remove.values():
            await removing.drain()


async def parts(request: Request) -> Parts:
    """The parts of the application that serves this request."""
    found: Parts = request.app.state.parts
    return found


TheParts = Annotated[Parts, Depends(parts)]
