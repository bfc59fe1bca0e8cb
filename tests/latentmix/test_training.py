"""The loop and the state that all training scripts share, with a model of a few numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from training_runs import ENVIRONMENT, finish_group, interrupt, saved, start, start_group

from latentmix.errors import InputError
from latentmix.extras import load_extra
from latentmix.run_state import RunState
from latentmix.shares import seeded
from latentmix.training import TrainingRun, in_one_line, warm_up_cosine

PHASES = {"first": 5, "second": 4}


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The process's own handlers come back after each test."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Toy:
    """Two networks, one learned in each phase; told to stop after so many steps of both, as by a signal."""

    def __init__(self, folder: Path, width: int = 3) -> None:
        torch.manual_seed(0)
        self.networks = {name: nn.Sequential(nn.Linear(2, width), nn.Dropout(0.3)) for name in PHASES}
        self.state = RunState.in_folder(folder, self.networks, tuple(PHASES))
        self.losses: list[float] = []
        self.evaluated: list[tuple[str, int]] = []

    def run(self, steps: Mapping[str, int] = PHASES, stop_after: int = 99) -> list[bool]:
        run = TrainingRun(self.state, save_every=2)
        return [self._phase(run, name, steps[name], stop_after) for name in PHASES]

    def _phase(self, run: TrainingRun, name: str, steps: int, stop_after: int) -> bool:
        network = self.networks[name]
        optimizer = torch.optim.AdamW(network.parameters())
        self.state.restore(name, optimizer)

        def advance(step: int) -> dict[str, Tensor]:
            torch.manual_seed(seeded(7, step).initial_seed())
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * warm_up_cosine(step, steps, 2)
            optimizer.zero_grad()
            loss = (network(torch.randn(4, 2)) - 1.0).square().mean()
            loss.backward()
            optimizer.step()
            self.losses.append(loss.item())
            if len(self.losses) == stop_after:
                os.kill(os.getpid(), signal.SIGTERM)
            return {"loss": loss}

        def evaluate(parts: Mapping[str, Tensor]) -> dict[str, float]:
            self.evaluated.append((name, self.state.steps[name]))
            return {"loss": parts["loss"].item()}

        return run.train(name, steps, {name: optimizer}, advance, evaluate)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    Toy(folder).run()
    return folder


def same(a: Path, b: Path) -> bool:
    one, other = (load_file(folder / "state.safetensors") for folder in (a, b))
    return one.keys() == other.keys() and all(torch.equal(t, other[name]) for name, t in one.items())


@pytest.mark.parametrize("stops", [[1], [2, 1], [4, 1, 2], [5], [1] * 8])
def test_a_stopped_run_ends_at_the_same_weights(stops: list[int], unbroken: Path, tmp_path: Path) -> None:
    for made in stops:
        toy = Toy(tmp_path)
        before = sum(toy.state.steps.values())
        with pytest.raises(KeyboardInterrupt):
            toy.run(stop_after=made)
        assert sum(toy.state.steps.values()) == before + made
        assert not list(tmp_path.glob(".*"))
    Toy(tmp_path).run()
    assert same(unbroken, tmp_path)


def test_a_finished_run_has_nothing_to_do_and_goes_on_when_asked_for_more(unbroken: Path, tmp_path: Path) -> None:
    Toy(tmp_path).run()
    idle = Toy(tmp_path)
    assert idle.run() == [False, False] and not idle.losses
    more = Toy(tmp_path)
    assert more.run({"first": 5, "second": 7}) == [False, True]
    assert len(more.losses) == 3 and more.evaluated == [("second", 6), ("second", 7)]
    assert not same(unbroken, tmp_path)
    assert Toy(tmp_path).state.steps == {"first": 5, "second": 7}


def test_a_phase_that_begins_anew_forgets_its_optimizer_and_keeps_its_weights(tmp_path: Path) -> None:
    Toy(tmp_path).run()
    toy = Toy(tmp_path)
    weights = {name: tensor.clone() for name, tensor in toy.networks["second"].state_dict().items()}
    toy.state.begin_anew("second")
    assert toy.state.steps == {"first": 5, "second": 0}
    optimizer = torch.optim.AdamW(toy.networks["second"].parameters())
    toy.state.restore("second", optimizer)
    assert not optimizer.state_dict()["state"]
    assert all(torch.equal(t, weights[name]) for name, t in toy.networks["second"].state_dict().items())


def test_a_save_and_an_evaluation_come_every_so_many_steps_and_at_the_end(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.run()
    assert toy.evaluated == [("first", 2), ("first", 4), ("first", 5), ("second", 2), ("second", 4)]


def test_a_state_that_cannot_be_used_is_refused_in_one_line(unbroken: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    whole = (unbroken / "state.safetensors").read_bytes()
    for damaged in (b"", b"not a state", whole[:100], whole[:-5], whole.replace(b'"F32"', b'"F99"', 1)):
        state.write_bytes(damaged)
        with pytest.raises(InputError, match=r"expected the state of a run, found a damaged file") as caught:
            Toy(tmp_path)
        assert str(state) in str(caught.value)
    state.write_bytes(whole.replace(b'"version":"2"', b'"version":"1"'))
    with pytest.raises(InputError, match="version 1; finish it"):
        Toy(tmp_path)
    state.write_bytes(whole.replace(b'"second":"4"', b'"secand":"4"'))
    with pytest.raises(InputError, match="with the phases first, second"):
        Toy(tmp_path)
    state.write_bytes(whole)
    with pytest.raises(InputError, match="with these sizes"):
        Toy(tmp_path, width=4)
    toy = Toy(tmp_path)
    with pytest.raises(InputError, match="the optimizer first remembers"):
        toy.state.restore("first", torch.optim.AdamW(nn.Linear(5, 5).parameters()))


def test_learning_rates_are_those_of_the_formula() -> None:
    import math

    for step in (0, 3, 50, 99):  # as the scripts had them, to the bit
        cosine = math.cos(math.pi * step / 100)
        assert warm_up_cosine(step, 100, 200) == min(1.0, (step + 1) / 200) * (0.5 + 0.5 * cosine)
        assert warm_up_cosine(step, 100, 20, 0.01) == min(1.0, (step + 1) / 20) * (0.505 + 0.495 * cosine)


def test_what_an_extra_brings_is_named_where_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end, in_one_line("train_it"):
        load_extra("lightning_fabric_that_is_missing.inner", "train")
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "lightning_fabric_that_is_missing" in line and "LATENTMIX_EXTRAS=train scripts/run python" in line


@pytest.mark.parametrize(
    ("script", "package", "extra"),
    [("train_melody.py", "lightning_fabric", "train"), ("bench/bench_page.py", "playwright", "test")],
)
def test_a_script_without_its_extra_says_what_brings_it(script: str, package: str, extra: str, tmp_path: Path) -> None:
    """A package of that name that cannot be imported stands before the one that is there."""
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    path = Path(__file__).resolve().parents[2] / "scripts" / script
    environment = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{ENVIRONMENT['PYTHONPATH']}"}
    arguments = [tmp_path, "--out", tmp_path / "run"] if extra == "train" else []
    done = subprocess.run([sys.executable, path, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert f"expected the package {package}" in line
    assert f"LATENTMIX_EXTRAS={extra} scripts/run python {path}" in line
    assert not (tmp_path / "run").exists()


TWO_PROCESSES = """
import sys, time
from pathlib import Path
import torch
from latentmix.run_state import RunState
from latentmix.training import TrainingRun, in_one_line, make_fabric, on_first_process
from latentmix.errors import InputError

