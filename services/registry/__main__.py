"""`python -m services.registry [serve|app|worker|migrate|openapi]`."""

from libs.common.main import Service
from services.registry.app import NAME, create_app
from services.registry.settings import RegistrySettings
from services.registry.worker import loops

if __name__ == "__main__":
    Service(NAME, RegistrySettings, create_app, loops).main()
