"""The C++ engine beside PyTorch and the live engine: golden vectors are made here, in the same run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from golden_latents import EXAMPLES, golden_latents, mixes
from native_engine import PATHS, Engine, Library, on_each_path, on_path_or_skip, pointer, random_model

from midi_vae import interpolation
from midi_vae.importing import read_melody
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music import key as keys
from midi_vae.music.melody import ONSET, Melody
from midi_vae.music.windows import to_windows
from midi_vae.plugin_weights import plugin_weights
from midi_vae.travel import even_travel
from midi_vae.vae import MelodyVAE
from realtime.engine.decoder import Decoder
from realtime.music import blend, shaping
from realtime.music.parameters import KEYS
from realtime.music.shares import shares_at, spread


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return MelodyVAE.from_pretrained()


@pytest.fixture(scope="module")
def data(model: MelodyVAE) -> bytes:
    return plugin_weights(
        model, "latentmix melody", "org.latentmix.melody", [read_melody(path)[0] for path in EXAMPLES]
    )


@pytest.fixture(params=PATHS)
def engine(request: pytest.FixtureRequest, library: Library, data: bytes):
    yield from on_path_or_skip(Engine, library, data, request.param)


@pytest.fixture(scope="module")
def golden(model: MelodyVAE) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Of `golden_latents` also what they become, and what that is encoded to."""
    z = golden_latents(model)
    tokens = model.decode_windows(z)
    return z, tokens, model.encode_windows(tokens).numpy()


@pytest.mark.parametrize("tempo", [1e-50, 0.5, 20_000.0, 1e300])
def test_melodies_of_any_tempo_are_in_the_file(tempo: float, library: Library, model: MelodyVAE) -> None:
    melody = Melody(read_melody(EXAMPLES[0])[0].tokens, tempo=tempo)
    engine = Engine(library, plugin_weights(model, "any", "org.example.any", [melody]))
    assert engine.melody(0)[0].tolist() == melody.tokens.tolist()


def test_tokens_and_means_are_those_of_the_model(engine: Engine, golden: tuple) -> None:
    z, tokens, means = golden
    assert (engine.decode(z.numpy()) == tokens).all(1).sum() == len(z) == 2500
    np.testing.assert_allclose(engine.encode(tokens), means, rtol=0, atol=1e-5)


def test_inversions_are_those_of_the_model(engine: Engine, model: MelodyVAE) -> None:
    """Of melodies that are hard to encode: those of the examples with steps put in, and noise, which stays wrong."""
    random = np.random.default_rng(8)
    windows = np.concatenate([to_windows(read_melody(path)[0]) for path in EXAMPLES] * 3)
    for row in windows:
        row[random.integers(32, size=4)] = ONSET + random.integers(40, 80, 4)
    windows = np.concatenate([windows, random.integers(0, 130, (8, 32))])
    expected = model.invert_windows(windows)
    assert not torch.equal(expected, model.encode_windows(windows))  # some of them do need it
    np.testing.assert_allclose(engine.invert(windows), expected.numpy(), rtol=0, atol=1e-5)


def test_one_at_a_time_is_what_many_at_once_are(engine: Engine, model: MelodyVAE) -> None:
    z = mixes(model, 37).numpy()
    assert np.array_equal(engine.decode(z), np.concatenate([engine.decode(each[None]) for each in z]))


def test_draws_are_those_of_the_live_decoder(engine: Engine, model: MelodyVAE) -> None:
    for seed in (0, 7, 123456):
        live = Decoder(model, seed)
        z = mixes(model, 20).numpy()
        expected = np.concatenate([live.decode(each[None], 0.8) for each in z])
        assert np.array_equal(engine.decode(z, 0.8, seed), expected)


def test_pitches_that_the_model_does_not_know_are_folded(engine: Engine, model: MelodyVAE) -> None:
    windows = np.zeros((2, 32), np.int64)
    windows[0, ::4], windows[1, 3] = 2 + 127, 2 + 0
    np.testing.assert_allclose(engine.encode(windows), model.encode_windows(windows).numpy(), rtol=0, atol=1e-5)


