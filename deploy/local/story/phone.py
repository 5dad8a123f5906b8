"""A phone that rings: a small HTTP server on this machine that receives the webhooks of the story's people."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_BIND_SECONDS = 20.0


class Phone:
    """Receives messages at `/<name of a person>`, writes them down, and answers 200 only then."""

    def __init__(self, port: int, log: Path) -> None:
        self._log = log
        self._server = _bind(port, self._keep)
        self._thread = threading.Thread(target=self._server.serve_forever, name="phone", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def address(self, person: str) -> str:
        """Where a person's messages are to be sent."""
        return f"http://127.0.0.1:{self._server.server_port}/{person}"

    @property
    def port(self) -> int:
        """The port it listens on; the same after a restart, since addresses have been handed out."""
        return int(self._server.server_port)

    def messages(self, person: str, hazard_id: str) -> list[dict[str, Any]]:
        """What has arrived for a person about a hazard, in the order of arrival."""
        if not self._log.exists():
            return []
        kept = [json.loads(line) for line in self._log.read_text().splitlines() if line.endswith("}")]
        return [entry["message"] for entry in kept if _is_for(entry, person, hazard_id)]

    def _keep(self, person: str, message: dict[str, Any]) -> None:
        with self._log.open("a") as out:
            out.write(json.dumps({"person": person, "message": message}, ensure_ascii=False) + "\n")


def _is_for(entry: dict[str, Any], person: str, hazard_id: str) -> bool:
    return bool(entry["person"] == person and entry["message"].get("hazardId") == hazard_id)


def _bind(port: int, keep: Any) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                keep(self.path.strip("/"), json.loads(body))
                self.send_response(200)
            except (ValueError, OSError):
                self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: standard output belongs to the story."""

    deadline = time.monotonic() + _BIND_SECONDS
    while True:
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError:  # the one before us has not quite gone
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
