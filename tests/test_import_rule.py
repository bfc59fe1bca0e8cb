"""Who may import whom and how long things are, read from the sources: nothing is imported, so lazy imports count too.

What only a type checker reads counts too, but where the question is what is loaded at run time.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# package -> the other house packages it may import; what nobody lists, nobody imports
MAY_IMPORT = {
    "latentmix": set(),
    "audiovq": {"latentmix"},
    "midi_vae": {"latentmix"},
    "realtime": {"latentmix", "audiovq", "midi_vae"},
    "scripts": {"latentmix", "audiovq", "midi_vae", "realtime"},
}
# package -> its folders and modules in the order in which data flows: an arrow never runs back up
LAYERS = {
    "latentmix": "errors sizes closing interrupts threads extras files checkpoint_format checkpoint beginning tracing "
    "cli first_import processes corpus run_state shares training read_once phases",
    "midi_vae": "checkpoint labels midi music evaluation model travel chart interpolation crossing long_form importing "
    "drums audio piano_roll drum_grid vae plugin_limits plugin_format plugin_weights plugin_grooves portable "
    "onnx_export torchscript_export training cli",
    "audiovq": "dsp audio_io model sound entropy bitstream codec training cli",
    "realtime": "system music midi audio player engine control offline web plugins cli",
}
# module -> what it does not need: neither itself nor through another module of ours
TORCH = {"torch", "torchaudio", "lightning_fabric", "safetensors.torch"}
FORBIDDEN = {
    "audiovq.audio_io.reader": TORCH,
    "audiovq.bitstream.chunks": TORCH,
    "audiovq.codec.concealment": TORCH,
    "audiovq.bitstream.container": TORCH,
    "audiovq.entropy.coder": TORCH,
    "audiovq.entropy.weights": TORCH,
    "latentmix.checkpoint_format": TORCH,
    "latentmix.errors": TORCH,
    "latentmix.extras": TORCH,
    "latentmix.files": TORCH,
    "latentmix.threads": TORCH,
    "audiovq.bitstream.header": TORCH,
    "audiovq.bitstream.packing": TORCH,
    "audiovq.cli.paths": TORCH,
    "audiovq.dsp.resampling": TORCH,
    "audiovq.audio_io.writer": TORCH,
    "audiovq.audio_io.wav": TORCH,
    "midi_vae.midi.parser": TORCH,
    "midi_vae.midi.reader": TORCH,
    "midi_vae.midi.writer": TORCH,
    "midi_vae.midi.melody_track": TORCH,
    "midi_vae.music.grid": TORCH,
    "midi_vae.music.melody": TORCH,
    "midi_vae.music.windows": TORCH,
    "midi_vae.evaluation": TORCH,
    "midi_vae.drums.groove": TORCH,
    "midi_vae.drums.transcription": TORCH,
    "midi_vae.drums.windows": TORCH,
    "midi_vae.drums.evaluation": TORCH,
    "realtime.audio.sound": TORCH,
    "realtime.plugins.lv2": TORCH,
    "realtime.audio.live_sound": TORCH,
    "realtime.engine.sounds": TORCH,
    "realtime.music.blend": TORCH,
    "realtime.audio.child_process": TORCH,
    "realtime.music.clock": TORCH,
    "realtime.control.controller": TORCH,
    "realtime.audio.device": TORCH,
    "realtime.control.feedback": TORCH,
    "midi_vae.audio.fluidsynth": TORCH,
    "realtime.player.server": TORCH,
    "realtime.control.strokes": TORCH,
    "realtime.control.learn": TORCH,
    "realtime.control.maps": TORCH,
    "realtime.control.osc": TORCH,
    "realtime.player.player": TORCH,
    "realtime.midi.ports": TORCH,
    "realtime.player.client": TORCH,
    "realtime.audio.ring_buffer": TORCH,
    "realtime.music.sequencer": TORCH,
    "realtime.midi.sockets": TORCH,
    "realtime.player.external_clock": TORCH,
    "midi_vae.audio.synthesizer": TORCH,
    "realtime.audio.synthesis": TORCH,
    "realtime.music.parameters": TORCH,
}
MAX_FILE, MAX_FUNCTION = 320, 60  # lines
# what is longer, and why
LONG: dict[str, str] = {}
HEAVY = {f"latentmix.{name}" for name in ("tracing", "run_state", "shares", "training", "read_once", "phases")}
FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}


def find_modules(root: Path) -> dict[str, Path]:
    """Every module of the house under root, by its dotted name."""
    found = {}
    for package in MAY_IMPORT:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def walk(node: ast.AST, at_run_time: bool) -> list[ast.AST]:
    """node and all below it; at_run_time leaves out what only a type checker reads."""
    found = [node]
    below = node.orelse if at_run_time and is_type_checking(node) else ast.iter_child_nodes(node)
    for child in below:
        found += walk(child, at_run_time)
    return found


def named_imports(node: ast.AST, package: str) -> list[tuple[str, list[str]]]:
    """The imports that a node is: (module, names taken from it). package is that of the importing module."""
    if isinstance(node, ast.Import):
        return [(alias.name, []) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        return [(".".join([*above, *filter(None, [node.module])]), [alias.name for alias in node.names])]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "__import__",
        "import_module",
        "importlib.import_module",
    ):
        return [(arg.value, []) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return []


def find_imports(name: str, modules: dict[str, Path], at_run_time: bool = False) -> set[str]:
    """What a module imports: dotted names, as far down as the imported thing is a module of ours."""
    path = modules[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), at_run_time):
        for module, names in named_imports(node, package):
            inner = {f"{module}.{each}" for each in names}
            ours = inner & modules.keys()
            found |= ours
            if not inner or inner - ours:
                found.add(module)
    return found


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def broken_by_package(modules: dict[str, Path]) -> list[str]:
    # a script run by its path has its folder on sys.path, so `import train` in it would be another script; what several
    # of them need is a module of scripts/ itself, or of their own folder, by its full name
    siblings = {name.split(".")[1] for name in modules if is_within(name, "scripts") and "." in name}
    broken = []
    for name in modules:
        package = name.split(".")[0]
        for imported in sorted(find_imports(name, modules)):
            top = imported.split(".")[0]
            if package == "scripts":
                is_elsewhere = imported.count(".") > 1 and not is_within(name, imported.rpartition(".")[0])
                script = top in siblings or (top == "scripts" and is_elsewhere)
            else:
                script = top == "scripts"
            if script or (top in MAY_IMPORT and top != package and top not in MAY_IMPORT[package]):
                broken.append(f"{name} imports {imported}")
    return broken


def broken_by_table(modules: dict[str, Path], forbidden: dict[str, set[str]]) -> list[str]:
    broken = []
    for name, banned in forbidden.items():
        seen, todo = set(), [name] if name in modules else []
        while todo:
            module = todo.pop()
            seen.add(module)
            for imported in sorted(find_imports(module, modules, at_run_time=True)):
                if any(is_within(imported, each) for each in banned):
                    broken.append(f"{name} needs {imported}" + f" through {module}" * (module != name))
                elif imported in modules and imported not in seen:
                    todo.append(imported)
    return broken


def broken_by_layer(modules: dict[str, Path], layers: dict[str, str]) -> list[str]:
    """What a module imports from a folder that comes after its own; folders that nobody gave a place."""
    broken = []
    for name in modules:
        package, _, rest = name.partition(".")
        order = layers.get(package, "").split()
        if not order or not rest:
            continue
        own = rest.split(".")[0]
        if own not in order:
            broken.append(f"{package}.{own} has no place in LAYERS")
            continue
        for imported in sorted(find_imports(name, modules) & modules.keys()):
            other = imported.removeprefix(package + ".").split(".")[0]
            if is_within(imported, package) and other in order and order.index(other) > order.index(own):
                broken.append(f"{name} imports {imported}")
    return broken


def find_cycles(modules: dict[str, Path]) -> list[str]:
    graph = {name: sorted(find_imports(name, modules) & modules.keys()) for name in modules}
    cycles, done = [], set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            cycles.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for imported in graph[name]:
                visit(imported, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    return cycles


def find_bad_names(modules: dict[str, Path]) -> list[str]:
    return [name for name in modules if FORBIDDEN_NAMES & set(name.split("."))]


def find_long(modules: dict[str, Path]) -> dict[str, int]:
    """Files and functions of too many lines, and how many."""
    found = {}
    for name, path in modules.items():
        source = path.read_text(encoding="utf-8")
        lines = {name: source.count("\n")} if source.count("\n") > MAX_FILE else {}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                lines |= {f"{name}.{node.name}": length} if length > MAX_FUNCTION else {}
        found |= lines
    return found


HOUSE = find_modules(ROOT)


def test_the_house_is_found():
    assert "midi_vae.midi.reader" in HOUSE and "scripts.make.make_examples" in HOUSE
    assert HOUSE.keys() >= FORBIDDEN.keys(), "FORBIDDEN names a module that is not there"
    assert "latentmix.errors" in find_imports("midi_vae.midi.reader", HOUSE)


def test_packages_import_only_what_they_may():
    assert broken_by_package(HOUSE) == []


def test_the_foundation_does_not_load_torch():
    """But for what training scripts alone import."""
    light = sorted(HOUSE.keys() & {f"latentmix.{name}" for name in LAYERS["latentmix"].split()} - HEAVY)
    code = f"import sys, {', '.join(light)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(light) >= 6 and not {"torch", "numpy"} & set(done.stdout.split())


def test_arrows_run_one_way():
    assert broken_by_layer(HOUSE, LAYERS) == []


def test_light_modules_stay_light():
    assert broken_by_table(HOUSE, FORBIDDEN) == []


def test_no_import_cycles():
    assert find_cycles(HOUSE) == []


def test_files_and_functions_stay_short():
    assert find_long(HOUSE).keys() == LONG.keys()


def test_no_drawers_for_everything():
    assert find_bad_names(HOUSE) == []


def make_tree(root: Path, sources: dict[str, str]) -> dict[str, Path]:
    for name, source in sources.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return find_modules(root)


@pytest.mark.parametrize(
    ("path", "source", "imported"),
    [
        ("midi_vae/model.py", "import audiovq.model.vqvae", "audiovq.model.vqvae"),
        ("audiovq/model.py", "from midi_vae import Melody", "midi_vae"),
        ("midi_vae/cli.py", "def f():\n    from realtime.engine.engine import Engine", "realtime.engine.engine"),
        ("audiovq/cli.py", "import importlib\nimportlib.import_module('realtime')", "realtime"),
        ("realtime/engine.py", "import scripts.train", "scripts.train"),
        ("midi_vae/model.py", "from ..audiovq import model", "audiovq"),
        ("scripts/bench.py", "from train import loop", "train"),
        ("scripts/make/pictures.py", "from scripts.bench.page import mixer", "scripts.bench.page"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, path: str, source: str, imported: str):
    modules = make_tree(
        tmp_path, {"scripts/train.py": "import midi_vae, realtime", "scripts/bench/page.py": "", path: source}
    )
    importer = path.removesuffix(".py").replace("/", ".")
    assert broken_by_package(modules) == [f"{importer} imports {imported}"]


def test_allowed_imports_pass(tmp_path: Path):
    modules = make_tree(
        tmp_path,
        {
            "realtime/engine.py": "import audiovq.codec.codec\nfrom midi_vae import Melody\nfrom . import blend",
            "realtime/blend.py": "import torch",
            "scripts/train.py": "import realtime, midi_vae, audiovq, numpy",
            "scripts/bench/page.py": "from scripts.train import loop",
            "scripts/bench/more.py": "from scripts.bench.page import loop",
        },
    )
    assert broken_by_package(modules) == find_cycles(modules) == find_bad_names(modules) == []


SHORT, LONG_BODY = "    pass\n" * (MAX_FUNCTION - 1), "    pass\n" * MAX_FUNCTION
# what is not as it should be: files, the rule, what it says of them
BROKEN: dict[str, tuple[dict[str, str], Callable[[dict[str, Path]], object], object]] = {
    "a heavy import through another module": (
        {
            "midi_vae/midi.py": "from . import notes",
            "midi_vae/notes.py": "from torch import nn",
            "midi_vae/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        },
        lambda modules: broken_by_table(modules, {"midi_vae.midi": {"torch"}, "midi_vae.typed": {"torch"}}),
        ["midi_vae.midi needs torch through midi_vae.notes"],
    ),
    "an arrow that runs back up": (
        {
            "midi_vae/__init__.py": "from .model import vae",
            "midi_vae/music/grid.py": "def f():\n    from ..model.vae import g",
            "midi_vae/model/vae.py": "from ..music import grid",
            "midi_vae/attic.py": "",
        },
        lambda modules: broken_by_layer(modules, {"midi_vae": "music model"}),
        ["midi_vae.attic has no place in LAYERS", "midi_vae.music.grid imports midi_vae.model.vae"],
    ),
    "a cycle": (
        {
            "midi_vae/__init__.py": "from .a import f",
            "midi_vae/a.py": "from midi_vae import b",
            "midi_vae/b.py": "if TYPE_CHECKING:\n    from .a import f",
        },
        find_cycles,
        ["midi_vae.a -> midi_vae.b -> midi_vae.a"],
    ),
    "what is long": (
        {
            "midi_vae/a.py": f"def f():\n{SHORT}class C:\n  def g():\n{LONG_BODY}",
            "midi_vae/b.py": "\n" * (MAX_FILE + 1),
        },
        find_long,
        {"midi_vae.a.g": 61, "midi_vae.b": 321},
    ),
}


@pytest.mark.parametrize(("files", "rule", "said"), BROKEN.values(), ids=BROKEN)
def test_it_is_caught(tmp_path: Path, files: dict[str, str], rule: Callable[..., object], said: object):
    assert rule(make_tree(tmp_path, files)) == said


@pytest.mark.parametrize("path", ["midi_vae/utils.py", "audiovq/common/io.py", "scripts/helpers.py"])
def test_a_drawer_for_everything_is_caught(tmp_path: Path, path: str):
    assert len(find_bad_names(make_tree(tmp_path, {path: ""}))) == 1
