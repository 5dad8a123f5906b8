"""The README says what the code says."""

from pathlib import Path

from libs.common.contracts import CONTRACTS
from libs.common.contracts.notifications import TOPIC
from services.notifications.consumers import TOPICS
from services.notifications.domain.diagram import diagram

README = (Path(__file__).parents[3] / "services" / "notifications" / "README.md").read_text(encoding="utf-8")


def test_the_diagram_is_drawn_from_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in README


def test_what_it_hears_and_announces_is_listed() -> None:
    announced = [contract.event_type for contract in CONTRACTS.values() if contract.topic == TOPIC]
    assert [name for name in (*announced, *TOPICS, TOPIC) if f"`{name}`" not in README] == []


def test_the_files_it_names_exist() -> None:
    folder = Path(__file__).parents[3] / "services" / "notifications"
    named = {word for word in README.split("`") if word.endswith((".py", ".yaml")) and " " not in word}
    assert len(named) > 8
    assert [name for name in named if not (folder / name).exists()] == []
