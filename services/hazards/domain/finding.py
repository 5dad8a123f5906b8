"""What a verification must settle: level, category, and the basis that a major hazard rests on."""

from dataclasses import replace
from typing import Any

from libs.common.errors import FieldError
from services.hazards.domain.basis import Basis
from services.hazards.domain.errors import FindingIncomplete, UnknownCategory
from services.hazards.domain.facts import Facts
from services.hazards.domain.moves import Verify
from services.hazards.domain.rulebook import Rulebook
from services.hazards.domain.vocabulary import Level


def verified(facts: Facts, request: Verify, rules: Rulebook) -> tuple[Facts, dict[str, Any]]:
    """Sets level, category and basis. Raises UnknownCategory or FindingIncomplete."""
    category = request.category or facts.category
    if category is not None:
        known_category(category, rules)
    errors = [] if category else [FieldError("/category", "category_missing", "须填写隐患类别")]
    if request.level is Level.MAJOR:
        errors += _citation(request.basis)
    if errors:
        raise FindingIncomplete("；".join(error.message for error in errors), errors)
    basis = request.basis.to_data() if request.basis else None
    details = {"level": request.level.value, "category": category, "basis": basis}
    return replace(facts, level=request.level, category=category, basis=basis), details


def known_category(category: str, rules: Rulebook) -> None:
    """Raises UnknownCategory unless the code table has it."""
    if category not in rules.categories:
        raise UnknownCategory(errors=[FieldError("/category", "unknown_category", "没有这个隐患类别")])


def _citation(basis: Basis | None) -> list[FieldError]:
    """A major hazard cites standard, version and clause of the published criteria (Work Safety Law, art. 118).

    A sentence is kept as staff wrote it and need not spell out the version: many criteria are cited by name alone.
    """
    if basis is None:
        return [FieldError("/basis", "basis_missing", "认定重大隐患须写明判定依据")]
    parts = (
        ("standard", basis.standard, "判定标准"),
        ("version", basis.version, "标准版本"),
        ("clause", basis.clause, "具体条款"),
    )
    return [
        FieldError(f"/basis/{name}", f"basis_{name}_missing", f"认定重大隐患须写明{label}")
        for name, value, label in parts
        if not (value and value.strip()) and not (name == "version" and basis.text)
    ]
