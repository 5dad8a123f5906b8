"""Settings of the registry, each an environment variable."""

from libs.common.settings import ServiceSettings


class RegistrySettings(ServiceSettings):
    """What this service asks for beyond the shared settings."""

    port: int = 8001
