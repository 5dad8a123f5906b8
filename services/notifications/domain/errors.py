"""Refusals of this service, each with a stable code."""

from libs.common.errors import Conflict, InvalidInput


class AlertClosed(Conflict):
    """The case is over: nobody needs to answer any more."""

    code, title = "alert_closed", "该提醒已无需处理"


class IllegalMove(Conflict):
    """The table of `ladder.py` has no such move from that state."""

    code, title = "illegal_move", "当前状态不允许此操作"


class DeliveryNotDead(Conflict):
    """Only a message that was given up can be sent again by hand."""

    code, title = "delivery_not_dead", "该消息并未停止投递，无需重投"


class UnknownArea(InvalidInput):
    """Not in the copy of the registry, or outside the caller's scope: which of the two is not said."""

    code, title = "unknown_area", "没有这个区域，或不在管辖范围内"


class ContactExists(Conflict):
    """The person already has an address on that channel for that area."""

    code, title = "contact_exists", "该人员在此区域已登记同一渠道的联系方式"


class PolicyExists(Conflict):
    """A row with that code already begins at that instant."""

    code, title = "policy_exists", "同一编码的规则已在该时刻生效"


class BadTemplate(InvalidInput):
    """The text names a placeholder that does not exist, or leaves out one that must be there."""

    code, title = "bad_template", "模板中的占位符有误"


class BadLadder(InvalidInput):
    """A ladder without rungs, or one whose last rung gives nobody time to answer."""

    code, title = "bad_ladder", "提醒层级设置有误"
