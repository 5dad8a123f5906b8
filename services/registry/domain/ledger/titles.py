"""The words that offices put above the columns of a ledger, and what each of them means."""

import re
from enum import StrEnum

from services.registry.domain.text import plain


class Column(StrEnum):
    """What a ledger may say of an enterprise; the value is the usual title."""

    SEQUENCE = "序号"
    STREET = "所属街道"
    NAME = "单位名称"
    CREDIT_CODE = "统一社会信用代码"
    COMMUNITY = "所属社区(村)"
    GRID = "网格编码"
    INDUSTRY = "行业代码"
    VENUE = "场所类型"
    HEADCOUNT = "从业人数"
    ADDRESS = "地址"
    HEAD = "主要负责人"
    HEAD_PHONE = "主要负责人联系电话"
    OFFICER = "安全管理员"
    OFFICER_PHONE = "安全管理员联系电话"
    RISK = "风险等级"
    CLASS = "分类"
    LONGITUDE = "经度"
    LATITUDE = "纬度"
    LICENCE = "许可证名称"
    LICENCE_NUMBER = "许可证编号"
    VALID_UNTIL = "有效期至"
    REMARK = "备注"


_HEAD = r"(主要负责人|企业负责人|单位负责人|法定代表人|法人代表|法人|负责人|业主|经营者)"
_OFFICER = r"(安全(生产)?(管理|负责)(人员|员|人)|安全员|安管员|安全总监)"
_PHONE = r"(联系)?(电话|手机|方式)(号码|号)?"
_NAMED = r"(姓名|名字)?"
_WHOSE = r"(所属|所在|属地|辖区|管辖|隶属)?"
_STREETS = r"(街道|街|乡|镇|办事处|办|[/、或和及])+"
_COMMUNITIES = r"(社区|行政村|村|居民|村民|居|委员会|委会|委|[/、或和及])+"
_UNITS = r"(单位|企业|公司|商户|店铺|门店|商铺|主体|场所|机构|对象|经营户|个体户|个体工商户|[/、或和及])+"
_GRADED = r"(分类|类别|等级|级别|分级)"

# On a title in half-width capitals without blanks, brackets and asterisks. The first that fits is the meaning; of two
# columns with one meaning that counts whose title fits the earlier, hence the plainer, words.
_TITLES: tuple[tuple[re.Pattern[str], Column], ...] = tuple(
    (re.compile(pattern), column)
    for pattern, column in (
        (r"序号?|编号|排序|NO\.?", Column.SEQUENCE),
        (rf"{_HEAD}{_NAMED}(的|及)?{_PHONE}", Column.HEAD_PHONE),
        (rf"{_OFFICER}{_NAMED}(的|及)?{_PHONE}", Column.OFFICER_PHONE),
        (rf"{_OFFICER}{_NAMED}", Column.OFFICER),
        (rf"{_HEAD}{_NAMED}", Column.HEAD),
        (r".*信用(代码|编码|号码|码|号).*|统一(社会)?(代码|编码)", Column.CREDIT_CODE),
        (r".*网格(编码|编号|代码|号|码)?", Column.GRID),
        (rf"(?=.*[街乡镇])(?!.*[村社居]){_WHOSE}{_STREETS}(名称)?|{_WHOSE}办事处(名称)?", Column.STREET),
        (rf"(?=.*[村社居]){_WHOSE}{_COMMUNITIES}(名称)?", Column.COMMUNITY),
        (r"(国民经济)?行业(分类)?(代码|编码|类别代码|小类)?", Column.INDUSTRY),
        (r"场所(类型|类别|性质|种类)?", Column.VENUE),
        (r"(单位|企业|主体)(类型|类别|性质|种类)|类别|类型", Column.VENUE),
        (
            r"(现有|实有|企业|单位|总)*(从业|职工|员工|用工|在岗|在册|就业)*(人员)?(总)?(人数|数量)"
            r"|(从业|职工|员工|用工|在岗|在册)(人员)?(总)?数?|人员总?数",
            Column.HEADCOUNT,
        ),
        (r"(安全)?风险(等级|级别|分级|颜色)?", Column.RISK),
        (
            rf"(企业|单位|场所|安全|生产|监管|管理|评定|分级)*{_GRADED}+(管理|结果)?|(ABCD|A/B/C/D|A、B、C、D|A-D){_GRADED}?类?",
            Column.CLASS,
        ),
        (r".*经度", Column.LONGITUDE),
        (r".*纬度", Column.LATITUDE),
        (r".*(许可证?|证照|资质|执照)(件)?(编号|证号|号码|号)|证号|证书编号", Column.LICENCE_NUMBER),
        (r".*(许可证?|证照|资质|执照)(件)?(名称|种类|类型)?|证书名称", Column.LICENCE),
        (
            r".*(有效期|到期日|截止日|有效日期|到期时间|有效至).*|.*(许可证?|证照|证书).*期限(至|止)?",
            Column.VALID_UNTIL,
        ),
        (r"备注(说明)?|说明", Column.REMARK),
        (r".*(地址|住所|位置)", Column.ADDRESS),
        (rf"(生产|经营|市场|被?监管|被?检查)*{_UNITS}(名称?|全称)|名称", Column.NAME),
        (r"(生产)?经营(单位|企业|主体)|市场主体|单位|企业|商户", Column.NAME),
    )
)
_UNOWNED_PHONE = re.compile(_PHONE)
_PART_OF_A_PERSON = re.compile(r"姓名|名字|职务")
_FIRST_DAY = re.compile(r"(?!.*[止至终截])(?!.*到期).*(有效|期限).*[起自始].*")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|[*:※]")


def bare(title: str) -> str:
    """The title without what does not tell columns apart."""
    return _ASIDE.sub("", plain(title))


def meaning(title: str) -> tuple[int, Column] | None:
    """What the column holds, with the rank of these words among all for the same; None for a title not known."""
    if _FIRST_DAY.fullmatch(plain(title)):
        return None  # `有效期(起)` is no day on which anything ends
    words = bare(title)
    return next(((rank, column) for rank, (known, column) in enumerate(_TITLES) if known.fullmatch(words)), None)


def is_unowned_phone(title: str) -> bool:
    """Whether the column holds a phone of somebody whom the title does not name."""
    return bool(_UNOWNED_PHONE.fullmatch(bare(title)))


def is_title(text: str) -> bool:
    """Whether the text would be understood above a column."""
    return meaning(text) is not None or is_unowned_phone(text) or bool(_PART_OF_A_PERSON.fullmatch(bare(text)))
