"""The plugins, built once for a test run from the shipped models and the melodies and grooves in `examples`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from native_engine import compiler_or_skip, random_model

from midi_vae.drums.config import GrooveVAEConfig
from midi_vae.drums.groove import Groove
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from midi_vae.importing import read_melody
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.plugin_grooves import groove_weights
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE
from realtime.plugins import build, sources
from realtime.plugins.compiler import Compiler, SourceFile
from realtime.plugins.make import binaries_for

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DRUMS = tuple(EXAMPLES / "drums" / f"{name}.mid" for name in ("backbeat", "toms"))  # that the drum plugin starts with


def drums_of(path: Path) -> Groove:
    """The first two bars of the drums of a file."""
    return read_drums(path).excerpt()


@dataclass(frozen=True)
class Bundles:
    folder: Path
    compiler: Compiler
    binaries: Path
    model: MelodyVAE
    melodies: tuple[Path, ...]

    def clap(self, kind: str = "melody", maker: str = "latentmix") -> Path:
        """Of a kind of model, `melody` or `drums`, by one of `latentmix` or `small`."""
        return self.folder / f"{maker}-{kind}" / f"{maker}-{kind}.clap"

    def lv2(self, kind: str = "melody") -> Path:
        """The bundle of a kind of model."""
        return self.folder / f"latentmix-{kind}.lv2"

    def vst3(self, kind: str, maker: str = "latentmix") -> Path:
        """The binary inside the bundle.

        Args:
            kind: `melody`, `melody-synth` or `drums`.
            maker: as of `clap`.
        """
        return next(self.folder.glob(f"{maker}-{kind}.vst3/Contents/*-*/{maker}-{kind}.*"))

    @cached_property
    def clap_headers(self) -> str:
        return next(
            flag for flag in sources.formats(self.folder / "none", False)["clap"][0].flags if "-isystem" in flag
        )

    def program(self, name: str, folder: Path, libraries: tuple[str, ...] = ()) -> Path:
        """A program of `plugins/hosts`."""
        source = SourceFile(sources.source_folder() / "hosts" / f"{name}.cpp", (self.clap_headers, "-O1"))
        arguments = ("-ldl", "-pthread", *libraries)
        return self.compiler.link(self.compiler.objects([source], folder), folder / name, arguments)

    def device_program(self, name: str, folder: Path, flags: tuple[str, ...] = (), command: str | None = None) -> Path:
        """The same with the device and the engine in it, by another compiler if one is given.

        The reader of MIDI files, which one thread alone calls and these programs never, is that of the plugins.
        """
        source = SourceFile(sources.source_folder() / "hosts" / f"{name}.cpp", ("-fno-builtin",))
        compiler = replace(self.compiler, flags=flags, command=(command,) if command else self.compiler.command)
        reader = sources.midi()
        own = [each for each in sources.device(compiler.target) if each not in reader]
        objects = compiler.objects([source, *own], folder) + self.compiler.objects(reader, folder / "midi")
        return compiler.link(objects, folder / name, ("-ldl", "-pthread"))


def small_weights(melodies: Sequence[Path]) -> dict[str, bytes]:
    """Models of random weights that are read in no time, for what is done often with the same binaries."""
    melody = MelodyVAEConfig(width=16, latent_size=16, across=8, step_width=8, critic_width=8)
    drums = GrooveVAEConfig(width=16, latent_size=16, across=8, feel_width=8)
    return {
        "melody": plugin_weights(
            random_model(MelodyVAE, melody, True), "small melody", "org.example.small.melody",
            [read_melody(path)[0] for path in melodies],
        ),
        "drums": groove_weights(random_model(GrooveVAE, drums, True), "small drums", "org.example.small.drums"),
    }  # fmt: skip


def make(folder: Path) -> Bundles:
    compiler = compiler_or_skip()
    binaries = binaries_for(compiler.target)  # kept from one run to the next while the sources stay as they are
    model, melodies = (
        MelodyVAE.from_pretrained(),
        tuple(EXAMPLES / f"{n}.mid" for n in ("lively", "lyrical", "jig", "waltz")),
    )
    weights = folder / "weights.lmw"
    weights.write_bytes(
        plugin_weights(model, "latentmix melody", "org.latentmix.melody", [read_melody(path)[0] for path in melodies])
    )
    build.bundle(binaries, compiler.target, weights, folder / "bundles")
    drums = folder / "drums.lmw"  # a file of its own: bundles are links to what they are made of
    drums.write_bytes(
        groove_weights(
            GrooveVAE.from_pretrained(), "latentmix drums", "org.latentmix.drums", [drums_of(path) for path in DRUMS]
        )
    )
    build.bundle(binaries, compiler.target, drums, folder / "bundles")
    for kind, data in small_weights(melodies).items():
        path = folder / f"small-{kind}.lmw"
        path.write_bytes(data)
        build.bundle(binaries, compiler.target, path, folder / "bundles")
    return Bundles(folder / "bundles", compiler, binaries, model, melodies)
