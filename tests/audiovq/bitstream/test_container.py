"""The .avq format: known bytes, damage of every kind, seeking."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace

import pytest

from audiovq.bitstream.container import INDEX_EVERY, MAX_LOST, Reader, Record, Writer, read_end
from audiovq.bitstream.header import MAX_HEADER, MAX_PAYLOAD, End, Header
from latentmix.errors import InputError

HEADER = Header(b"weights!", bytes(4), 16_000, 320, 3, 1024, 1, 50, 44_100, version=2)


def payload(number: int, size: int = 150) -> bytes:
    return bytes((7 * number + i) % 256 for i in range(size))


def build(chunks: int = 5, channels: int = 1, last: int = 20, header: Header = HEADER, size: int = 150) -> bytes:
    """A file of so many chunks, the last one of `last` frames."""
    out = io.BytesIO()
    writer = Writer(out, replace(header, channels=channels))
    for number in range(chunks * channels):
        is_last = number >= (chunks - 1) * channels
        writer.write(payload(number, size // 3 if is_last else size), last if is_last else 50)
    writer.finish(chunks * 44_100)
    assert writer.size == len(out.getvalue())
    return out.getvalue()


def read(data: bytes) -> tuple[list[Record], Reader]:
    reader = Reader(io.BytesIO(data))
    return list(reader), reader


def is_noticed(records: list[Record], reader: Reader) -> bool:
    return reader.end is None or reader.skipped > 0 or any(record.payload is None for record in records)


class OneByOne(io.RawIOBase):
    """A pipe that hands over a byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def read(self, size: int = -1) -> bytes:
        return bytes(value for _, value in zip(range(1), self._data, strict=False))


def test_known_bytes():
    out = io.BytesIO()
    writer = Writer(out, replace(HEADER, chunk_frames=2))
    writer.write(b"abc", 2)
    writer.write(b"d", 1)
    writer.finish(1000)
    head = b"\x89AVQ\x02weights!\0\0\0\0" + bytes.fromhex("807d c002 03 8008 01 02 c4d802")
    seed = zlib.crc32(head)
    head += seed.to_bytes(4, "big")
    seed = zlib.crc32(head)
    first = b"\x03abc" + zlib.crc32(b"\x03abc", seed).to_bytes(4, "big")
    second = b"\xfe\x01\x01d" + (zlib.crc32(b"\xfe\x01\x01d", seed) ^ 0x9E3779B1).to_bytes(4, "big")
    end = bytes.fromhex("ff e807 03 00000b")
    assert out.getvalue() == head + first + second + end + zlib.crc32(end, seed).to_bytes(4, "big")


def test_known_bytes_of_later_versions():
    """Version 3 has a gain after the other numbers; payloads of version 4 have a byte more, at most."""
    start = replace(HEADER, version=2).pack()[5:-4]
    for version, gain in ((3, 0), (3, 60), (4, 0), (4, 23)):
        header = replace(HEADER, version=version, gain=gain)
        content = b"\x89AVQ" + bytes([version]) + start + bytes([gain])
        assert header.pack() == content + zlib.crc32(content).to_bytes(4, "big")
        assert Header.unpack(header.pack()) == (header, len(content) + 4)
    assert [replace(HEADER, version=each).max_payload for each in (2, 3, 4)] == [189, 189, 190]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("pipe", [io.BytesIO, OneByOne], ids=["file", "pipe"])
def test_what_was_written_is_read(channels: int, pipe: type):
    reader = Reader(pipe(build(4, channels)))
    records = list(reader)
    assert records == [
        Record(n, 20 if n >= 3 * channels else 50, payload(n, 50 if n >= 3 * channels else 150))
        for n in range(4 * channels)
    ]
    assert reader.header == replace(HEADER, channels=channels)
    assert reader.end == End(4 * 44_100, 170) and reader.skipped == 0


def test_a_file_without_chunks():
    records, reader = read(build(0))
    assert records == [] and reader.end == End(0, 0)


