"""Settings every service shares, each an environment variable named in `.env.example`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common import failpoints

DEVELOPMENT_ISSUER = "https://issuer.hazardloop.invalid/development"


class ServiceSettings(BaseSettings):
    """What a process must know to run.

    Refuses the development issuer and failpoints in production at start, not at the first request.
    """

    model_config = SettingsConfigDict(extra="ignore")

    environment: Literal["development", "test", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = 8000
    log_level: str = "INFO"
    instance: str = ""  # shown by /readyz, so that whoever started this process knows that it is the one who answers
    database_url: str = "postgresql://127.0.0.1/postgres"
    database_pool_size: int = Field(default=10, ge=2, le=200)

    bus: Literal["postgres", "kafka"] = "postgres"
    bus_database_url: str = ""
    kafka_bootstrap_servers: str = ""
    bus_session_seconds: float = Field(default=10.0, ge=1, le=300)  # a member silent for so long loses its partitions

    auth_issuer: str = DEVELOPMENT_ISSUER
    auth_audience: str = "hazardloop"
    auth_jwks: str = ""  # a path, or an http(s) address of the issuer's key set
    auth_algorithm: Literal["ES256", "RS256", "PS256", "EdDSA"] = "ES256"

    idempotency_hours: int = Field(default=48, ge=24, le=8760)  # how long a key gets its former answer again

    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    max_upload_bytes: int = Field(default=33_554_432, ge=1024)
    var: Path = Path("var")
    failpoints: str = ""  # where this process dies, see libs/common/failpoints.py; for crash tests alone
    failpoints_witness: str = ""  # a file that hears of every failpoint reached

    @field_validator("failpoints")
    @classmethod
    def _failpoints_can_be_read(cls, value: str) -> str:
        failpoints.check(value)
        return value

    @model_validator(mode="after")
    def _nothing_for_development_in_production(self) -> "ServiceSettings":
        if self.environment == "production" and self.auth_issuer == DEVELOPMENT_ISSUER:
            raise ValueError("AUTH_ISSUER: the development issuer is refused when ENVIRONMENT=production")
        if self.environment == "production" and self.failpoints:
            raise ValueError("FAILPOINTS: refused when ENVIRONMENT=production")
        return self
