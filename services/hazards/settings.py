"""Settings of the hazards service, each an environment variable."""

from pydantic import Field

from libs.common.settings import ServiceSettings


class HazardsSettings(ServiceSettings):
    """What this service asks for beyond the shared settings."""

    port: int = 8002
    max_batch_bytes: int = Field(default=8_388_608, ge=1024)  # 1,000 reports, each character sent as its escape
    sweep_seconds: float = Field(default=0.2, gt=0)
    fold_seconds: float = Field(default=0.5, gt=0)
