"""Citations as staff write them."""

import pytest

from services.hazards.domain.basis import Basis


@pytest.mark.parametrize(
    ("text", "standard", "version", "clause"),
    [
        ("GB 35181-2025 第6.1条", "GB 35181", "2025", "第6.1条"),
        ("GB/T 33000-2016 5.4.1", "GB/T 33000", "2016", "5.4.1"),
        (
            "《工贸企业重大事故隐患判定标准》（2023年）第三条第一项",
            "工贸企业重大事故隐患判定标准",
            "2023年",
            "第三条第一项",
        ),
        ("应急管理部令第10号 2023 第三条", "应急管理部令第10号", "2023", "第三条"),
        ("应急管理部令第10号第三条", "应急管理部令第10号", "第10号", "第三条"),
        ("建筑防火通用规范 GB 55037-2022 第7.1.2条", "建筑防火通用规范 GB 55037", "2022", "第7.1.2条"),
        ("GB 50016-2014", "GB 50016", "2014", None),
        ("GB35181-2017 第5.2", "GB35181", "2017", "第5.2"),
        ("安全生产法第四十一条", "安全生产法", None, "第四十一条"),
        ("安全出口被锁闭", "安全出口被锁闭", None, None),
    ],
)
def test_citations(text: str, standard: str | None, version: str | None, clause: str | None) -> None:
    basis = Basis.cite(text)
    assert (basis.standard, basis.version, basis.clause, basis.text) == (standard, version, clause, text)
