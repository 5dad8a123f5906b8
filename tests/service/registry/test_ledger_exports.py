"""What goes out can come in again: an export, imported, changes nothing, and elsewhere makes the same register."""

from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from tests.service.registry.conftest import World
from tests.support import registry as files
from tests.support.registry import Office, credit_code, workbook


async def exported(world: World, code: str = files.DISTRICT) -> bytes:
    answer = await world.district().get(f"/v1/areas/{code}/ledger")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=ledger.xlsx; filename*=UTF-8''")
    return answer.content


async def fill(world: World) -> None:
    near = Office(merge_communities=True)
    near.add(name="甲厂", code=credit_code(1), grid=files.GRID, headcount="约30人", risk="橙", grade="C", remark="=1+1")
    near.add(
        name='乙店 <&> "x" 𠮷',
        licence="食品经营许可证",
        licence_number="1",
        until="2027-1-1",
        longitude=114.3,
        latitude=36.1,
    )
    near.add(name="丙厂", community="安居社区", code=credit_code(3), licence="证", licence_number="1")
    near.add(name="丙厂", community="安居社区", code=credit_code(3), licence="证", licence_number="2", until="长期")
    job = await world.imported(world.district(), "enterprises", workbook(near, Office("红旗路街道").add(name="丁厂")))
    assert (job["created"], job["updated"], job["rejected"]) == (4, 1, 0), job


async def test_an_export_comes_in_again_and_changes_nothing(world: World) -> None:
    await fill(world)
    data = await exported(world)
    before = await world.counts()
    job = await world.imported(world.district(), "enterprises", data)
    assert (job["rows"], job["unchanged"], job["warnings"]) == (5, 5, 0), job
    assert await world.counts() == before


async def test_an_emptied_register_is_filled_again_from_an_export(world: World) -> None:
    await fill(world)
    data = await exported(world)
    volatile = {"id", "createdAt", "changedAt", "contactPersonIds", "version"}

    async def content() -> list[dict[str, Any]]:
        listed = await world.district().items("/v1/enterprises")
        plain = [{name: value for name, value in one.items() if name not in volatile} for one in listed]
        return sorted(plain, key=lambda one: str(one["name"]))

    before = await content()
    async with world.db.transaction() as tx:
        await tx.execute("TRUNCATE enterprises CASCADE")
    job = await world.imported(world.district(), "enterprises", data)
    assert job["rejected"] == 0
    assert await content() == before


async def test_spreadsheet_programs_read_it_and_meet_no_formula(world: World) -> None:
    await fill(world)
    book = load_workbook(BytesIO(await exported(world)))
    assert book.sheetnames == ["彰北街道", "红旗路街道"]
    sheet = book["彰北街道"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert [cell.value for cell in cells if str(cell.value).startswith("=")] == ["=1+1"]
    assert all(cell.data_type != "f" for cell in cells)
    assert "D4:D5" in {str(merged) for merged in sheet.merged_cells.ranges}


async def test_an_export_covers_the_own_scope_alone(world: World) -> None:
    await fill(world)
    one = load_workbook(BytesIO(await exported(world, files.FAR_COMMUNITY)))
    assert one.sheetnames == ["红旗路街道"]
    for clerk, code in ((world.street(), files.DISTRICT), (world.district(), "410503001009")):
        assert (await clerk.get(f"/v1/areas/{code}/ledger")).status_code == 404
    own = await world.street().get(f"/v1/areas/{files.STREET}/ledger")
    assert load_workbook(BytesIO(own.content)).sheetnames == ["彰北街道"]
    for outsider in (world.community(), world.enterprise("01980000-0000-7000-8000-000000000001")):
        assert (await outsider.get(f"/v1/areas/{files.COMMUNITY}/ledger")).status_code == 403
    assert (await world.district().get("/v1/areas/4105/ledger")).status_code == 422
    async with world.db.transaction() as tx:
        await tx.execute("TRUNCATE enterprises CASCADE")
    assert load_workbook(BytesIO(await exported(world))).sheetnames == ["台账"]
