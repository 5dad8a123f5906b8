"""The one shape of every refusal: a small class with a stable code, a kind and facts; no status codes here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What sort of refusal it is; `libs/common/http.py` alone turns it into a status."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD = "method"
    CONFLICT = "conflict"
    STALE = "stale"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    PRECONDITION_REQUIRED = "precondition_required"
    BUSY = "busy"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field at fault: JSON pointer into the request, stable English code, Chinese sentence."""

    pointer: str
    code: str
    message: str


class AppError(Exception):
    """Root of every refusal. `title` is what the class means, in Chinese; `detail` is about this one case."""

    code: ClassVar[str] = "internal_error"
    kind: ClassVar[Kind] = Kind.INTERNAL
    title: ClassVar[str] = "系统内部错误"

    def __init__(self, detail: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)


class MalformedRequest(AppError):
    code, kind, title = "malformed_request", Kind.MALFORMED, "请求无法解析"


class Unauthenticated(AppError):
    code, kind, title = "unauthenticated", Kind.UNAUTHENTICATED, "缺少有效的访问令牌"


class Forbidden(AppError):
    code, kind, title = "forbidden", Kind.FORBIDDEN, "没有执行此操作的权限"


class NotFound(AppError):
    code, kind, title = "not_found", Kind.NOT_FOUND, "没有找到"


class Conflict(AppError):
    code, kind, title = "conflict", Kind.CONFLICT, "与现有数据冲突"


class StaleVersion(AppError):
    code, kind, title = "stale_version", Kind.STALE, "数据已被他人修改，请刷新后再试"


class PreconditionRequired(AppError):
    code, kind, title = "precondition_required", Kind.PRECONDITION_REQUIRED, "修改前须用 If-Match 说明所依据的版本"


class TooLarge(AppError):
    code, kind, title = "body_too_large", Kind.TOO_LARGE, "请求内容过大"


class UnsupportedMedia(AppError):
    code, kind, title = "unsupported_media_type", Kind.UNSUPPORTED, "不支持的内容类型"


class InvalidInput(AppError):
    code, kind, title = "invalid_input", Kind.INVALID, "提交的内容有误"


class InvalidCursor(InvalidInput):
    code, title = "invalid_cursor", "翻页标记无效"


class IdempotencyKeyReused(AppError):
    code, kind, title = "idempotency_key_reused", Kind.INVALID, "该 Idempotency-Key 已用于另一份内容"


class Busy(AppError):
    code, kind, title = "busy", Kind.BUSY, "系统繁忙，请稍后重试"


class DatabaseUnavailable(Busy):
    code, title = "database_unavailable", "数据库暂时不可用，请稍后重试"


class Overloaded(Busy):
    """The queue is full: what comes now would wait longer than its caller."""


class Contended(Busy):
    """Another transaction was in the way (a deadlock): nothing was done, and a repetition will do."""


class OutcomeUnknown(Busy):
    """The connection broke during COMMIT: ask again with the same Idempotency-Key."""

    code, title = "outcome_unknown", "提交结果未知，请用同一 Idempotency-Key 重试"
