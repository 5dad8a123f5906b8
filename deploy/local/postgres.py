"""One PostgreSQL cluster of ours: its folder, its command line, its start and its stop. Data outlives every process."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.memory import memory_bytes, shared_buffers
from deploy.local.pgbinaries import postgres_programs, program_environment
from deploy.local.privileges import Account, as_account, place_folder, unprivileged
from deploy.local.problems import LocalProblem

SUPERUSER = "hazardloop"
START_SECONDS = 60.0
STOP_SECONDS = 10.0

# Two cores, many short transactions, nobody but our own processes as clients.
CONFIGURATION: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # paths of sockets are limited to 107 bytes; a port is enough
    "max_connections": "200",
    "shared_buffers": shared_buffers(memory_bytes()),
    "effective_cache_size": "1GB",  # what the system caches beside belongs to whoever else runs on this machine
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster in a folder (`data/` and `password` below it), listening on a port of 127.0.0.1."""

    folder: Path
    port: int
    account: Account | None
    programs: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def prepare(cls, link: Path, port: int, settings: Mapping[str, str] | None = None) -> "Cluster":
        """The cluster at `link`, made if it does not exist yet. Raises LocalProblem with what went wrong."""
        account, programs = unprivileged(), postgres_programs()
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            folder = place_folder(link, account)
        except PermissionError as error:
            raise LocalProblem(f"{error.filename} belongs to another user: choose another VAR or delete it.") from None
        cluster = cls(folder, port, account, programs, dict(settings or {}))
        if not cluster._data.is_dir():
            cluster._initialise()
        return cluster

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """The address of a database in this cluster, password included."""
        password = (self.folder / "password").read_text().strip()
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """The server in the foreground; start it with `environment()`, `/` as folder and the cluster's account."""
        options = {**CONFIGURATION, "port": str(self.port), **self.settings}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "bin" / "postgres"), "-D", str(self._data), *flags]

    def environment(self) -> dict[str, str]:
        """The server's environment."""
        return program_environment(self.programs)

    def drop_stale_lock(self) -> None:
        """Forget the pid of a server when it has become that of another process.

        PostgreSQL refuses to start while the process named in postmaster.pid lives; after a restart of the machine
        that number may belong to something else entirely.
        """
        lock = self._data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return  # gone: PostgreSQL itself sees whether a backend of it is still writing
        if Path("/proc/self").exists() and str(self._data).encode() not in arguments:
            lock.unlink(missing_ok=True)

    def _serves(self, pid: int) -> bool:
        """Whether the server with that pid says that it is ready; somebody else on our port does not count."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def start(self, log: Path, seconds: float = START_SECONDS) -> "subprocess.Popen[bytes]":
        """Start the server as a child of ours and wait until it accepts connections, `seconds` at most.

        Raises LocalProblem with the last line of its log when it does not come up.
        """
        self.drop_stale_lock()
        with log.open("ab") as out:
            process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **as_account(self.account),
            )
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            if self._serves(process.pid):
                return process
            time.sleep(0.05)
        stop_server(process)
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise LocalProblem(f"PostgreSQL did not start on port {self.port}: {''.join(last) or 'no message'}")

    def _initialise(self) -> None:
        """Make the cluster beside its place and rename it in: a start that was cut off leaves no half cluster."""
        password, fresh = self.folder / "password", self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        if self.account is not None:
            self.account.own(password)
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        who = [f"--username={SUPERUSER}", f"--pwfile={password}", "--auth=scram-sha-256"]
        result = subprocess.run(
            [str(self.programs / "bin" / "initdb"), f"--pgdata={fresh}", "--no-instructions", *options, *who],
            env=self.environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **as_account(self.account),
        )
        if result.returncode != 0:
            raise LocalProblem(f"The database folder {self.folder} could not be made: {result.stderr.strip()}")
        fresh.rename(self._data)


def stop_server(process: "subprocess.Popen[bytes]", seconds: float = STOP_SECONDS) -> None:
    """Stop a server that is our child: at once but cleanly, and by force if it does not go."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)  # "fast": ends sessions, flushes, exits
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
