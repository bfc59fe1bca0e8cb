"""Weights of 16 bits: each path's products by them are those of the numbers that they stand for."""

from __future__ import annotations

from pathlib import Path

from sanitized import build, said_of


def test_products_are_those_of_the_halves(tmp_path: Path) -> None:
    """All finite halves, also those below the normal ones; odd numbers of inputs, outputs and rows; large inputs."""
    said = dict(line.split() for line in said_of(build("multiply_halves.cpp", (), tmp_path), []))
    assert "plain" in said
    assert all(int(count) > 4 * 32768 for count in said.values())
