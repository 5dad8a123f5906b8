"""`make contracts`: freezes what the project promises now, unless that would break a promise already made."""

import json
import sys

from tests.contracts.documents import FROZEN, differences, documents, frozen
from tests.contracts.growth import breaches


def broken_promises(now: dict[str, str], before: dict[str, str]) -> list[str]:
    """Event schemas that are gone or did more than grow."""
    found = []
    for name in sorted(n for n in before if n.startswith("schemas/")):
        if name not in now:
            found.append(f"{name}: an event that was promised is gone")
        else:
            found += [f"{name}: {why}" for why in breaches(json.loads(before[name]), json.loads(now[name]))]
    return found


def main() -> int:
    """Writes the documents; 1 when an event schema would break its readers, and nothing is written then."""
    now, before = documents(), frozen()
    if broken := broken_promises(now, before):
        print("\n".join(broken), file=sys.stderr)
        print(
            "An event changes within its version only by growing: give the change a version of its own.",
            file=sys.stderr,
        )
        return 1
    for line in differences(now, before):
        print(line)
    for name in before.keys() - now.keys():
        (FROZEN / name).unlink()
    for name, text in now.items():
        path = FROZEN / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(now)} documents in {FROZEN.relative_to(FROZEN.parents[3])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
