"""Every read starts here: a query without a scope cannot be built, and what a scope does not cover does not exist."""

from typing import Any

from libs.common.actors import Scope


class Where:
    """Conditions with their parameters; begins with the scope of whoever asks."""

    def __init__(self, clause: str, *values: Any) -> None:
        self._parts: list[str] = []
        self.args: list[Any] = []
        self.add(clause, *values)

    def add(self, clause: str, *values: Any) -> None:
        """One more condition; each `?` in it stands for the next value."""
        for value in values:
            self.args.append(value)
            clause = clause.replace("?", f"${len(self.args)}", 1)
        self._parts.append(clause)

    def sql(self) -> str:
        """The conditions as SQL, all of which must hold."""
        return " AND ".join(f"({part})" for part in self._parts)


def enterprises_in(scope: Scope) -> Where:
    """Enterprises `e` that exist for the scope: at or below its place, or the one enterprise itself."""
    if scope.enterprise_id is not None:
        return Where("e.id = ?", scope.enterprise_id)
    return Where("e.area_path >= ? AND e.area_path < ?", *scope.bounds())


def areas_in(scope: Scope) -> Where:
    """Nodes `a` that exist for the scope: at or below its place; an enterprise sees the nodes that it lies in."""
    if scope.enterprise_id is not None:
        return Where(
            "EXISTS (SELECT 1 FROM enterprises x WHERE x.id = ? AND starts_with(x.area_path, a.path))",
            scope.enterprise_id,
        )
    return Where("a.path >= ? AND a.path < ?", *scope.bounds())


def persons_in(scope: Scope) -> Where:
    """Persons `p` that exist for the scope: those at or below its place, or those of the one enterprise."""
    if scope.enterprise_id is not None:
        return Where("p.enterprise_id = ?", scope.enterprise_id)
    return Where("p.area_path >= ? AND p.area_path < ?", *scope.bounds())


def imports_in(scope: Scope) -> Where:
    """Imports `i` that exist for the scope: those made at or below its place; an enterprise makes none."""
    if scope.enterprise_id is not None:
        return Where("false")
    return Where("i.area_path >= ? AND i.area_path < ?", *scope.bounds())


def below(where: Where, column: str, path: str) -> None:
    """Narrows to rows at or below an area path."""
    where.add(f"{column} >= ? AND {column} < ?", *Scope(path).bounds())
