"""Checks payloads against JSON schemas with formats taken seriously."""

from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter, ValidationError
from pydantic.types import AwareDatetime

FORMATS = FormatChecker(formats=("uuid", "date"))
_INSTANT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


@FORMATS.checks("date-time")
def _is_rfc3339(value: object) -> bool:
    """jsonschema leaves this format to a package of its own; an instant without a zone is none."""
    if not isinstance(value, str):
        return True
    try:
        _INSTANT.validate_strings(value)
    except ValidationError:
        return False
    return "T" in value


def faults(payload: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with the payload, as `pointer: message`; the schema itself is checked first."""
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FORMATS)
    return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(payload)]
