"""The refusals of the closed loop: stable codes for programs, Chinese titles for staff."""

from libs.common.errors import AppError, InvalidInput, Kind


class HazardNotFound(AppError):
    code, kind, title = "hazard_not_found", Kind.NOT_FOUND, "没有找到该隐患"


class MoveNotAllowed(AppError):
    """The table has no row for this move from the hazard's state."""

    code, kind, title = "move_not_allowed", Kind.CONFLICT, "隐患当前状态不允许此操作"


class WrongRole(AppError):
    code, kind, title = "wrong_role", Kind.FORBIDDEN, "您的岗位不能执行此操作"


class LevelNeedsOfficer(AppError):
    """Order 16 leaves majors to the authority: a grid worker may only suggest one."""

    code, kind, title = "level_needs_officer", Kind.FORBIDDEN, "重大隐患须由执法人员处理"


class SamePerson(AppError):
    code, kind, title = "same_person", Kind.FORBIDDEN, "复查人不得是提交整改的人"


class NotDue(AppError):
    """A timer rang for something that has happened, or is not to happen yet."""

    code, kind, title = "not_due", Kind.CONFLICT, "时限未到或已处理"


class OrderIncomplete(InvalidInput):
    """One of the five required fields of an order is missing; `errors` has one code for each."""

    code, title = "order_incomplete", "交办须落实措施、责任、时限、资金、预案"


class BadTimeLimit(InvalidInput):
    code, title = "bad_time_limit", "整改时限有误"


class FindingIncomplete(InvalidInput):
    """A verification lacks its category or the basis that its level calls for."""

    code, title = "finding_incomplete", "核实结论不完整"


class UnknownCategory(InvalidInput):
    code, title = "unknown_category", "没有这个隐患类别"


class UnknownEnterprise(InvalidInput):
    """Not in the copy of the registry, or outside the caller's scope: which of the two is not said."""

    code, title = "unknown_enterprise", "没有找到该企业"


class UnknownArea(InvalidInput):
    """Not in the copy of the registry, or outside the caller's scope: which of the two is not said."""

    code, title = "unknown_area", "没有找到该区域"


class PlaceMissing(InvalidInput):
    code, title = "place_missing", "须填写企业，或填写区域和地点"


class SourceNotAllowed(InvalidInput):
    code, title = "source_not_allowed", "企业只能上报自查隐患"


class BadPolicy(InvalidInput):
    code, title = "bad_policy", "规则内容有误"
