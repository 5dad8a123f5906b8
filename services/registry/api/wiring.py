"""What the routes of this service stand on: the database and the operations, made once a process."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from libs.common.clock import Clock
from libs.common.db import Database, Record
from libs.common.operation import Operation
from services.registry.api import rendering
from services.registry.domain.classes import ClassScheme
from services.registry.operations import areas, enterprises, people
from services.registry.operations.class_schemes import SetScheme, set_schemes
from services.registry.operations.commands import Change, Filed, Register
from services.registry.operations.uploads import queue_imports
from services.registry.store.imports import Upload


@dataclass(frozen=True)
class Wiring:
    db: Database
    clock: Clock
    register: Operation[Register, Filed]
    change: Operation[Change, Filed]
    make_area: Operation[areas.MakeArea, areas.AreaFiled]
    change_area: Operation[areas.RenameArea | areas.EndArea, areas.AreaFiled]
    add_person: Operation[people.AddPerson, people.PersonFiled]
    correct_person: Operation[people.CorrectPerson, people.PersonFiled]
    set_post: Operation[people.SetPost, people.PostFiled]
    queue_import: Operation[Upload, Record]
    set_scheme: Operation[SetScheme, ClassScheme]

    async def drain(self) -> None:
        """Returns when every command submitted so far has been answered."""
        operations = (self.register, self.change, self.make_area, self.change_area, self.add_person)
        for operation in (*operations, self.correct_person, self.set_post, self.queue_import, self.set_scheme):
            await operation.drain()


def wire(db: Database, clock: Clock) -> Wiring:
    """The operations over this database."""
    return Wiring(
        db=db,
        clock=clock,
        register=Operation("register_enterprise", db, clock, enterprises.register, rendering.enterprise_created),
        change=Operation("change_enterprise", db, clock, enterprises.change, rendering.enterprise_changed),
        make_area=Operation("make_area", db, clock, areas.make_areas, rendering.area_created),
        change_area=Operation("change_area", db, clock, areas.change_areas, rendering.area_changed),
        add_person=Operation("add_person", db, clock, people.add_persons, rendering.person_created),
        correct_person=Operation("correct_person", db, clock, people.correct_persons, rendering.person_changed),
        set_post=Operation("set_post", db, clock, people.set_posts, rendering.post_set),
        queue_import=Operation("queue_import", db, clock, queue_imports, rendering.import_queued, max_batch=4),
        set_scheme=Operation("set_class_scheme", db, clock, set_schemes, rendering.scheme_set),
    )


def _wiring(request: Request) -> Wiring:
    wiring: Wiring = request.app.state.wiring
    return wiring


Wired = Annotated[Wiring, Depends(_wiring)]
