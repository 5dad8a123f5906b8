"""Every refusal that is the registry's own; each knows its stable code and its Chinese title."""

from libs.common.errors import AppError, Conflict, Forbidden, InvalidInput, Kind, NotFound


class FileRefused(AppError):
    """A file that is not imported at all: nothing of it reaches the register."""

    code, kind, title = "file_refused", Kind.INVALID, "文件未被接受"


class EmptyFile(FileRefused):
    code, title = "empty_file", "文件是空的"


class UnsupportedFile(FileRefused):
    code, title = "unsupported_file", "文件类型不支持"


class UnreadableFile(FileRefused):
    code, title = "unreadable_file", "文件不完整或已损坏"


class DecompressionBomb(FileRefused):
    code, title = "decompression_bomb", "文件解压后过大，拒绝处理"


class TooManyRows(FileRefused):
    code, title = "too_many_rows", "表格行列过多，请拆分后再导入"


class NoHeader(FileRefused):
    code, title = "no_header", "没有找到表头"


class NoAreas(FileRefused):
    code, title = "no_areas", "尚未建立区划，请先导入街道、社区和网格"


class ImportFailed(FileRefused):
    code, title = "import_failed", "多次尝试后仍未能完成导入，什么也没有写入"


class EnterpriseNotFound(NotFound):
    code, title = "enterprise_not_found", "没有找到该单位"


class AreaNotFound(NotFound):
    code, title = "area_not_found", "没有找到该区划"


class PersonNotFound(NotFound):
    code, title = "person_not_found", "没有找到该人员"


class PostNotFound(NotFound):
    code, title = "post_not_found", "该人员没有担任此岗位"


class ImportNotFound(NotFound):
    code, title = "import_not_found", "没有找到该导入任务"


class NotAnAdministrator(Forbidden):
    code, title = "administrator_required", "只有管理员可以维护档案"


class UnknownArea(InvalidInput):
    code, title = "unknown_area", "区划编码不存在"


class DuplicateCreditCode(Conflict):
    code, title = "duplicate_credit_code", "该统一社会信用代码已登记"


class DuplicateEnterprise(Conflict):
    code, title = "duplicate_enterprise", "该社区已有同名且无信用代码的单位"


class DuplicateArea(Conflict):
    code, title = "duplicate_area", "该区划编码已在使用"


class AreaHasParts(Conflict):
    code, title = "area_has_parts", "其下仍有区划或单位，不能撤销"


class ClosedEnterprise(Conflict):
    code, title = "enterprise_closed", "该单位已注销"


class OpenEnterprise(Conflict):
    code, title = "enterprise_open", "该单位没有注销"
