"""Reads a ledger in processes of its own: a file made to crash or bloat the native parser takes only those down, and
the event loop of the service stays free for requests. The sheets of a large file are shared among two of them.

`python -m services.registry.files.reader` takes the pickled file, rules and share on stdin and answers on stdout.
"""

import asyncio
import gc
import os
import pickle
import resource
import sys
from pathlib import Path

from services.registry.domain import errors
from services.registry.domain.ledger.lines import Rules
from services.registry.domain.ledger.reading import Ledger, joined, read_ledger
from services.registry.files.workbook import Share, read_workbook

MEMORY_BYTES = 2 * 1024**3
SECONDS = 60
_READERS = 2
_LARGE_BYTES = 400_000  # some thousand lines: below that a second process costs more than it saves
_ROOT = str(Path(__file__).resolve().parents[3])


async def read_ledger_apart(data: bytes, rules: Rules) -> Ledger:
    """The ledger in the workbook, worked out by child processes.

    Raises a FileRefused, also when a child died of the file or took too long.
    """
    readers = _READERS if len(data) >= _LARGE_BYTES and (os.cpu_count() or 1) > 1 else 1
    shares = [_read_share(data, rules, Share(nr, readers)) for nr in range(readers)]
    parts = await asyncio.gather(*shares, return_exceptions=True)  # no child outlives this call
    for part in parts:
        if isinstance(part, BaseException):
            raise part
    return joined([part for part in parts if isinstance(part, Ledger)])


async def _read_share(data: bytes, rules: Rules, share: Share) -> Ledger:
    question = pickle.dumps((data, rules, share), protocol=pickle.HIGHEST_PROTOCOL)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": _ROOT, "RUST_BACKTRACE": "0"},
    )
    try:
        async with asyncio.timeout(SECONDS):
            answer, _ = await child.communicate(question)
    except TimeoutError as error:
        raise errors.UnreadableFile("工作簿过于复杂，读取超时") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0 or not answer:
        raise errors.UnreadableFile("工作簿内容无法读取，请用 Excel 或 WPS 另存后重试")
    return await asyncio.to_thread(_opened, answer)


def _opened(answer: bytes) -> Ledger:
    kind, content = pickle.loads(answer)
    if kind == "refused":
        name, detail = content
        raise getattr(errors, name)(detail)
    ledger: Ledger = content
    return ledger


def main() -> None:
    """The child's side."""
    gc.disable()  # it lives for one file, makes a million objects and no rings of them; its memory is bounded below
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        data, rules, share = pickle.load(sys.stdin.buffer)
        answer: tuple[str, object] = ("ledger", read_ledger(read_workbook(data, share), rules))
    except errors.FileRefused as refusal:
        answer = ("refused", (type(refusal).__name__, refusal.detail))
    except MemoryError:
        answer = ("refused", (errors.DecompressionBomb.__name__, None))
    sys.stdout.buffer.write(pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
