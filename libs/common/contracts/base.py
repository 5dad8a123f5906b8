"""What every public event payload has: a name, a version, a topic; camelCase on the wire, unknown fields ignored."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """A payload that other services rely on. Within a version it only grows; readers ignore what they do not know."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    event_type: ClassVar[str]
    schema_version: ClassVar[int] = 1
    topic: ClassVar[str]

    @classmethod
    def schema_id(cls) -> str:
        """`hazard-found.v1`: the name under which the schema and its golden examples are kept."""
        return f"{cls.event_type}.v{cls.schema_version}"
