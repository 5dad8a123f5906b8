"""Settings every service shares, each an environment variable named in `.env.example`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_ISSUER = "https://issuer.hazardloop.invalid/development"


class ServiceSettings(BaseSettings):
    """What a process must know to run.

    Refuses the development issuer in production at start, not at the first request.
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

    auth_issuer: str = DEVELOPMENT_ISSUER
    auth_audience: str = "hazardloop"
    auth_jwks: str = ""  # a path, or an http(s) address of the issuer's key set
    auth_algorithm: Literal["ES256", "RS256", "PS256", "EdDSA"] = "ES256"

    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    max_upload_bytes: int = Field(default=33_554_432, ge=1024)
    var: Path = Path("var")

    @model_validator(mode="after")
    def _no_development_issuer_in_production(self) -> "ServiceSettings":
        if self.environment == "production" and self.auth_issuer == DEVELOPMENT_ISSUER:
            raise ValueError("AUTH_ISSUER: the development issuer is refused when ENVIRONMENT=production")
        return self
