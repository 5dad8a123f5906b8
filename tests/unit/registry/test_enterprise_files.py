"""An enterprise's file: its history of classes and risk levels, its contacts, what a change amounts to."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.actors import Actor, Role, Scope, Tier
from libs.common.errors import AppError, InvalidInput
from services.registry.domain import errors, filing
from services.registry.domain.enterprises import (
    Enterprise,
    Grading,
    GradingKind,
    Status,
    amended,
    registered,
    value_on,
)
from services.registry.domain.levels import RiskLevel
from services.registry.domain.people import PostRole, masked, may_read_phones, role_fits
from services.registry.domain.permissions import must_administer, must_grade
from services.registry.domain.places import AreaLevel, KnownArea
from services.registry.domain.records import Contact, EnterpriseRecord, Licence
from tests.support.registry import COMMUNITY, GRID, STREET, credit_code

NOW = datetime(2026, 9, 24, 2, tzinfo=UTC)
TODAY = NOW.date()
SCHEME = frozenset("ABCD")


def actor(tier: Tier = Tier.STREET, path: str = "410503001", *roles: Role) -> Actor:
    return Actor("someone", tier, frozenset(roles or {Role.ADMINISTRATOR}), Scope(path))


def on_file(**fields: object) -> Enterprise:
    record = EnterpriseRecord("甲厂", COMMUNITY, **fields)  # type: ignore[arg-type]
    return registered(record, NOW, uuid4).after


def grading(kind: GradingKind, value: str, day: date, recorded: datetime = NOW) -> Grading:
    return Grading(uuid4(), UUID(int=1), kind, value, day, "评定", "someone", recorded)


def test_a_new_file_is_version_one_and_names_its_contacts() -> None:
    people = Contact("张"), Contact("李", "1")
    record = EnterpriseRecord(
        "甲厂", COMMUNITY, grid_code=GRID, enterprise_class="B", head=people[0], officer=people[1]
    )
    made = registered(record, NOW, uuid4)
    assert (made.after.version, made.after.area_code, made.after.area_path) == (1, GRID, GRID)
    assert made.grades == {GradingKind.CLASS: "B"}
    assert [change.role for change in made.contacts] == [PostRole.ENTERPRISE_HEAD, PostRole.SAFETY_OFFICER]
    assert made.after.contact_ids == [change.person_id for change in made.contacts]


def test_another_phone_is_the_same_person_and_another_name_is_another() -> None:
    before = on_file(head=Contact("张", "1"))
    (holder,) = before.contact_ids
    phone = amended(before, {"head": Contact("张", "2")}, NOW, uuid4)
    assert phone.after.contact_ids == [holder]
    assert not phone.contacts[0].is_new
    name = amended(before, {"head": Contact("王", "2")}, NOW, uuid4)
    assert name.contacts[0].ends == holder
    assert holder not in name.after.contact_ids
    assert len(name.after.contact_ids) == 1


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ABCD")), min_size=1, max_size=12), st.integers(-1, 61))
def test_the_class_of_any_day_is_the_last_given_before_it(given_classes: list[tuple[int, str]], asked: int) -> None:
    first = date(2026, 1, 1)
    history = [
        grading(GradingKind.CLASS, value, first + timedelta(days=day), NOW + timedelta(seconds=nr))
        for nr, (day, value) in enumerate(given_classes)
    ]
    expected = None
    for day in range(asked + 1):
        expected = next((value for at, value in reversed(given_classes) if at == day), expected)
    assert value_on(history, GradingKind.CLASS, first + timedelta(days=asked)) == expected
    assert value_on(history, GradingKind.RISK, first) is None


def test_a_grading_for_an_earlier_day_does_not_undo_a_later_one() -> None:
    enterprise = on_file(enterprise_class="B")
    history = [grading(GradingKind.CLASS, "B", date(2026, 6, 1))]
    early = grading(GradingKind.CLASS, "D", date(2026, 1, 1))
    assert filing.graded(enterprise, early, history, TODAY, SCHEME) == {}
    late = grading(GradingKind.CLASS, "D", date(2026, 7, 1))
    assert filing.graded(enterprise, late, history, TODAY, SCHEME) == {"enterprise_class": "D"}
    risk = grading(GradingKind.RISK, "red", TODAY)
    assert filing.graded(enterprise, risk, history, TODAY, SCHEME) == {"risk_level": RiskLevel.RED}


def test_gradings_that_are_refused() -> None:
    enterprise = on_file()
    with pytest.raises(InvalidInput) as refused:
        filing.graded(enterprise, grading(GradingKind.CLASS, "B", TODAY + timedelta(days=1)), [], TODAY, SCHEME)
    assert refused.value.errors[0].code == "in_the_future"
    with pytest.raises(InvalidInput) as refused:
        filing.graded(enterprise, grading(GradingKind.CLASS, "Z", TODAY), [], TODAY, SCHEME)
    assert refused.value.errors[0].code == "unknown_class"
    closed = filing.with_status(amended(enterprise, {}, NOW, uuid4), Status.CLOSED).after
    with pytest.raises(errors.ClosedEnterprise):
        filing.graded(closed, grading(GradingKind.RISK, "red", TODAY), [], TODAY, SCHEME)
    with pytest.raises(errors.ClosedEnterprise):
        filing.with_status(amended(closed, {}, NOW, uuid4), Status.CLOSED)
    with pytest.raises(errors.OpenEnterprise):
        filing.with_status(amended(enterprise, {}, NOW, uuid4), Status.ACTIVE)


def test_only_what_is_different_is_a_change() -> None:
    paper = Licence("食品经营许可证", "1", date(2027, 1, 1))
    enterprise = on_file(headcount=5, remark="旧", head=Contact("张", "1"), licences=(paper,))
    assert filing.real_changes(enterprise, {"headcount": 5, "name": "甲厂"}) == {}
    assert filing.real_changes(enterprise, {"remark": None}) == {"remark": None}
    assert filing.real_changes(enterprise, {"name": "乙厂"}) == {"name": "乙厂"}
    assert filing.real_changes(enterprise, {"head": Contact(None, "2")}) == {"head": Contact("张", "2")}
    renewed = Licence("食品经营许可证", "1", date(2028, 1, 1))
    assert filing.real_changes(enterprise, {"licences": (renewed,)}) == {"licences": (renewed,)}
    moved = filing.real_changes(enterprise, {"community_code": COMMUNITY, "grid_code": GRID})
    assert moved == {"grid_code": GRID}


def test_an_enterprise_lies_in_a_community_or_grid_within_the_scope() -> None:
    areas = {
        COMMUNITY: KnownArea(COMMUNITY, COMMUNITY, "北关社区", AreaLevel.COMMUNITY),
        GRID: KnownArea(GRID, GRID, "北关第1网格", AreaLevel.GRID),
        STREET: KnownArea(STREET, "410503001", "彰北街道", AreaLevel.STREET),
    }
    assert filing.node_for(GRID, areas, actor()) == filing.Node(COMMUNITY, GRID)
    assert filing.node_for(COMMUNITY, areas, actor()) == filing.Node(COMMUNITY, None)
    for code, who in ((STREET, actor()), ("410503001009", actor()), (COMMUNITY, actor(path="410503002"))):
        with pytest.raises(errors.UnknownArea):
            filing.node_for(code, areas, who)


def test_nobody_is_registered_twice() -> None:
    numbered, plain = on_file(credit_code=credit_code(1)), on_file()
    with pytest.raises(errors.DuplicateCreditCode):
        filing.check_single(EnterpriseRecord("乙厂", COMMUNITY, credit_code(1)), [numbered])
    with pytest.raises(errors.DuplicateEnterprise):
        filing.check_single(EnterpriseRecord("甲 厂", COMMUNITY), [plain])
    filing.check_single(EnterpriseRecord("甲厂", COMMUNITY), [numbered])
    filing.check_single(EnterpriseRecord("甲厂", "410503001002"), [plain])


def test_who_keeps_files_and_who_grades() -> None:
    must_administer(actor())
    must_grade(actor(Tier.STREET, "410503001", Role.OFFICER))
    for who in (actor(Tier.COMMUNITY), actor(Tier.STREET, "410503001", Role.OFFICER), actor(Tier.ENTERPRISE)):
        with pytest.raises(errors.NotAnAdministrator):
            must_administer(who)
    for who in (actor(Tier.COMMUNITY, COMMUNITY, Role.OFFICER), actor(Tier.STREET, "410503001", Role.LEADER)):
        with pytest.raises(AppError):
            must_grade(who)


def test_posts_and_phones() -> None:
    assert role_fits(PostRole.GRID_WORKER, AreaLevel.GRID)
    assert not role_fits(PostRole.GRID_WORKER, AreaLevel.STREET)
    assert not role_fits(PostRole.ENTERPRISE_HEAD, AreaLevel.GRID)
    assert masked("13800000001") == "138****0001"
    assert (masked("110"), masked(None)) == ("****", None)
    assert may_read_phones(actor(Tier.COMMUNITY, COMMUNITY, Role.GRID_WORKER))
    assert not may_read_phones(actor(Tier.SYSTEM, "", Role.SYSTEM))
