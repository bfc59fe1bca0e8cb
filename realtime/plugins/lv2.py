"""What LV2 hosts read about the plugins before they load them: Turtle, from the table of parameters.

The order of ports is that of `plugins/formats/lv2.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from midi_vae.plugin_limits import PLUGIN_PIECES

PREFIXES = """@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix midi: <http://lv2plug.in/ns/ext/midi#> .
@prefix patch: <http://lv2plug.in/ns/ext/patch#> .
@prefix pprops: <http://lv2plug.in/ns/ext/port-props#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix rsz: <http://lv2plug.in/ns/ext/resize-port#> .
@prefix state: <http://lv2plug.in/ns/ext/state#> .
@prefix time: <http://lv2plug.in/ns/ext/time#> .
@prefix ui: <http://lv2plug.in/ns/extensions/ui#> .
@prefix units: <http://lv2plug.in/ns/extensions/units#> .
@prefix urid: <http://lv2plug.in/ns/ext/urid#> .

"""
UNITS = {"BPM": "units:bpm", "dB": "units:db", "oct": "units:oct"}
EVENT_BYTES = 16384  # of a port of events: some hundreds of notes


@dataclass(frozen=True)
class Flavour:
    """One plugin.

    Attributes:
        uri, name: of it.
        is_drums: it plays grooves, else melodies.
        is_synth: it sounds.
    """

    uri: str
    name: str
    is_drums: bool = False
    is_synth: bool = False

    @property
    def piece(self) -> str:
        return "groove" if self.is_drums else "melody"


@dataclass(frozen=True)
class Window:
    """The plugins' own window.

    Attributes:
        uri: its name, that of both plugins'.
        system: linux or windows.
    """

    uri: str
    system: str

    @property
    def kind(self) -> str:
        return {"linux": "ui:X11UI", "windows": "ui:WindowsUI"}[self.system]


def manifest(uris: Sequence[str], binary: str, description: str, window: Window | None = None) -> str:
    """`manifest.ttl`: where to read on."""
    listed = [
        f"<{uri}> a lv2:Plugin ;\n    lv2:binary <{binary}> ;\n    rdfs:seeAlso <{description}> .\n\n" for uri in uris
    ]
    if window:
        listed.append(
            f"""<{window.uri}> a {window.kind} ;
    ui:binary <{binary}> ;
    lv2:requiredFeature ui:parent , ui:idleInterface ;
    lv2:optionalFeature ui:resize , ui:touch , urid:map , <http://lv2plug.in/ns/ext/instance-access> , ui:noUserResize ;
    lv2:extensionData ui:idleInterface .

"""
        )
    return PREFIXES + "".join(listed)


def description(
    plugin: Flavour, parameters: Sequence[Mapping[str, Any]], version: str, window: Window | None = None
) -> str:
    """One plugin: its ports and what it asks of a host."""
    heard, sent = "midi:MidiEvent , time:Position , patch:Message", "midi:MidiEvent , state:StateChanged"
    label = "Drums" if plugin.is_drums else "Melody"
    ports = [_events("InputPort", "events_in", "Events in", f"atom:supports {heard} ;\n        "),
             _events("OutputPort", "events_out", label, f"atom:supports {sent} ;\n        ")]  # fmt: skip
    ports.append(_switch("freewheel", "Offline", 0, "lv2:freeWheeling", "pprops:notOnGUI"))
    ports.append(_switch("enabled", "Enabled", 1, "lv2:enabled", ""))
    ports += [_control(each) for each in parameters]
    if plugin.is_synth:
        ports += [
            f'a lv2:OutputPort , lv2:AudioPort ;\n        lv2:symbol "{symbol}" ;\n        lv2:name "{label}"'
            for symbol, label in (("left", "Left"), ("right", "Right"))
        ]
    files = " , ".join(f"<{file_uri(plugin.uri, slot)}>" for slot in range(PLUGIN_PIECES))
    _, minor, micro = (int(part) for part in version.split("."))
    listed = " , ".join(f"[\n        lv2:index {index} ;\n        {port}\n    ]" for index, port in enumerate(ports))
    shown = f"    ui:ui <{window.uri}> ;\n" if window else ""
    kind = "lv2:InstrumentPlugin" if plugin.is_synth else "lv2:MIDIPlugin"
    return f"""<{plugin.uri}> a lv2:Plugin , {kind} , doap:Project ;
    doap:name "{_escaped(plugin.name)}" ;
    doap:license <https://spdx.org/licenses/MIT> ;
    doap:maintainer [ a foaf:Person ; foaf:name "latentmix" ] ;
    lv2:minorVersion {2 * minor} ;
    lv2:microVersion {2 * micro} ;
    lv2:requiredFeature urid:map ;
    lv2:optionalFeature lv2:hardRTCapable ;
    lv2:extensionData state:interface ;
    patch:writable {files} ;
{shown}    lv2:port {listed} .

"""


def file_uri(uri: str, slot: int) -> str:
    """What a host sets to the path of a MIDI file; of the synth the same as of the note effect.

    Args:
        uri: the plugin's.
        slot: from 0.
    """
    return f"{uri.removesuffix(':synth')}:file_{slot + 1}"


def files(plugin: Flavour) -> str:
    """The properties that take the path of a MIDI file."""
    return "".join(
        f"""<{file_uri(plugin.uri, slot)}> a lv2:Parameter ;
    rdfs:label "File for {plugin.piece} {slot + 1}" ;
    rdfs:range atom:Path .

"""
        for slot in range(PLUGIN_PIECES)
    )


def _events(direction: str, symbol: str, label: str, more: str) -> str:
    return f"""a lv2:{direction} , atom:AtomPort ;
        atom:bufferType atom:Sequence ;
        {more}lv2:designation lv2:control ;
        rsz:minimumSize {EVENT_BYTES} ;
        lv2:symbol "{symbol}" ;
        lv2:name "{label}\""""


def _switch(symbol: str, label: str, standard: int, designation: str, more: str) -> str:
    properties = "lv2:toggled , lv2:integer" + (f" , {more}" if more else "")
    return f"""a lv2:InputPort , lv2:ControlPort ;
        lv2:symbol "{symbol}" ;
        lv2:name "{label}" ;
        lv2:designation {designation} ;
        lv2:portProperty {properties} ;
        lv2:default {standard} ; lv2:minimum 0 ; lv2:maximum 1"""


def _control(parameter: Mapping[str, Any]) -> str:
    lines = [
        "a lv2:InputPort , lv2:ControlPort",
        f'lv2:symbol "{parameter["symbol"]}"',
        f'lv2:name "{_escaped(parameter["name"])}"',
        *(f"lv2:{word} {parameter[key]:.6g}"
          for word, key in (("default", "standard"), ("minimum", "least"), ("maximum", "most"))),
    ]  # fmt: skip
    if parameter["is_whole"]:
        lines.append("lv2:portProperty lv2:integer" + (" , lv2:enumeration" if parameter["choices"] else ""))
    if parameter["choices"]:
        points = " , ".join(
            f'[ rdfs:label "{_escaped(label)}" ; rdf:value {parameter["least"] + index:g} ]'
            for index, label in enumerate(parameter["choices"])
        )
        lines.append(f"lv2:scalePoint {points}")
    if parameter["unit"] in UNITS:
        lines.append(f"units:unit {UNITS[parameter['unit']]}")
    return " ;\n        ".join(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