@pytest.mark.parametrize("size", [0, 1, 191, 192, 193, 400, 1000])
def test_every_size_of_payload(size: int):
    header = replace(HEADER, codebooks=16)
    records, reader = read(build(3, header=header, size=size))
    assert [len(record.payload) for record in records] == [size, size, size // 3] and reader.end


def test_the_largest_payload():
    header = replace(HEADER, codebooks=64, codes=2, chunk_frames=MAX_PAYLOAD // 8)
    assert header.max_payload == 1 + MAX_PAYLOAD // 8 * 8
    out = io.BytesIO()
    Writer(out, header).write(bytes(header.max_payload), header.chunk_frames)
    assert read(out.getvalue())[0] == [Record(0, header.chunk_frames, bytes(header.max_payload))]


def test_little_overhead():
    size = len(build(60, last=50)) - 59 * 150 - 50
    assert size <= 30 + 60 * 5 + 2 * 60 // INDEX_EVERY + 20  # bytes a minute


@pytest.mark.parametrize("channels", [1, 2])
def test_every_corruption_of_a_byte_is_noticed_and_stays_where_it_is(channels: int):
    good = build(4, channels)
    whole, _ = read(good)
    for offset in range(len(good)):
        for change in (0x01, 0x80, 0xFF, good[offset]):  # the last one makes it 0
            if not change:
                continue
            data = bytearray(good)
            data[offset] ^= change
            try:
                records, reader = read(bytes(data))
            except InputError as error:
                assert offset < MAX_HEADER and "\n" not in str(error)
                continue
            assert is_noticed(records, reader), offset
            lost = [a for a, b in zip(records, whole, strict=False) if a != b]
            assert len(lost) <= 1 and all(record.payload is None for record in lost), offset
            assert len(records) >= len(whole) - 1
            assert len(records) == len(whole) or reader.end is None


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_that_is_cut_off_gives_what_was_there(channels: int):
    good = build(4, channels)
    whole, _ = read(good)
    counts = []
    for size in range(MAX_HEADER, len(good)):
        records, reader = read(good[:size])
        assert records == whole[: len(records)] and reader.end is None
        counts.append(len(records))
    assert counts == sorted(counts) and counts[-1] == len(whole)


def test_a_missing_piece_is_known_by_its_number():
    good = build(8)
    start = len(good) // 3
    records, reader = read(good[:start] + good[start + 400 :])
    lost = [record.number for record in records if record.payload is None]
    assert len(lost) in (3, 4) and lost == list(range(lost[0], lost[0] + len(lost)))
    assert [record.number for record in records] == list(range(8)) and reader.end


def test_a_piece_too_many_is_passed_over():
    good = build(8)
    records, reader = read(good[:500] + b"noise" * 10_000 + good[500:])
    assert sum(record.payload is None for record in records) <= 1 and len(records) == 8
    assert reader.end and reader.skipped >= 50_000
    records, reader = read(good[:700] + good[300:])
    assert [record.number for record in records] == list(range(8)) and is_noticed(records, reader)


def test_chunks_of_another_file_are_not_taken():
    other = build(8, header=replace(HEADER, model=b"another!"))
    good = build(8)
    assert len(other) == len(good)
    records, _ = read(good[:600] + other[600:])
    assert all(record.payload is None or record.number < 4 for record in records)


def test_no_more_is_made_up_than_may_be_lost():
    out = io.BytesIO()
    Writer(out, HEADER)
    data = out.getvalue() + End(2**60, 2**60).pack(zlib.crc32(out.getvalue()))
    records, reader = read(data)
    assert len(records) == MAX_LOST and reader.end.frames == 2**60


def test_the_index_leads_to_chunks():
    data = build(100, channels=2)
    stream = io.BytesIO(data)
    end = read_end(stream)
    assert stream.tell() == 0 and len(end.offsets) == 100 // INDEX_EVERY
    for chunk in (0, 15, 16, 17, 50, 99, 1000):
        reader = Reader(io.BytesIO(data))
        first = reader.seek(chunk, end)
        assert first == min(chunk, 99) // INDEX_EVERY * INDEX_EVERY
        records = list(reader)
        assert [record.number for record in records] == list(range(2 * first, 200))
        assert all(record.payload for record in records)


def test_no_end_is_made_out_of_damage():
    data = build(20)
    assert read_end(io.BytesIO(data)) is not None
    assert read_end(io.BytesIO(data[:-1])) is None
    assert read_end(io.BytesIO(data[:40])) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected an .avq file, found an empty file"),
        (b"RIFF1234WAVE", "starts with b'RIFF1234'"),
        (b"\x89AVQ\x05", "expected .avq version 2 to 4, found version 5; use a newer release"),
        (b"\x89AVQ\x01", "expected .avq version 2 to 4, found version 1; use an older release"),
        (build()[:20], "cut off"),
        (build()[:5] + b"x" + build()[6:], "checksum of its header"),
    ],
)
def test_what_is_no_header_is_refused(data: bytes, message: str):
    with pytest.raises(InputError, match=message):
        Reader(io.BytesIO(data))


@pytest.mark.parametrize(
    "change", [{"codebooks": 0}, {"channels": 65}, {"codes": 1}, {"hop": 0}, {"chunk_frames": 4096, "codebooks": 8}]
)
def test_numbers_out_of_bounds_are_refused(change: dict[str, int]):
    with pytest.raises(InputError, match="expected"):
        replace(HEADER, **change)
