"""The life of an alert as a picture, drawn from the table that rules it."""

from services.notifications.domain.ladder import LIFE, Move, State

_LABELS = {
    State.OPEN: "待签收",
    State.ACKNOWLEDGED: "已签收",
    State.EXHAUSTED: "无人可通知",
    State.CLOSED: "已无需处理",
}


def diagram() -> str:
    """A state diagram in Mermaid; moves that lead from one state to the same other one share an arrow."""
    arrows: dict[tuple[str, str], list[Move]] = {}
    for (before, move), after in LIFE.items():
        for state in State:
            if state in after:
                arrows.setdefault((before.value if before else "[*]", state.value), []).append(move)
    lines = ["stateDiagram-v2", *(f"    {state.value}: {label} {state.value}" for state, label in _LABELS.items())]
    lines += [f"    {before} --> {after}: {', '.join(moves)}" for (before, after), moves in arrows.items()]
    return "\n".join([*lines, f"    {State.CLOSED.value} --> [*]"])
