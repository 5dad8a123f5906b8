"""Where programs cannot be given another name server, or have ended, the run says so instead of waiting for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash import flaky_names
from tests.crash.flaky_receivers import must_live


def test_a_machine_that_forbids_mount_namespaces_is_told_from_one_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidding = tmp_path / "unshare"
    forbidding.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    forbidding.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "Operation not permitted" in flaky_names.missing()


def test_a_worker_that_has_ended_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "worker-0.log").write_text("no such option\n")
    worker = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    worker.wait()
    with pytest.raises(RuntimeError, match=r"worker-0 has ended with 3: no such option"):
        must_live({"worker-0": worker}, tmp_path)
