"""Standard output that outlives its reader: `make up DETACH=1 | head -3` must not stop the system it has started."""

from typing import Any, TextIO


class Screen:
    """Passes on what is written until nobody reads any more; then it says nothing, and nothing fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        """Write, or forget what was to be written."""
        if not self._gone:
            try:
                return self._stream.write(text)
            except BrokenPipeError:
                self._gone = True
        return len(text)

    def flush(self) -> None:
        """Flush, if anybody reads."""
        if not self._gone:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
