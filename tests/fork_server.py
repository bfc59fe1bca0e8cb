"""Python programs in processes of their own that need not import torch and what comes with it, which takes seconds.

    test -> arguments, environment, standard streams -> server, which has imported all that -> fork -> the program

`ForkedProgram` is a `subprocess.Popen` of `python -c CODE ...` or `python SCRIPT ...`: a process with a number,
signals, streams and an exit status of its own, and a child of the test's. What it does not show is a start from
nothing: what a program imports, and what the environment tells a library that is imported, such as a number of
threads. Where there is no Linux it is a plain `Popen`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import types
from collections.abc import Sequence
from functools import cache
from typing import Any

# what takes so long
TRAINING = ("torch", "torchaudio", "lightning_fabric", "torch.utils.tensorboard", "PIL.Image", "rich.progress")
MODULES = (*TRAINING, "pyarrow.parquet", "pandas", "fastapi", "uvicorn", "websockets", "mido", "soundfile", "typer")
PATIENCE = 300.0  # seconds; only so that a test that hangs fails
PR_SET_CHILD_SUBREAPER = 36
MAX_REQUEST = 1 << 20  # bytes


class ForkedProgram(subprocess.Popen[Any]):
    """`subprocess.Popen`, of what has `sys.executable` for its first argument; a plain one where there is no Linux."""

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, *rest: Any) -> None:
        if sys.platform != "linux" or str(args[0]) != sys.executable:
            return super()._execute_child(args, executable, preexec_fn, close_fds, *rest)  # type: ignore[misc]
        pass_fds, cwd, env, _, _, shell, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = rest[:12]
        assert not pass_fds and not shell and preexec_fn is None
        streams = [own if own != -1 else number for number, own in enumerate((p2cread, c2pwrite, errwrite))]
        request = {
            "arguments": [*map(str, args)][1:],
            "folder": os.fspath(cwd or os.getcwd()),
            "environment": dict(os.environ if env is None else env),
            "starts_session": rest[17],
        }
        self.pid = _server().start(request, streams)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]


def run_forked(command: Sequence[Any], input: Any = None, **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of a `ForkedProgram`, with all that it says."""
    streams = {"stdin": subprocess.PIPE if input is not None else None, "stdout": subprocess.PIPE}
    with ForkedProgram(command, **{**streams, "stderr": subprocess.PIPE, **options}) as program:
        said = program.communicate(input, PATIENCE)
    return subprocess.CompletedProcess(command, program.returncode, *said)


class _Server:
    """The process that forks, from the test's side; it ends with the connection to it."""

    def __init__(self) -> None:
        self.socket, other = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with other:
            command = [sys.executable, __file__, str(other.fileno())]
            self.process = subprocess.Popen(
                command, pass_fds=[other.fileno()], env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def start(self, request: dict[str, Any], streams: Sequence[int]) -> int:
        """The number of the process, whose parent is this one."""
        data = json.dumps(request).encode()
        assert len(data) < MAX_REQUEST
        _adopt(True)
        try:
            socket.send_fds(self.socket, [len(data).to_bytes(4, "big")], streams)
            self.socket.sendall(data)
            pid = int.from_bytes(_received(self.socket, 4), "big")
        finally:
            _adopt(False)
        return pid


@cache
def _server() -> _Server:
    return _Server()


def _adopt(does: bool) -> None:
    """Whether processes below that lose their parent become children of this one, as they otherwise do of the first."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(does), 0, 0, 0)


def _received(connection: socket.socket, count: int) -> bytes:
    """So many bytes.

    Raises:
        EOFError: the other side has gone.
    """
    data = b""
    while len(data) < count:
        data += (more := connection.recv(count - len(data)))
        if not more:
            raise EOFError("the other side has gone")
    return data


# In the server


def _serve(connection: socket.socket) -> dict[str, Any] | None:
    """Answer requests; returns None in the end, and in each forked program what it was asked to be."""
    while True:
        size, streams, _, _ = socket.recv_fds(connection, 4, 3)
        if not size:
            return None
        size += _received(connection, 4 - len(size)) if len(size) < 4 else b""
        request = json.loads(_received(connection, int.from_bytes(size, "big")))
        middle = os.fork()  # what it forks loses its parent, and so becomes a child of the test's process
        if not middle:
            before = os.getpid()
            if os.fork():
                os._exit(0)
            while os.getppid() == before:
                time.sleep(0.0002)
            connection.sendall(os.getpid().to_bytes(4, "big"))
            connection.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            return request
        os.waitpid(middle, 0)
        for stream in streams:
            os.close(stream)


def _become(request: dict[str, Any]) -> tuple[str, str]:
    """Take on what `request` says; the program's text, and the file that it is from."""
    if request["starts_session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        errors = "backslashreplace" if name == "stderr" else "surrogateescape"
        stream = open(number, "w" if number else "r", encoding="utf-8", errors=errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    paths = [path for path in request["environment"].get("PYTHONPATH", "").split(os.pathsep) if path]
    how, *arguments = request["arguments"]
    sys.orig_argv = [sys.executable, how, *arguments]
    if how == "-c":
        text, name, first = arguments.pop(0), "-c", ""
    else:
        text, name, first = open(how).read(), how, os.path.dirname(os.path.abspath(how))
    sys.argv = [name, *arguments]
    sys.path[:] = [first, *paths, *sys.path[1:]]  # in place of the folder of the server
    return text, name


def _run(text: str, name: str) -> None:
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if name != "-c":
        main.__file__ = name
    exec(compile(text, "<string>" if name == "-c" else name, "exec"), main.__dict__)


if __name__ == "__main__":
    for _module in MODULES:
        with contextlib.suppress(ImportError):  # of an extra that is not installed: its programs will say so
            importlib.import_module(_module)
    gc.freeze()  # what is there need not be gone through again in every program
    _request = _serve(socket.socket(fileno=int(sys.argv[1])))
    if _request is not None:
        _run(*_become(_request))
