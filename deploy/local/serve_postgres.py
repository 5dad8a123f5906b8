"""Becomes the PostgreSQL server of a system: the one step between the supervisor and the `postgres` program."""

import os
import sys
from pathlib import Path

from deploy.local.postgres import Cluster
from deploy.local.problems import LocalProblem


def serve_command(folder: Path, port: int) -> list[str]:
    """How to start the server of the cluster in `folder`."""
    return [sys.executable, "-m", "deploy.local.serve_postgres", str(folder), str(port)]


def main(folder: Path, port: int) -> None:
    """Replace this process by the server, under the account it is to run under."""
    cluster = Cluster.prepare(folder, port)
    cluster.drop_stale_lock()
    command = cluster.command()
    os.chdir("/")
    if cluster.account is not None:
        os.setgroups([])
        os.setgid(cluster.account.gid)
        os.setuid(cluster.account.uid)
    os.execve(command[0], command, cluster.environment())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except LocalProblem as problem:
        sys.exit(str(problem))
