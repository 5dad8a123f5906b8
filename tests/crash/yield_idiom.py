"""The control of `false-acknowledgement`: reports as tutorials write them, the commit in a `yield` dependency.

FastAPI ends such a dependency after the answer has left: whoever reads 201 does not know whether anything was kept.
"""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from libs.common.tables import new_registry


class Base(SQLModel, registry=new_registry()):
    """Metadata of its own."""


class Report(Base, table=True):
    """What is kept of a report."""

    __tablename__ = "reports"

    id: int | None = Field(default=None, primary_key=True)
    place: str


engine = create_async_engine(
    make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+asyncpg"), pool_size=10, pool_pre_ping=True
)
app = FastAPI()


async def get_session() -> AsyncIterator[AsyncSession]:
    """One session and one commit a request."""
    async with AsyncSession(engine) as session:
        yield session
        await session.commit()


@app.post("/v1/hazards", status_code=201)
async def report(body: dict[str, Any], session: Annotated[AsyncSession, Depends(get_session)]) -> dict[str, str]:
    """Reports a hazard."""
    session.add(Report(place=body["place"]))
    await session.flush()
    return {"place": body["place"]}


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """It answers."""
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None, access_log=False)
