"""`python -m deploy.local.story`: plays the story, or goes on with it, then leaves the marker that it is told."""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from deploy.local.api import Address, Api, Refused
from deploy.local.problems import LocalProblem
from deploy.local.seed import address_from_environment, district_code
from deploy.local.story.book import Book
from deploy.local.story.phone import Phone
from deploy.local.story.place import Place
from deploy.local.story.scenes import SCENES
from deploy.local.story.setting import choose_place, hang_up, set_clocks, set_people
from deploy.local.story.stage import Stage
from libs.common.actors import Tier
from libs.common.clock import SHANGHAI

_SITTING = timedelta(minutes=30)


def main(var: Path, sample: Path, address: Address, bus: str) -> None:
    """Play every scene that has not been played yet; once over each kind of bus."""
    book = Book.open(var / "story.json", bus)
    if book.finished and _is_gone(book, var, address):
        book.shelve()
        book = Book.open(var / "story.json", bus)
    if not book.finished:
        print("故事继续 · the story goes on" if book.continues else "故事开始 · the story begins", flush=True)
        with Api(address, var / "issuer") as api, Phone(book.get("phone", 0), var / "story-calls.jsonl") as phone:
            api.wait_ready()
            book["phone"] = phone.port
            stage = Stage(api, book, phone)
            if datetime.now(SHANGHAI) - stage.began > _SITTING:
                _sit_down_again(book)
            _play(stage, district_code(sample / "areas.csv"))
        book["finished"] = True
        print("故事结束 · the story has come to its end", flush=True)
    (var / "run" / "story.done").touch()


def _is_gone(book: Book, var: Path, address: Address) -> bool:
    """Whether the hazards service has forgotten what was told: its database was emptied."""
    place = Place(**book["place"])
    with Api(address, var / "issuer") as api:
        token = api.token(Tier.STREET, place.street, person="story")
        return not api.knows("hazards", f"/v1/hazards/{book['hazard']}", token)


def _sit_down_again(book: Book) -> None:
    """After a long break the rows that say seconds have run out: they are entered anew, then the story goes on."""
    book["began"] = None
    book["sitting"] = book.get("sitting", 0) + 1
    for scene in (set_clocks, set_people):
        book[f"played-{scene.__name__}"] = False


def _play(stage: Stage, district: str) -> None:
    stage.place = choose_place(stage, district)
    for scene in (set_clocks, set_people, *SCENES, hang_up):
        if stage.book.get(f"played-{scene.__name__}"):
            continue
        scene(stage)
        stage.book[f"played-{scene.__name__}"] = True


if __name__ == "__main__":
    try:
        main(Path(os.environ["VAR"]), Path(os.environ["SAMPLE"]), address_from_environment(), os.environ["BUS"])
    except LocalProblem as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
    except (Refused, TimeoutError, httpx.TransportError) as error:
        print(f"the story was interrupted and begins again where it was: {error}", file=sys.stderr)
        sys.exit(1)
