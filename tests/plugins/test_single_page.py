"""The page without a server, opened from disk in chromium: nothing is fetched, and its notes are the model's."""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import midi_kinds
import mido
import numpy as np
import pytest
from golden_latents import golden_latents
from typer.testing import CliRunner

from latentmix.errors import InputError
from midi_vae.importing import read_passage
from midi_vae.music.melody import ONSET, Melody
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE
from realtime.cli.app import app
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import charted
from realtime.music.mixer import Mixer
from realtime.plugins import make, single_page, sources
from realtime.plugins.compiler import WASM
from realtime.web.opening import opening_melodies

ROUNDED = {"0": "0", "0.5": "1", "-0.5": "-1", "0.49999999999999994": "0", "-0.4": "-0", "-1.5": "-2", "2.5": "3",
           "-2.4999": "-2", "4503599627370497": "4503599627370497", "-1e+300": "-1e+300", "NaN": "NaN",
           "Infinity": "Infinity", "-Infinity": "-Infinity"}  # fmt: skip
FLOATS = ["1", "2", "0.99999994", "1.0000001", "1e-45", "1.1754944e-38", "3.4028235e38", "0.7071", "1.4143", "10", "0",
          "-1", "NaN", "Infinity"]  # fmt: skip
WORDS = (b"", b"a", b"ab", b"abc", b"abcd", b"ab\xc8", b"\xc8bc", b"b", b"abd")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return MelodyVAE.from_pretrained()


