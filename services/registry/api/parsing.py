"""From request bodies to the values that operations work on, with what the shapes alone cannot tell."""

from collections.abc import Sequence
from typing import Any

from libs.common.errors import FieldError, InvalidInput
from services.registry.api.schemas.enterprises import ContactBody, EnterpriseIn, EnterprisePatch, LicenceBody
from services.registry.domain import credit_codes
from services.registry.domain.ledger.values import phone
from services.registry.domain.records import Contact, EnterpriseRecord, Licence

_NEVER_EMPTY = ("name", "area_code", "head", "officer", "licences")


def to_record(body: EnterpriseIn) -> EnterpriseRecord:
    """The record of a new enterprise; its place is filled in by the operation. Raises InvalidInput."""
    _check_pair(body.longitude, body.latitude)
    return EnterpriseRecord(
        name=body.name,
        community_code="",
        credit_code=to_credit_code(body.credit_code),
        industry_code=body.industry_code,
        venue_type=body.venue_type,
        address=body.address,
        headcount=body.headcount,
        head=_contact(body.head),
        officer=_contact(body.officer),
        risk_level=body.risk_level,
        enterprise_class=body.enterprise_class,
        longitude=body.longitude,
        latitude=body.latitude,
        licences=_licences(body.licences or ()),
        remark=body.remark,
    )


def to_changes(body: EnterprisePatch) -> dict[str, Any]:
    """The fields that a patch sets, null where it empties one. Raises InvalidInput."""
    sent = body.model_fields_set - {"area_code"}
    empty = [name for name in _NEVER_EMPTY if name in body.model_fields_set and getattr(body, name) is None]
    if empty:
        aliases = {name: EnterprisePatch.model_fields[name].alias or name for name in empty}
        raise InvalidInput(errors=[FieldError(f"/{aliases[name]}", "required", "此项不能为空") for name in empty])
    if ("longitude" in sent) != ("latitude" in sent):
        _check_pair(1.0, None)
    if "longitude" in sent:
        _check_pair(body.longitude, body.latitude)
    changes: dict[str, Any] = {name: getattr(body, name) for name in sent}
    if "credit_code" in changes:
        changes["credit_code"] = to_credit_code(body.credit_code)
    if "licences" in changes:
        changes["licences"] = _licences(body.licences or ())
    if "headcount" in changes:
        changes["headcount_text"] = None
    for person in ("head", "officer"):
        if person in changes:
            changes[person] = _contact(changes[person])
    return changes


def to_credit_code(text: str | None) -> str | None:
    """The code in its one form. Raises InvalidInput when it is none or its check character is wrong."""
    if text is None:
        return None
    code = credit_codes.compact(text)
    if len(code) != credit_codes.LENGTH:
        message = "统一社会信用代码应为18位"
        raise InvalidInput(errors=[FieldError("/creditCode", "malformed_credit_code", message)])
    if not credit_codes.is_valid(code):
        message = "统一社会信用代码的校验位不正确"
        raise InvalidInput(errors=[FieldError("/creditCode", "bad_check_digit", message)])
    return code


def _check_pair(longitude: float | None, latitude: float | None) -> None:
    if (longitude is None) != (latitude is None):
        missing = "/longitude" if longitude is None else "/latitude"
        raise InvalidInput(errors=[FieldError(missing, "required", "经度和纬度须一同填写")])


def _contact(body: ContactBody | None) -> Contact:
    return Contact(body.name, phone(body.phone)) if body else Contact()


def _licences(bodies: Sequence[LicenceBody]) -> tuple[Licence, ...]:
    """Of one document there is one last day. Raises InvalidInput for those said twice."""
    documents = [(body.name, body.number) for body in bodies]
    found = [
        FieldError(f"/licences/{at}", "duplicate", "与前面的许可证重复")
        for at, document in enumerate(documents)
        if document in documents[:at]
    ]
    if found:
        raise InvalidInput(errors=found)
    return tuple(Licence(body.name, body.number, body.valid_until) for body in bodies)
