"""Which C++ sources make what."""

from __future__ import annotations

import os
import re
from pathlib import Path

from latentmix.errors import InputError

from .compiler import WASM, SourceFile, Target

X86 = {"kernels_avx2": ("-mavx2", "-mfma", "-mf16c"), "kernels_avx512": ("-mavx512f", "-mfma", "-mf16c")}
SMALL = ("-Oz", "-fno-vectorize", "-fno-slp-vectorize", "-mno-simd128")
PAGE_MODULES = ("engine", "reader")  # of WebAssembly, each with a script of its name
PAGE_FOLDERS = ("engine", "midi")  # that WebAssembly is made of
PLUGIN_FOLDERS = (*PAGE_FOLDERS, "device", "formats", "window")  # that the binaries for hosts are made of
DPF_FOLDERS = ("/usr/share/dpf", "/usr/local/share/dpf")
PD_FOLDERS = ("/usr/include/pd", "/usr/local/include/pd", "/Applications/Pd.app/Contents/Resources/src")
LV2_FOLDERS = ("/usr/include", "/usr/local/include", "/opt/homebrew/include")
WINDOW_LIBRARIES = {
    "linux": ("-lX11", "-lGL"),
    "windows": ("-lopengl32", "-lgdi32", "-luser32", "-lcomdlg32", "-ldwmapi"),
}
VERSION = "0.1.0"


def source_folder() -> Path:
    """Where the C++ sources are: in the repository, or inside the installed package.

    Raises:
        InputError: nowhere.
    """
    for folder in (Path(__file__).resolve().parents[2] / "plugins", Path(__file__).parent / "cpp"):
        if (folder / "engine" / "latentmix.h").is_file():
            return folder
    raise InputError("expected the C++ sources of the plugins beside the package, found none; install latentmix anew")


def engine(target: Target, with_c_interface: bool = True, with_drums: bool = True) -> list[SourceFile]:
    """The networks, mixing, shaping and the C interface. What is for another processor compiles to nothing."""
    left_out = () if with_drums else ("drum", "groove")
    return [
        SourceFile(path, _flags(path.stem, target))
        for path in sorted((source_folder() / "engine").glob("*.cpp"))
        if (with_c_interface or not path.stem.endswith("capi")) and not path.stem.startswith(left_out)
    ]


def _flags(stem: str, target: Target) -> tuple[str, ...]:
    if target.processor == "x86-64":
        return X86.get(stem, ())
    if target != WASM or stem.startswith("kernels"):
        return ()
    # what is sent with each page is small, but for the products, which take nearly all of the time
    return ("-Oz", "-fno-builtin") if stem == "wasm_library" else ("-Oz",)


def midi(with_c_interface: bool = False, flags: tuple[str, ...] = ()) -> list[SourceFile]:
    """The reader of MIDI files, which wants the engine's melodies."""
    paths = sorted((source_folder() / "midi").glob("*.cpp"))
    return [SourceFile(path, flags) for path in paths if with_c_interface or not path.stem.endswith("capi")]


def page_exports(module: str) -> list[str]:
    """The functions that a script of the page without a server calls: what none of them needs is not in its module.

    Args:
        module: one of `PAGE_MODULES`.
    """
    text = (Path(__file__).parent / "standalone" / f"{module}.js").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"\bc\.(lm_\w+|malloc|free)\(", text)))


def page(target: Target) -> list[SourceFile]:
    """What the page without a server has: the engine, and a reader that is small, for a file is read once."""
    return [*engine(target, with_drums=False), *midi(with_c_interface=True, flags=SMALL)]


def device(target: Target) -> list[SourceFile]:
    """What all formats share: the engine, the reader of MIDI files, and the instance without its format."""
    folder = source_folder() / "device"
    own = [SourceFile(path) for path in sorted(folder.glob("*.cpp"))]
    return [*engine(target, with_c_interface=False), *midi(), *own]


