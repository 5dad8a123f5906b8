"""The state diagram of the table, as mermaid: the README carries it, a test keeps it true."""

from services.hazards.domain.lifecycle import FINAL, MOVE_LABELS, STATE_LABELS, TABLE, TIME


def mermaid() -> str:
    """The diagram; moves of clocks that stay in their state are drawn as one loop a state."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {state.value}: {label} {state.value}" for state, label in STATE_LABELS.items()]
    for rule in TABLE:
        if rule.who is TIME:
            continue
        source = rule.source.value if rule.source else "[*]"
        lines.append(f"    {source} --> {rule.target.value}: {MOVE_LABELS[rule.move]} {rule.move.value}")
    for state in STATE_LABELS:
        rings = [rule.move.value for rule in TABLE if rule.who is TIME and rule.source is state]
        if rings:
            lines.append(f"    {state.value} --> {state.value}: {', '.join(rings)}")
    lines += [f"    {state.value} --> [*]" for state in STATE_LABELS if state in FINAL]
    return "\n".join(lines)
