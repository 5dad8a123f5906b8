"""Log lines as JSON, one object a line, with the trace id of the request or event that they belong to."""

import logging
import sys
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

trace_id: ContextVar[str] = ContextVar("trace_id", default="")


class _Traced(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.traceId = trace_id.get()
        return True


def configure_logs(service: str, level: str = "INFO") -> None:
    """Sends every log line of the process to stderr as JSON.

    Never log request bodies or tokens: they hold personal data.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Traced())
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s %(traceId)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service},
            json_ensure_ascii=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
