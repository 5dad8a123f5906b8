"""`python -m services.notifications [serve|app|worker|migrate|openapi|replay|diagram]`."""

import sys

from libs.common.main import Service
from services.notifications.app import NAME, create_app
from services.notifications.domain.diagram import diagram
from services.notifications.settings import NotificationsSettings
from services.notifications.worker import consumer, loops


def _diagram(_: NotificationsSettings) -> None:
    sys.stdout.write(diagram() + "\n")


if __name__ == "__main__":
    Service(NAME, NotificationsSettings, create_app, loops, {"diagram": _diagram}, consumer).main()
