"""Controller maps: what ships, what a file may say, and what is said of one that cannot be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentmix.errors import InputError
from realtime.control.bindings import Binding, Feedback
from realtime.control.controller import BoundController
from realtime.control.maps import parse_map, read_map, shipped_map_for, shipped_maps
from realtime.midi.expression import MpeZone
from realtime.music.parameters import PARAMETERS, table

BIND = '[[bind]]\ntarget = "x"\nkind = "cc"\nnumber = 1\n'


def test_shipped_maps_can_be_used():
    assert shipped_maps()[0] == "default" and len(shipped_maps()) >= 8
    for name in shipped_maps():
        controller = read_map(name)
        assert controller.bindings and BoundController(controller, lambda name, value: None)
        addresses = [(b.kind, b.number, b.channel, b.parameter) for b in controller.bindings]
        assert len(set(addresses)) == len(addresses)
        devices = {(b.kind, b.number, b.channel) for b in controller.bindings if b.number is not None}
        assert len(devices) == len([b for b in controller.bindings if b.number is not None])


def test_the_default_map_is_the_documented_one():
    controls = {(b.kind, b.number, b.low_byte): b.parameter for b in read_map("default").bindings}
    assert controls == {
        ("cc14", 1, 33): "position",
        ("cc", 16, None): "x",
        ("cc", 17, None): "y",
        ("cc", 64, None): "hold",
        ("cc", 120, None): "panic",
        ("cc", 123, None): "panic",
        ("program", None, None): "preset",
    }


def test_ports_find_their_map():
    assert shipped_map_for("Launch Control XL:Launch Control XL MIDI 1 24:0") == "launch-control-xl"
    assert shipped_map_for("x-touch mini 28:0") == "x-touch-mini"
    assert shipped_map_for("Midi Through 14:0") is None


def test_shipped_maps_leave_out_attributes_of_other_models():
    parameters = table(attributes=("swing",))
    bindings = read_map("nanokontrol2", parameters).bindings
    assert bindings and all(b.parameter in parameters for b in bindings)


def test_all_keys(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("""
name = "My box"
device = "box"
mpe = { zone = "upper", members = 7 }
[[bind]]
target = "tempo"
kind = "cc14"
number = 2
low_byte = 50
low_first = true
channel = 16
range = [200, 50]
curve = "log"
smoothing = 0.1
mode = "pickup"
feedback = true
[[bind]]
target = "y"
kind = "relative"
number = 3
channel = "master"
encoding = "binary-offset"
step = 0.01
curve = 2
feedback = { kind = "note", number = 9, channel = 2, low = 5, high = 1 }
[[bind]]
target = "key"
kind = "note"
number = 60
value = "c:MAJ"
""")
    found = read_map(path)
    assert (found.name, found.device, found.mpe) == ("My box", "box", MpeZone(True, 7))
    assert found.bindings == (
        Binding(
            "tempo", "cc14", 2, 50, True, 16, range=(200, 50), curve="log", smoothing=0.1, pickup=True,
            feedback=Feedback("cc14", 2, 16, 0, 16383),
        ),
        Binding(
            "y", "relative", 3, channel="master", encoding="binary-offset", step=0.01, curve=2.0,
            feedback=Feedback("note", 9, 2, 5, 1),
        ),
        Binding("key", "note", 60, value="C:maj"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BIND.replace('"x"', '"volume"'), r"\[\[bind\]\] 1 \(volume\), target: expected one of .*found 'volume'"),
        (BIND.replace('"x"', "1"), r"\[\[bind\]\] 1, target: expected one of .* found 1"),
        ("[[bind]]\n", r"target: expected one of .* found none"),
        (BIND + BIND.replace("number = 1", "number = 128"), r"\[\[bind\]\] 2 \(x\), number: .* 0 to 127, found 128"),
        (BIND.replace("number = 1", "number = 1.0"), r"number: expected a whole number from 0 to 127, found 1.0"),
        (BIND.replace("number = 1", ""), r"number: expected a whole number from 0 to 127, found none"),
        (BIND.replace("number = 1", "number = true"), r"number: expected a whole number"),
        (BIND.replace('"cc"', '"knob"'), r"kind: expected one of cc, cc14, .* found 'knob'"),
        (BIND.replace('"cc"', '"pitchbend"'), r"number: expected none, since the kind pitchbend has no"),
        (BIND.replace("= 1", "= 32").replace('"cc"', '"cc14"'), r"number: expected a whole number from 0 to 31"),
        (BIND + "colour = 3", r"colour: expected one of the keys target, kind"),
        (BIND + "channel = 0", r"channel: expected 1 to 16, members or master, found 0"),
        (BIND + "range = [0, 2]", r"range: expected two numbers from 0 to 1, found \[0, 2\]"),
        (BIND + "range = [0]", r"range: expected two numbers"),
        (BIND + "range = [nan, 1.0]", r"range: expected two numbers from 0 to 1, found \[nan, 1.0\]"),
        (BIND + "range = [1, 1]", r"range: expected two numbers that differ"),
        (BIND + 'range = ["a", 1]', r"range: expected two numbers"),
        (BIND + 'curve = "steep"', r"curve: expected one of linear, log, s or an exponent, found 'steep'"),
        (BIND + 'curve = "log"', r"curve: expected another one, or a range above 0"),
        (BIND + "curve = 0", r"curve: expected an exponent from 0.05 to 20, found 0"),
        (BIND + "curve = nan", r"curve: expected an exponent"),
        (BIND + "smoothing = -1", r"smoothing: expected a number from 0 to 10, found -1"),
        (BIND + 'smoothing = "a lot"', r"smoothing: expected a number from 0 to 10, found 'a lot'"),
        (BIND + 'mode = "soft"', r"mode: expected one of jump, pickup, found 'soft'"),
        (BIND + 'button = "toggle"', r"button: expected no toggle, since x is no switch"),
        (BIND + 'button = "next"', r"button: expected momentary or toggle, since x has no next"),
        (BIND + "low_byte = 33", r"low_byte: expected the kind cc14, found 'cc'"),
        (BIND + "step = 0.1", r"step: expected the kind relative, found 'cc'"),
        (BIND + "value = 7", r"value: expected a number from 0 to 1, found 7"),
        (BIND + 'value = "C:maj"', r"value: expected a number from 0 to 1, found 'C:maj'"),
        (BIND + "value = nan", r"value: expected a number"),
        (BIND.replace('"x"', '"hold"') + "range = [0, 1]", r"range: expected none, since hold is a switch"),
        (BIND.replace('"x"', '"hold"') + 'mode = "pickup"', r"mode: expected jump"),
        (BIND + "feedback = 3", r"feedback: expected true or a table, found 3"),
        (BIND + "feedback = { high = 200 }", r"high: expected a whole number from 0 to 127, found 200"),
        (BIND + BIND, r"\[\[bind\]\] 2 \(x\), target: .* another control, than \[\[bind\]\] 1"),
        ('mpe = { zone = "left" }', r"mpe.zone: expected one of lower, upper, found 'left'"),
        ("mpe = { members = 16 }", r"mpe.members: expected a whole number from 0 to 15, found 16"),
        ("name = 3", r"name: expected a text"),
        ("bind = 3", r"bind: expected \[\[bind\]\] tables, found 3"),
        ("bind = [" + "{}, " * 1001 + "]", r"bind: expected at most 1000 \[\[bind\]\] tables, found 1001"),
        ("bind = [3]", r"bind: expected a table, found 3"),
        ("x = 3", r"x: expected one of the keys name, device, mpe, bind, found 'x'"),
        ("[[bind", r"expected TOML, found an error: .* line 1"),
        ("x = " + "[" * 5000, r"expected TOML, found an error"),
        ("x = 1" + "0" * 9000, r"TOML|expected one of the keys"),
    ],
)  # fmt: skip
def test_a_bad_map_is_one_clear_line(tmp_path, text, said):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_map(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    assert len(str(error.value)) < 700


def test_a_map_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.toml: cannot read the map: No such file .* default, bcf2000"):
        read_map("nowhere.toml")
    with pytest.raises(InputError, match="cannot read the map"):
        read_map(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(InputError, match=r"expected TOML in UTF-8"):
        read_map(tmp_path / "latin.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(InputError, match="at most 1 MiB"):
        read_map(tmp_path / "big.toml")


toml = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["cc", "x", "note"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=5,
)
keys = ("target", "kind", "number", "low_byte", "low_first", "channel", "encoding", "step", "range", "curve")
keys += ("smoothing", "mode", "button", "value", "feedback", "other")


@given(st.dictionaries(st.sampled_from(keys), toml, max_size=4), st.sampled_from(["cc", "cc14", "note", "relative"]))
def test_any_values_are_taken_or_refused_in_one_line(entry, kind):
    import tomlkit

    entry = {"target": "x", "kind": kind, "number": 1} | {k: v for k, v in entry.items() if v is not None}
    try:
        text = tomlkit.dumps({"bind": [entry]})
        tomlkit.parse(text)
    except Exception:  # not every such value can be written
        return
    try:
        (binding,) = parse_map(text, "m.toml").bindings
    except InputError as error:
        assert str(error).startswith("m.toml: ") and len(str(error).splitlines()) == 1
    else:
        assert binding.parameter in PARAMETERS


def test_the_guide_names_everything():
    from pathlib import Path

    from realtime.control.bindings import BUTTONS, ENCODINGS, KINDS
    from realtime.control.curves import CURVES
    from realtime.control.strokes import KEYS

    text = (Path(__file__).parents[3] / "docs" / "controllers.md").read_text(encoding="utf-8")
    words = [*shipped_maps(), *KINDS, *BUTTONS, *ENCODINGS, *CURVES, *(n for n in PARAMETERS if "." not in n)]
    words += [name for name in KEYS if len(name) == 1 and name != " "]
    assert [word for word in words if f"`{word}`" not in text] == []
    example = text.split("```toml")[1].split("```")[0]
    assert parse_map(example, "docs").bindings[0].parameter == "tempo"
