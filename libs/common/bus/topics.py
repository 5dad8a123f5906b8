"""Reads `deploy/topics.yaml`: which topics the system has, and how each is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from libs.common.bus.base import TopicSpec

TOPICS_FILE: Final = Path(__file__).parents[3] / "deploy" / "topics.yaml"
DEFAULT_PARTITIONS: Final = 8
_FIELDS: Final = {"partitions", "compacted", "retentionDays"}


def load_topics(path: Path = TOPICS_FILE) -> list[TopicSpec]:
    """The topics of the file, in its order. ValueError names the topic and the field that is wrong."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    topics = content.get("topics") if isinstance(content, dict) else None
    if not isinstance(topics, dict):
        raise ValueError(f"{path}: expected a mapping `topics` of names to settings")
    return [_topic(name, settings or {}) for name, settings in topics.items()]


def _topic(name: str, settings: dict[str, Any]) -> TopicSpec:
    if unknown := set(settings) - _FIELDS:
        raise ValueError(f"topic {name}: unknown {', '.join(sorted(unknown))}")
    partitions = settings.get("partitions", DEFAULT_PARTITIONS)
    compacted = settings.get("compacted", False)
    days = settings.get("retentionDays")
    if not isinstance(partitions, int) or isinstance(partitions, bool) or not 1 <= partitions <= 1000:
        raise ValueError(f"topic {name}: partitions must be a number between 1 and 1000")
    if not isinstance(compacted, bool):
        raise ValueError(f"topic {name}: compacted must be true or false")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 1):
        raise ValueError(f"topic {name}: retentionDays must be a number of days, or absent to keep everything")
    return TopicSpec(name, partitions, compacted, None if days is None else timedelta(days=days))
