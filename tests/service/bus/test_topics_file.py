"""The file of topics: what it says arrives, and a slip in it is named."""

from datetime import timedelta
from pathlib import Path

import pytest

from libs.common.bus.base import TopicSpec
from libs.common.bus.topics import load_topics


def test_the_topics_of_the_system() -> None:
    topics = {topic.name: topic for topic in load_topics()}
    assert set(topics) == {"registry.areas", "registry.enterprises", "hazards.hazards", "notifications.alerts"}
    assert topics["registry.enterprises"].compacted
    assert topics["hazards.hazards"] == TopicSpec("hazards.hazards", 8, compacted=False, retention=None)


def test_settings_and_their_defaults(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics:\n  a:\n  b: {partitions: 3, compacted: true}\n  c: {retentionDays: 7}\n")
    assert load_topics(file) == [TopicSpec("a"), TopicSpec("b", 3, True), TopicSpec("c", retention=timedelta(days=7))]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("topics:\n  a: {partition: 3}\n", "topic a: unknown partition"),
        ("topics:\n  a: {partitions: 0}\n", "topic a: partitions"),
        ("topics:\n  a: {partitions: true}\n", "topic a: partitions"),
        ("topics:\n  a: {compacted: 1}\n", "topic a: compacted"),
        ("topics:\n  a: {retentionDays: P7D}\n", "topic a: retentionDays"),
        ("- a\n", "mapping `topics`"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=named):
        load_topics(file)
