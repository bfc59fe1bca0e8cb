from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before torch is there, and for all processes that tests start. The models of tests are so small that a second thread
# only waits for the first, and on a busy machine for long; two workers of xdist use the cores better.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Compiling anew all that torch imports is half of what a new process does: keep what was compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell that runs this in the background has it ignore Ctrl-C, nohup has it ignore a terminal that is closed, and so
# would all programs that are tested for it.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (getattr(signal, "SIGHUP", None), signal.SIG_DFL)):
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(number, handler)

# The same examples in every run, on machines of any speed.
settings.register_profile("latentmix", derandomize=True, deadline=None)
settings.load_profile("latentmix")

HERE = Path(__file__).resolve().parent
# What shares ports, servers, sound and browsers, or measures time, runs in one worker, one after the other.
TOGETHER = ("tests/realtime", "tests/plugins")
# What of the plugins only computes, without hosts, windows and bundles; it shares the compiled engine, in a worker.
ENGINE = tuple(f"tests/plugins/test_{each}.py" for each in "engine drum_engine weight_file midi_file state".split())
# What takes long or mostly waits, however few its tests are, begins first, the longest before the others: at the end
# nobody waits for it alone.
FIRST = (
    "tests/plugins",
    "tests/realtime",
    "tests/latentmix/test_nodes.py",
    "tests/latentmix/corpus/test_cluster.py",
    "tests/midi_vae/training",
    "tests/audiovq/training",
    "tests/latentmix",
    "tests/audiovq/cli",
    "tests/audiovq/model",
    "tests/midi_vae/model",
)
# What lives among programs of others that choose ports and moments by themselves: JACK, Ardour, Chromium, Ray and
# torchrun. Such a test may try a second time, so that a port that was taken in between or a period that a busy machine
# lost does not stop everybody; twice is a fault.
AMONG_OTHERS = (
    "latentmix/corpus/test_cluster.py",
    "latentmix/test_nodes.py",
    "latentmix/test_training.py",
    "midi_vae/midi/test_ardour_midi.py",
    "plugins/test_ardour.py",
    "plugins/test_jalv.py",
    "plugins/test_pd.py",
    "plugins/test_single_page.py",
    "plugins/test_window.py",
    "realtime/audio/test_audio.py",
    "realtime/audio/test_live_sound.py",
    "realtime/midi/test_realtime_jack.py",
    "realtime/player/test_player_client.py",
    "realtime/web/test_sound_page.py",
    "realtime/web/test_web_browser.py",
    "realtime/web/test_web_drums.py",
    "realtime/web/test_web_proxy.py",
)
# What `scripts/test --quick` leaves out: trainings, and programs that are started from nothing.
SLOW = (
    "audiovq/bitstream/test_avq_mutations.py",
    "audiovq/cli",
    "audiovq/entropy/test_entropy.py",
    "audiovq/model/test_prior_codes.py",
    "audiovq/model/test_quantizers.py",
    "audiovq/training",
    "latentmix/test_training.py",
    "midi_vae/cli",
    "midi_vae/midi/test_midi_mutations.py",
    "midi_vae/model/test_critic.py",
    "midi_vae/model/test_latents.py",
    "midi_vae/model/test_latents_flow.py",
    "midi_vae/model/test_latents_models.py",
    "midi_vae/model/test_model.py",
    "midi_vae/model/test_prior.py",
    "midi_vae/test_travel.py",
    "midi_vae/training",
    "plugins",
    "realtime/audio/test_audio.py",
    "realtime/audio/test_live_sound.py",
    "realtime/midi/test_realtime_jack.py",
    "realtime/player/test_player_client.py",
    "realtime/web",
    "test_golden.py",
)


def scope_of(nodeid: str) -> str:
    """What one worker does: a module, so that what its tests share is made once, or ENGINE, or one of TOGETHER."""
    module = nodeid.split("::")[0]
    if module in ENGINE:
        return "tests/plugins, ENGINE"
    return next((folder for folder in TOGETHER if module.startswith(folder + "/")), module)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sizes = Counter(scope_of(item.nodeid) for item in items)

    def place_in_line(item: pytest.Item) -> tuple[int, int]:
        scope = scope_of(item.nodeid)
        return next((i for i, first in enumerate(FIRST) if scope.startswith(first)), len(FIRST)), -sizes[scope]

    items.sort(key=place_in_line)
    for item in items:
        place = Path(item.path)
        if any(place.is_relative_to(HERE / each) for each in SLOW):
            item.add_marker(pytest.mark.slow)
        if place in {HERE / each for each in AMONG_OTHERS}:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(optionalhook=True)  # of xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who gets which test: scopes go out as they stand in line. xdist's own groups are not kept by xdist 3.8."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    config.option.loadscopereorder = False  # by number of tests
    return Scheduler(config, log)


@pytest.fixture(autouse=True)
def small_numbers_stay() -> Iterator[None]:
    """Training scripts, some of which tests run in this process, have tiny numbers rounded to 0 to be faster."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
