"""The commands behind the Makefile: `python -m deploy.local up|down|status|token|…`."""

import argparse
import sys
from collections.abc import Callable, Mapping

from deploy.local.demo import demo, migrate
from deploy.local.down import clean, down, status
from deploy.local.issuer import Issuer, bearer_from
from deploy.local.problems import LocalProblem
from deploy.local.screen import Screen
from deploy.local.settings import environment, read_settings
from deploy.local.up import up


def token(words: Mapping[str, str]) -> int:
    """Print one token and nothing else."""
    print(Issuer(read_settings(words).var / "issuer").sign(bearer_from(words)))
    return 0


def keys(words: Mapping[str, str]) -> int:
    """Make the keys of the development issuer, and print where its public ones are."""
    issuer = Issuer(read_settings(words).var / "issuer")
    issuer.ensure_keys()
    print(issuer.key_set)
    return 0


COMMANDS: dict[str, Callable[[Mapping[str, str]], int]] = {
    "up": up,
    "down": down,
    "status": status,
    "demo": demo,
    "migrate": migrate,
    "token": token,
    "keys": keys,
    "clean": clean,
}


def main() -> int:
    """Run one command; a LocalProblem is a sentence on stderr and an exit code, never a traceback."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    sys.stdout = Screen(sys.stdout)
    try:
        return COMMANDS[parser.parse_args().command](environment())
    except LocalProblem as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