def refuse():
    raise InputError("nothing here")

fabric = make_fabric("cpu", 2, 1, "32-true", "ddp")
folder = Path(sys.argv[1])
if sys.argv[2] == "refuse":
    with in_one_line("toy"):
        on_first_process(fabric, refuse)
network = torch.nn.Linear(2, 1)
state = RunState(folder / "state.safetensors", {"net": network}, ("only",))
optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.5)
module, optimizer = fabric.setup(network, optimizer)

def advance(step):
    loss = module(torch.ones(1, 2)).square().mean()
    fabric.backward(loss)
    optimizer.step()
    return {"loss": loss}

with in_one_line("toy", state=state.path):
    TrainingRun(state, 10, fabric).train("only", 100_000, {"only": optimizer}, advance)
"""


def test_a_signal_to_one_process_stops_both_and_the_state_is_whole(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(textwrap.dedent(TWO_PROCESSES))
    process = start(tmp_path / "toy.py", tmp_path, "train")
    said = interrupt(process, signal.SIGTERM, lambda: saved(tmp_path).get("only", 0) >= 10)
    assert process.returncode == 130, said
    assert said.count("stopped; the same command goes on from") == 1
    assert "Traceback" not in said
    assert 10 <= saved(tmp_path)["only"] < 100_000


def test_what_goes_wrong_in_the_first_process_ends_both_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(textwrap.dedent(TWO_PROCESSES))
    said = finish_group(start_group(tmp_path / "toy.py", 1, 2, tmp_path, "refuse"), 1)
    assert [line for line in "".join(said).splitlines() if "toy" in line] == ["toy: nothing here"]