def test_a_window_of_silence(engine: Engine, model: MelodyVAE) -> None:
    windows = np.zeros((1, 32), np.int64)
    np.testing.assert_allclose(engine.encode(windows), model.encode_windows(windows).numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        MelodyVAEConfig(width=13, latent_size=16, across=5, step_width=7, critic_width=9,
                        encoder_blocks=2, decoder_blocks=2),
        MelodyVAEConfig(width=16, latent_size=8, across=16, step_width=8, critic_width=16, decoder_blocks=1, pitches=12,
                        lowest_pitch=60, fusion=0.0),
        MelodyVAEConfig(width=40, latent_size=32, across=24, critic_width=20, decoder_blocks=1, pitches=128,
                        lowest_pitch=0, latent="sparse", fusion=1.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("half", [False, True])
def test_models_of_other_sizes(config: MelodyVAEConfig, half: bool, library: Library) -> None:
    """Nothing is a multiple of 16; weights that are not halves come as float32."""
    model = random_model(MelodyVAE, config, half)
    data = plugin_weights(model, "Tiny", "org.example.tiny")
    z = 3 * torch.randn(50, config.latent_size)
    tokens = model.decode_windows(z)
    for engine in on_each_path(Engine, library, data):
        assert np.array_equal(engine.decode(z.numpy()), tokens)
        np.testing.assert_allclose(engine.encode(tokens), model.encode_windows(tokens).numpy(), rtol=0, atol=1e-5)


def test_the_quickest_path_is_chosen_and_an_unknown_one_refused(library: Library, data: bytes) -> None:
    engine = Engine(library, data)
    assert engine.kernels in PATHS
    assert (engine.name, engine.id) == ("latentmix melody", "org.latentmix.melody")
    engine.close()
    with pytest.raises(ValueError, match="no path mmx"):
        Engine(library, data, "mmx")


def test_melodies_travel_with_the_model(library: Library, data: bytes) -> None:
    engine = Engine(library, data)
    for which, path in enumerate(EXAMPLES):
        tokens, metre = engine.melody(which)
        melody = read_melody(path)[0]
        assert tokens.tolist() == melody.tokens.tolist() and metre == melody.metre
    assert not len(engine.melody(len(EXAMPLES))[0])
    engine.close()


def test_attributes(library: Library, data: bytes, model: MelodyVAE) -> None:
    engine = Engine(library, data)
    amounts = [0.5, -1.0, 2.0, 0.25, -3.0]
    expected = interpolation.attribute_shift(model, dict(zip(model.attribute_names, amounts, strict=True))).numpy()
    np.testing.assert_allclose(engine.shift(amounts), expected, rtol=0, atol=1e-6)
    engine.close()


def test_blends_are_those_of_the_live_engine(library: Library) -> None:
    random = np.random.default_rng(0)
    for count in range(1, 9):
        vectors = random.standard_normal((count, 256)).astype(np.float32)
        for weights in (random.random(count), np.eye(count)[0], blend.path(0.3, count)):
            for spherical in (False, True):
                expected = blend.weighted(vectors, weights, spherical)
                np.testing.assert_allclose(library.weighted(vectors, weights, spherical), expected, rtol=0, atol=1e-6)
    a, b = random.standard_normal((2, 256)).astype(np.float32)
    for one, other in ((a, b), (a, a), (a, -a), (a, np.zeros_like(a)), (a, 1e-4 * b)):
        for t in (0.0, 0.25, 1.0):
            np.testing.assert_allclose(library.line(one, other, t, False), blend.lerp(one, other, t), rtol=0, atol=1e-6)
            np.testing.assert_allclose(library.line(one, other, t, True), blend.slerp(one, other, t), rtol=0, atol=3e-6)


@pytest.fixture(scope="module")
def ways(model: MelodyVAE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of 40 even ways (W, D) between windows of real melodies and drawn ones, and their places (9, W, D)."""
    ends = torch.cat([mixes(model, 40), model.sample_latents(40, seed=6)])
    a, b = ends[:40], ends[40:].clone()
    b[0] = a[0]  # nothing is to change
    return a.numpy(), b.numpy(), even_travel(model, a, b).places.numpy()


def test_even_ways_are_those_of_the_model(engine: Engine, ways: tuple) -> None:
    a, b, places = ways
    np.testing.assert_allclose(engine.travel(a, b), places, rtol=0, atol=1e-5)


def test_a_mix_goes_its_way_as_in_the_live_engine(
    engine: Engine, library: Library, model: MelodyVAE, ways: tuple
) -> None:
    """Along a way, and among three melodies with a way between each two: the latents, and all tokens."""
    a, b, places = ways
    z = np.stack([a[:12], b[:12], b[12:24]])
    found = {(0, 1): places[:, :12], (0, 2): engine.travel(z[0], z[2]), (1, 2): engine.travel(z[1], z[2])}
    straight = np.linspace(0, 1, len(places), dtype=np.float32)[:, None, None]
    asides = {(i, j): way - ((1 - straight) * z[i] + straight * z[j]) for (i, j), way in found.items()}
    random = np.random.default_rng(1)
    for weights in ([1, 0, 0], [0.5, 0.5, 0], [0.8, 0.2, 0], *random.dirichlet([1, 1, 1], 12)):
        mixed = library.weighted(z.reshape(3, -1), np.array(weights), False)
        for (i, j), way in found.items():
            mixed = library.aside(mixed, np.ascontiguousarray(way).reshape(len(way), -1), weights[i], weights[j])
        expected = (blend.weighted(z, weights) + blend.aside(asides, weights)).astype(np.float32)
        np.testing.assert_allclose(mixed.reshape(expected.shape), expected, rtol=0, atol=1e-5)
        tokens = model.decode_windows(torch.from_numpy(expected))
        assert np.array_equal(engine.decode(mixed.reshape(expected.shape)), tokens)


@pytest.fixture(scope="module")
def charts(model: MelodyVAE) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Latents (M, W, D) of 2 to 8 real and drawn melodies, shares of them over a pad, and the chart; 18 windows."""
    random, out = np.random.default_rng(9), []
    axis = np.linspace(0, 1, 13)
    for count, windows in ((3, 4), (4, 8), (2, 2), (6, 2), (8, 2)):
        z = torch.cat([mixes(model, count * windows // 2), model.sample_latents(count * windows // 2, seed=count)])
        z = z[torch.from_numpy(random.permutation(len(z)))].unflatten(0, (count, windows))
        z[1, 0] = z[0, 0]  # of which nothing is to change
        shares = np.stack([shares_at(x, y, spread(count)) for y in axis for x in axis])
        out.append((z.numpy(), shares, Decoder(model).chart(z.numpy(), shares)))
    return out


def test_charts_are_those_of_the_model(engine: Engine, charts: list, library: Library) -> None:
    for z, shares, chart in charts:
        np.testing.assert_allclose(engine.chart(z, shares), chart, rtol=0, atol=1e-5)
        grid = chart.reshape(13, 13, *chart.shape[1:])
        for x, y in ((0.0, 0.0), (1.0, 1.0), (0.3125, 0.8125), (0.5, 1.0), (-1.0, 2.0)):
            np.testing.assert_allclose(library.on_grid(grid, x, y), blend.on_grid(grid, x, y), rtol=0, atol=1e-5)


def test_groups_are_joined_as_by_the_model(engine: Engine, model: MelodyVAE) -> None:
    """Rhythm apart from pitch, of 30 pairs of two windows."""
    z = torch.cat([mixes(model, 60), model.sample_latents(60, seed=8)]).unflatten(0, (2, 30, 2)).transpose(0, 1)
    for rhythm, pitch in z:
        expected = model.join(rhythm, pitch).numpy()
        np.testing.assert_allclose(engine.join(rhythm.numpy(), pitch.numpy()), expected, rtol=0, atol=1e-5)
    silence = model.encode_windows(np.zeros((2, 32), np.int64))
    assert (
        engine.join(silence.numpy(), z[0, 0].numpy()) is None and engine.join(z[0, 0].numpy(), silence.numpy()) is None
    )


def test_the_plane_of_rhythm_and_pitch_is_that_of_the_live_engine(engine: Engine, model: MelodyVAE) -> None:
    random = np.random.default_rng(6)
    for metre, bars in (((4, 4), 2), ((4, 4), 4), ((3, 4), 2), ((12, 8), 2), ((2, 4), 3)):
        steps = bars * 16 * metre[0] // metre[1]
        drawn = [
            np.where(random.random(steps) < 0.35, random.integers(50, 90, steps), random.integers(0, 2, steps))
            for _ in range(2)
        ]
        a, b = (Melody(each, metre) for each in drawn)
        expected = Decoder(model).plane(a, b)
        found = engine.plane(a.tokens, b.tokens, metre, expected.shape[2])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert engine.plane(a.tokens, np.zeros(steps), metre, expected.shape[2]) is None


def test_weights_of_places(library: Library) -> None:
    random = np.random.default_rng(0)
    for count in range(1, 9):
        points = np.array([(place.x, place.y) for place in spread(count)])
        at = [*random.random((20, 2)), (0.0, 0.0), (1.0, 0.0), (0.5, 0.5), *points]
        for x, y in at:
            expected = blend.corners(x, y) if count == 4 else blend.inverse_distance(points, x, y)
            np.testing.assert_allclose(library.pad_weights(x, y, count), expected, rtol=0, atol=1e-12)
            np.testing.assert_allclose(library.path_weights(x, count), blend.path(x, count), rtol=0, atol=1e-12)


def test_shaping_is_that_of_the_live_engine(library: Library) -> None:
    random = np.random.default_rng(2)
    for metre in ((4, 4), (3, 4), (6, 8), (2, 4), (12, 8), (5, 4), (7, 8), (3, 2)):
        size = Melody(np.zeros(16 * metre[0] // metre[1], np.int16), metre).steps_per_bar
        for _ in range(12):
            tokens = np.where(
                random.random(4 * size) < 0.5, random.integers(2, 130, 4 * size), random.integers(0, 2, 4 * size)
            )
            melody = Melody(tokens, metre)
            key, octaves, share = int(random.integers(25)), int(random.integers(-3, 4)), float(random.random())
            shaped = shaping.thin(melody, share)
            if key:
                shaped = shaping.in_key(shaped, KEYS[key + 1])
            shaped = shaping.to_octave(shaped, octaves)
            assert library.shape(melody.tokens, metre, share, key, octaves).tolist() == shaped.tokens.tolist()


def test_the_key_of_a_melody(library: Library) -> None:
    random = np.random.default_rng(4)
    names = [str(keys.Key(tonic, mode)) for mode in ("major", "minor") for tonic in range(12)]
    for _ in range(60):
        melody = Melody(np.where(random.random(32) < 0.4, random.integers(42, 90, 32), random.integers(0, 2, 32)))
        tokens = np.ascontiguousarray(melody.tokens, np.int32)
        found = library.c.lm_key_of(pointer(tokens), len(tokens))
        assert names[found - 1] == str(keys.estimate_key([melody]))
    assert library.c.lm_key_of(pointer(np.zeros(32, np.int32)), 32) == 0
