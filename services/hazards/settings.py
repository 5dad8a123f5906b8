"""Settings of the hazards service, each an environment variable."""

from pydantic import Field

from libs.common.settings import ServiceSettings


class HazardsSettings(ServiceSettings):
    """What this service asks for beyond the shared settings."""

    port: int = 8002
    max_body_bytes: int = Field(default=4_194_304, ge=1024)  # a full batch of 1,000 reports
    sweep_seconds: float = Field(default=0.2, gt=0)
    fold_seconds: float = Field(default=0.5, gt=0)
