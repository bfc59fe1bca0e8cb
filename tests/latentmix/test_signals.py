"""What a signal that ends a command leaves behind: nothing half-written, whichever it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from latentmix.processes import worker_pool

ROOT = Path(__file__).resolve().parents[2]
COMMAND = """
import sys, time
import typer
from latentmix.cli import make_group, run
from latentmix.files import replacing
app = make_group("tool", "A tool.")
@app.command()
def write(path: str):
    with replacing(path) as file:
        file.write(b"half of it")
        print("writing", flush=True)
        time.sleep(600)
run(app)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs signals")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_nothing_half_written_is_left(tmp_path, name):
    place = tmp_path / "out.bin"
    place.write_bytes(b"before")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COMMAND, "write", str(place)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tool:
        assert tool.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 2
        tool.send_signal(getattr(signal, name))
        assert tool.stderr.read() == "tool: stopped; nothing is left half-written\n"
    assert tool.returncode == 130
    assert [file.name for file in tmp_path.iterdir()] == ["out.bin"] and place.read_bytes() == b"before"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs signals")
def test_what_nohup_ignores_stays_ignored(tmp_path):
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); exec({COMMAND!r})"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, "write", str(tmp_path / "out.bin")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tool:
        tool.stdout.readline()
        tool.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            tool.wait(0.3)
        tool.terminate()


# Ctrl-C comes while typer is being imported, which all commands do first.
STOPPED_EARLY = """
import builtins, importlib
whole = builtins.__import__
def importing(name, *rest):
    if name == "typer":
        raise KeyboardInterrupt
    return whole(name, *rest)
builtins.__import__ = importing
importlib.import_module(PACKAGE + ".cli").main()
"""


@pytest.mark.parametrize(
    ("package", "command"), [("audiovq", "audiovq"), ("midi_vae", "midi-vae"), ("realtime", "livemix")]
)
def test_a_command_that_is_stopped_before_it_has_begun_says_so_in_one_line(package, command):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    code = f"PACKAGE = {package!r}\n{STOPPED_EARLY}"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, f"{command}: stopped; nothing is left half-written\n")


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_waits_until_a_worker_that_is_started_is_known(name, monkeypatch):
    """Also where another thread takes it, for whom it is not blocked: else nobody would stop that worker."""
    number, end, started = signal.Signals[name], threading.Event(), []
    before = signal.signal(number, signal.default_int_handler)
    thread = threading.Thread(target=end.wait)
    thread.start()
    launch = BaseProcess.start
    told, tells = socket.socketpair()
    tells.setblocking(False)
    wakeup = signal.set_wakeup_fd(tells.fileno())

    def start(process: BaseProcess) -> None:
        signal.pthread_kill(thread.ident, number)
        told.recv(1)  # a busy machine may let that thread wait until all is over
        launch(process)
        started.append(process)

    monkeypatch.setattr(BaseProcess, "start", start)
    try:
        with pytest.raises(KeyboardInterrupt), worker_pool(1, int, ()) as pool:
            pool.submit(time.sleep, 600)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        end.set()
        thread.join()
        signal.signal(number, before)
        signal.set_wakeup_fd(wakeup)
        told.close()
        tells.close()
    assert len(started) == 1 and not started[0].is_alive()
