"""The book of the story: what was told is not told again, and over another bus a new story begins."""

from pathlib import Path

from deploy.local.story.book import Book


def test_a_told_story_stays_told_over_the_same_bus(tmp_path: Path) -> None:
    told = Book.open(tmp_path / "story.json", "postgres")
    told["finished"] = True

    again = Book.open(tmp_path / "story.json", "postgres")

    assert again.finished
    assert again.key("report") == told.key("report")


def test_over_another_bus_a_new_story_with_keys_of_its_own_begins(tmp_path: Path) -> None:
    told = Book.open(tmp_path / "story.json", "postgres")
    told["finished"] = True

    fresh = Book.open(tmp_path / "story.json", "kafka")

    assert not fresh.finished
    assert fresh.key("report") != told.key("report")
    assert (tmp_path / f"story-{told['id']}.json").exists()


def test_a_story_cut_off_goes_on_whatever_the_bus(tmp_path: Path) -> None:
    begun = Book.open(tmp_path / "story.json", "postgres")

    on = Book.open(tmp_path / "story.json", "kafka")

    assert on.continues
    assert on.key("report") == begun.key("report")