@pytest.fixture(scope="module")
def modules() -> dict[str, bytes]:
    try:
        return make.wasm_modules()
    except InputError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def page(model: MelodyVAE, modules: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or find_spec("playwright") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("expected chromium and playwright, found one missing")
        pytest.skip("chromium or playwright is missing")
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("page") / "page.html"
    weights = plugin_weights(model, "A page", "org.example.page", opening_melodies())
    path.write_text(single_page.page(modules, weights), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
        page.asked = asked
        yield page
        browser.close()


def test_nothing_is_fetched(page) -> None:
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.title() == "A page"
    assert page.evaluate("app.reader === undefined")  # nobody has opened a MIDI file


def test_webassembly_gives_the_tokens_of_the_model(page, model: MelodyVAE) -> None:
    """2,000 latents and 500 mixes of real melodies, as on the engine's other paths; means of some within 1e-5."""
    z = golden_latents(model)
    found = page.evaluate(
        """(text) => {
            const all = new Float32Array(decoded(text).buffer), size = app.engine.size, out = [];
            for (let at = 0; at < all.length; at += size)
                out.push(app.engine.decode(all.subarray(at, at + size), [4, 4], 32));
            return out;
        }""",
        base64.b64encode(z.numpy().tobytes()).decode(),
    )
    expected = [Melody(row).tokens.tolist() for row in model.decode_windows(z)]
    assert sum(a == b for a, b in zip(found, expected, strict=True)) == len(z) == 2500
    some = expected[::8]
    means = page.evaluate(
        "(rows) => rows.map((tokens) => [...app.engine.encode({ tokens, metre: [4, 4] }, [4, 4], 32).latents])", some
    )
    windows = np.array(some, np.int64)
    np.testing.assert_allclose(np.array(means, np.float32), model.invert_windows(windows).numpy(), rtol=0, atol=1e-5)


def test_what_stands_for_the_libraries_does_as_they_do(page, modules: dict[str, bytes], tmp_path: Path) -> None:
    """Rounding, logarithms and the search in bytes, as `engine/wasm_library.cpp` has them."""
    listed = [each for each in sources.page(WASM) if each.path.stem in ("maths", "wasm", "wasm_library")]
    objects = make.wasm_objects(listed, tmp_path)
    exports = ["round", "logf", "memcmp", "strcmp", "strlen", "memchr", "wcslen", "wmemchr", "malloc"]
    binary = base64.b64encode(make.link_wasm(objects, exports, tmp_path / "library.wasm")).decode()
    found = page.evaluate(
        """async ([binary, doubles, floats, words]) => {
            const { c } = await WasmModule.load(Uint8Array.from(atob(binary), (each) => each.charCodeAt(0)));
            const sign = Math.sign, text = (value) => (Object.is(value, -0) ? "-0" : String(value));
            const put = (word, size) => {
                const at = c.malloc(size * (word.length + 1));
                const kind = size === 1 ? Uint8Array : Int32Array;
                new kind(c.memory.buffer, at, word.length + 1).set([...word, 0]);
                return at;
            };
            const small = words.map((word) => put(word, 1)), large = words.map((word) => put(word, 4));
            const place = (at, from, size) => (at ? (at - from) / size : -1);
            return {
                round: doubles.map((x) => text(c.round(Number(x)))), logf: floats.map((x) => text(c.logf(Number(x)))),
                strcmp: small.map((a) => small.map((b) => sign(c.strcmp(a, b)))),
                memcmp: small.map((a) => small.map((b) => sign(c.memcmp(a, b, 3)))),
                strlen: small.map((a) => c.strlen(a)), wcslen: large.map((a) => c.wcslen(a)),
                memchr: small.map((a) => place(c.memchr(a, 200 + 256, 3), a, 1)),
                wmemchr: large.map((a) => place(c.wmemchr(a, 200, 3), a, 4)),
            };
        }""",
        [binary, [*ROUNDED], FLOATS, [list(word) for word in WORDS]],
    )
    assert dict(zip(ROUNDED, found["round"], strict=True)) == ROUNDED
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(np.array(FLOATS, np.float32).astype(float)).astype(np.float32)
    np.testing.assert_array_equal(np.array(found["logf"], np.float32), expected)  # to the last bit
    order = [[(a > b) - (a < b) for b in WORDS] for a in WORDS]
    assert found["strcmp"] == order
    assert found["memcmp"] == [[(a[:3] > b[:3]) - (a[:3] < b[:3]) for b in WORDS] for a in WORDS]
    assert found["strlen"] == found["wcslen"] == [len(word) for word in WORDS]
    assert found["memchr"] == found["wmemchr"] == [word.find(200, 0, 3) for word in WORDS]


def wait_for_ways(page) -> None:
    """A thread of the page finds the way between two melodies, or the chart of the plane among more."""
    page.wait_for_function("app.settled === app.job", timeout=60_000)


def test_until_a_way_is_there_the_mix_goes_straight(page, model: MelodyVAE) -> None:
    mixer = Mixer(Decoder(model), opening_melodies())
    mixer.move({"x": 0.4, "y": 0.5})
    page.evaluate("app.x = 0.4; app.y = 0.5; encode()")  # the thread has not answered when this returns
    assert page.evaluate("(app.found = {}, app.job++, update(), app.tokens)") == mixer.melody().tokens.tolist()
    page.evaluate("encode()")


def test_the_puck_gives_what_the_live_engine_gives(page, model: MelodyVAE) -> None:
    mixer = Mixer(Decoder(model), opening_melodies())
    mixer.charts = {plane: charted(mixer, plane) for plane in ((), tuple(mixer.places))}
    for values in (
        {"x": 0.3, "y": 0.8, "axes": "melodies"},
        {"x": 0.2, "y": 0.7, "axes": "rhythm-pitch"},
        {"x": 1.0, "y": 1.0},
        {"x": 0.6, "y": 0.2, "axes": "melodies"},
        {"x": 0.6, "y": 0.1, "octave": 1, "density": 0.5, "key": "auto"},
        {"x": 1, "y": 0, "octave": 0, "density": 1, "key": "none"},
    ):
        mixer.move(values)
        page.evaluate(
            """(v) => { app.x = v.x; app.y = v.y;
                        if (v.axes) { $("axes").value = v.axes === "melodies" ? 0 : 1; seek(); }
                        $("octave").value = v.octave ?? 0;
                        $("density").value = v.density ?? 1; $("key").value = v.key === "auto" ? 1 : 0; update(); }""",
            values,
        )
        wait_for_ways(page)
        assert page.evaluate("app.tokens") == mixer.melody().tokens.tolist()
    page.evaluate("$('octave').value = 0; $('density').value = 1; $('key').value = 0; update()")


def test_keys_and_pointer_move_the_puck(page) -> None:
    page.evaluate("app.x = app.y = 0.5; update()")
    page.focus("#pad")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[app.x, app.y]") == [0.5625, 0.4375]
    box = page.locator("#pad").bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    assert page.evaluate("[app.x, app.y]") == [0, 1]


def test_a_midi_file_goes_in_and_comes_out(page, tmp_path: Path) -> None:
    page.evaluate("app.x = 0; app.y = 0; update()")
    page.set_input_files("#file", EXAMPLES / "lively.mid")
    page.wait_for_function("$('said').textContent.includes('lively.mid is melody 1')")
    slot = page.evaluate("app.slots[0]")
    expected = opening_melodies()[0]
    assert slot["tokens"] == expected.tokens.tolist() and slot["metre"] == [4, 4]
    with page.expect_download() as download:
        page.click("#save")
    file = mido.MidiFile(file=io.BytesIO(Path(download.value.path()).read_bytes()))
    now, onsets = 0, []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "note_on" and message.velocity:
            onsets.append((now // 120, message.note))
    tokens = page.evaluate("app.tokens")
    assert onsets == [(step, token - ONSET) for step, token in enumerate(tokens) if token >= ONSET]
    (tmp_path / "not.mid").write_bytes(b"no MIDI at all, but long enough")
    page.set_input_files("#file", tmp_path / "not.mid")
    page.wait_for_function("$('said').textContent === 'not.mid: expected a MIDI file, found something else'")


def test_files_of_all_kinds_are_read_as_midi_vae_reads_them(page, tmp_path: Path) -> None:
    """As by the plugins, whose reader it is (`test_midi_file.py`)."""
    path, kinds = tmp_path / "one.mid", {**midi_kinds.FILES, **midi_kinds.REFUSED}
    said = page.evaluate(
        """async (files) => {
            const reader = await Reader.load(await unpacked("reader"));
            return files.map((file) => {
                try { return reader.read(new Uint8Array(file)); } catch (error) { return error.message; } }); }""",
        [list(file) for file in kinds.values()],
    )
    for (name, file), found in zip(kinds.items(), said, strict=True):
        path.write_bytes(file)
        if name in midi_kinds.REFUSED:
            assert isinstance(found, str) and found, name
            continue
        melody = read_passage(str(path)).melody
        assert (name, found["tokens"], tuple(found["metre"])) == (name, melody.tokens.tolist(), melody.metre)
        assert found["tempo"] == pytest.approx(melody.tempo, abs=0.01)


def test_the_link_holds_melodies_and_place(page) -> None:
    page.evaluate("app.x = 0.2; app.y = 1; app.slots = app.slots.slice(0, 3); encode()")
    wait_for_ways(page)
    before = page.evaluate("[app.slots.map((s) => s.tokens), app.tokens]")
    page.click("#link")
    link = page.evaluate("location.hash")
    page.evaluate("app.slots = [app.slots[0]]; app.x = 0.9; encode()")
    page.evaluate("(link) => { history.replaceState(null, '', ' '); location.hash = link; }", link)
    page.wait_for_function("app.slots.length === 3")
    wait_for_ways(page)
    assert page.evaluate("[app.slots.map((s) => s.tokens), app.tokens]") == before
    for bad in ("#AQ", "#AAAA", "#AQAABAQg", "#%%%"):
        page.evaluate("(link) => { location.hash = link; }", bad)
        page.wait_for_timeout(30)
        assert page.evaluate("app.slots.length") == 3


def test_it_plays_and_stops(page) -> None:
    page.click("#play")
    page.wait_for_function("app.at > 4")
    page.click("#play")
    assert page.evaluate("[app.playing, app.sounding ?? null]") == [False, None]


def test_the_command_writes_a_page(modules: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    asked = ["web", str(EXAMPLES / "waltz.mid"), "--export"]
    said = CliRunner().invoke(app, [*asked, str(path)])
    assert said.exit_code == 0, said.output
    text = path.read_text(encoding="utf-8")
    assert said.output == f"{path}: {len(text.encode()) / 1e6:.1f} MB, opens in any browser\n"
    assert all(single_page.packed(data) in text for data in modules.values())
    for name, problem in (
        ("page.html", "--force replaces it"),
        ("page.mid", "expected a name that ends in .html, .htm"),
    ):
        refused = CliRunner().invoke(app, [*asked, str(tmp_path / name)])
        assert refused.exit_code == 1 and problem in refused.output
    assert list(tmp_path.iterdir()) == [path] and path.read_text(encoding="utf-8") == text


def test_five_melodies_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 to 4 melodies"):
        single_page.export(tmp_path / "page.html", "melody_2bar", opening_melodies() * 2)
    assert not list(tmp_path.iterdir())
