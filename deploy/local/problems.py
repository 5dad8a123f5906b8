"""The one error of the local stack: a sentence a newcomer can act on, and the exit code that goes with it."""

PERMANENT = 3
"""The exit code of a process that would fail again in the same way: whoever waits for it should stop waiting."""


class LocalProblem(Exception):
    """Something on this machine keeps the system from starting; the text says what and what to do about it."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