def formats(headers: Path, with_window: bool) -> dict[str, list[SourceFile]]:
    """What each binary has of its own, by the name of the binary.

    Args:
        headers: a folder in which only the headers of LV2 are (`lv2_headers`).
        with_window: there will be a window's library beside the binaries (`window`).

    Raises:
        InputError: DPF is not there.
    """
    dpf, folder = _find(DPF_FOLDERS, "distrho/DistrhoPluginMain.cpp", "dpf-source", "LATENTMIX_DPF"), source_folder()
    version = f'-DLATENTMIX_VERSION="{VERSION}"'
    own_window = SourceFile(folder / "formats" / "own_window.cpp")
    clap_flags = (f"-isystem{dpf / 'distrho/src'}", version)
    out = {
        "lv2": [
            *(SourceFile(folder / "formats" / f"{n}.cpp", (f"-isystem{headers}",)) for n in ("lv2", "lv2_window")),
            own_window,
        ],
        "clap": [
            *(SourceFile(folder / "formats" / f"{n}.cpp", clap_flags) for n in ("clap", "clap_window")),
            own_window,
        ],
    }
    for name, is_synth in (("vst3", 0), ("vst3-synth", 1)):
        own = folder / "formats" / "vst3"
        flags = (
            f"-DLATENTMIX_SYNTH={is_synth}",
            f"-DLATENTMIX_WINDOW={int(with_window)}",
            "-DDISTRHO_PLUGIN_TARGET_VST3",
            f"-isystem{dpf / 'distrho'}",
            f"-I{own}",
        )
        main = SourceFile(own / "dpf.cpp", flags, is_foreign=True)
        out[name] = [main, SourceFile(own / "vst3.cpp", flags)]
        if with_window:
            out[name] += [
                SourceFile(own / "dpf_window.cpp", flags, is_foreign=True),
                SourceFile(own / "window.cpp", flags),
                own_window,
            ]
    return out


def window(target: Target, is_native: bool) -> tuple[list[SourceFile], tuple[str, ...]]:
    """The window's library: its sources, and what it is linked with.

    Args:
        is_native: it is compiled by this system's own compiler, with this system's headers and libraries.

    Raises:
        InputError: it cannot be built for this target here; the plugins can, without it.
    """
    if target.system == "linux" and is_native:
        for file, package in (("X11/Xlib.h", "libx11-dev"), ("GL/glx.h", "libgl-dev")):
            _find(("/usr/include", "/usr/local/include"), file, package, "LATENTMIX_X11")
    elif target.system != "windows":  # whose headers and import libraries come with each compiler for it
        raise InputError(f"expected headers of windows and OpenGL for {target.name}, which are not here")
    dgl = _find(DPF_FOLDERS, "distrho/DistrhoPluginMain.cpp", "dpf-source", "LATENTMIX_DPF") / "dgl"
    pugl = dgl / "src" / "pugl-upstream"
    # nothing of pugl is seen from outside: another plugin in the same host may have another version
    flags = (
        f"-isystem{pugl / 'include'}",
        f"-isystem{dgl}",
        f"-isystem{dgl.parent}",
        *(("-DHAVE_X11",) if target.system == "linux" else ()),
        "-DPUGL_API=",
        "-DPUGL_DISABLE_DEPRECATED",
        "-DNVG_NO_STB",
    )
    folder = source_folder()
    shared = [
        folder / "device" / "parameters.cpp",
        *(folder / "engine" / f"{n}.cpp" for n in ("blend", "maths", "melody", "shaping")),
    ]
    theirs = ("file_dialog", "gl", "nanovg", "pugl")
    return [
        *(
            SourceFile(path, flags, is_foreign=path.stem in theirs)
            for path in sorted((folder / "window").glob("*.cpp"))
        ),
        *map(SourceFile, shared),
    ], WINDOW_LIBRARIES[target.system]


def pd(target: Target) -> list[SourceFile]:
    """The external for Pure Data.

    Raises:
        InputError: Pd's header is not there.
    """
    header = _find(PD_FOLDERS, "m_pd.h", "puredata-dev", "LATENTMIX_PD")
    flags = (f"-isystem{header}", "-Wno-cast-function-type")  # Pd takes methods of every form as one type
    return [*engine(target), SourceFile(source_folder() / "pd" / "latentmix.cpp", flags)]


def lv2_headers(folder: Path) -> Path:
    """A folder that has the headers of LV2 and nothing else of this system, for compilers that build for another one.

    Raises:
        InputError: they are not there.
    """
    found = _find(LV2_FOLDERS, "lv2/core/lv2.h", "lv2-dev", "LATENTMIX_LV2")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "lv2").exists():
        (folder / "lv2").symlink_to(found / "lv2")
    return folder


def _find(folders: tuple[str, ...], file: str, package: str, variable: str) -> Path:
    for folder in (os.environ.get(variable, ""), *folders):
        if folder and (Path(folder) / file).is_file():
            return Path(folder)
    raise InputError(
        f"expected {file}, found it nowhere; install Debian's package {package}, or say in {variable} where it is"
    )
