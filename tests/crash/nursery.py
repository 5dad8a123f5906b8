"""Where the processes of one service are born that are killed by the hundred: everything is imported once, then forked.

`python -m tests.crash.nursery services.hazards` reads one order a line as JSON (arguments, environment, log) and
answers with the pid of a new process that runs `python -m services.hazards` with them. What it runs is the same; only
the second of importing is saved. It ends, and its children with it, when nobody gives orders any more.
"""

import asyncio
import ctypes
import importlib
import importlib.util
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.local.settings import ROOT

READY = "ready"
_ORPHAN_DIES = 1  # PR_SET_PDEATHSIG


class Nursery:
    """The parent of the processes of one service, which lives in a process of its own."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self.module = module
        self._process = process
        self._one_at_a_time = asyncio.Lock()
        self._ready = False

    async def bear(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """The pid of a new process. Raises RuntimeError when the nursery itself has ended or never began."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        async with self._one_at_a_time:
            if not self._ready:
                self._ready = (await self._process.stdout.readline()).decode().strip() == READY
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            answer = await self._process.stdout.readline()
        if not answer or not self._ready:
            raise RuntimeError(f"the nursery of {self.module} has ended")
        return int(answer)


@asynccontextmanager
async def nursery(module: str) -> AsyncIterator[Nursery]:
    """A nursery for as long as the block lasts; it imports while others go on, and is waited for at the first birth."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.crash.nursery", module),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        yield Nursery(module, process)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


def main(module: str) -> None:
    """Takes orders from stdin until it ends."""
    found = importlib.util.find_spec(module)
    if found is not None and found.submodule_search_locations is not None:
        importlib.import_module(f"{module}.__main__")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child ended: it leaves nothing behind
    print(READY, flush=True)
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            _be_born(module, json.loads(line))
        print(pid, flush=True)


def _be_born(module: str, order: Mapping[str, Any]) -> None:
    ctypes.CDLL(None).prctl(_ORPHAN_DIES, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(order["environment"])
    sys.argv = [module, *order["arguments"]]
    sys.modules.pop(f"{module}.__main__", None)  # it is to run, not to be there already
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
