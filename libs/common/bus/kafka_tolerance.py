"""Reads records whose header names are no UTF-8: aiokafka's parser stops at such a record and never gets past it.

Any client may write one, and the partition would be held up for good. The fetcher has no hook for a parser of one's
own, so its reference is replaced, once the first such record has come.
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def tolerate() -> None:
    """From now on this process reads such records, with U+FFFD for what is no character."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """What the broker sent for one partition: batches that the strict parser refuses are given to the tolerant one."""

    def next_batch(self) -> Any:
        """The next batch, or None."""
        piece = self._next_slice
        batch = super().next_batch()
        if isinstance(batch, DefaultRecordBatch) and not batch.is_control_batch:
            try:
                for _ in batch:
                    pass
            except UnicodeDecodeError:
                return _TolerantBatch(piece)
            return DefaultRecordBatch(piece)
        return batch


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose texts are decoded as far as they go."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _TolerantBytes(self._buffer)


class _TolerantBytes(bytearray):
    """Bytes of which every slice decodes."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _TolerantBytes(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
