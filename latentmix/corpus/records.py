"""Records <-> the bytes of a shard: Parquet, or WebDataset; the same records give the same bytes."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..extras import load_extra
from .storage import EXTRA

SUFFIXES = {"parquet": ".parquet", "webdataset": ".tar"}
METADATA = b"latentmix"
MAX_ROWS = 1 << 20
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """What a record has under a name: a value or an array.

    Attributes:
        dtype: as NumPy names it; "string" for text.
        dims: 0 for a value, 1 or 2 for an array.
    """

    name: str
    dtype: str
    dims: int = 0


def write_shard(form: str, columns: Sequence[Column], records: Sequence[Record], described: Mapping[str, Any]) -> bytes:
    """The bytes of a shard.

    Args:
        described: of the corpus; kept in the shard, so that it can be told from those of another.
    """
    return (_parquet if form == "parquet" else _webdataset)(columns, records, json.dumps(described, sort_keys=True))


def read_shard(form: str, columns: Sequence[Column], content: bytes, address: str) -> tuple[list[Record], str]:
    """Records of a shard, arrays as NumPy has them, and its description.

    Raises:
        InputError: damaged, or not a shard.
    """
    try:
        return (_from_parquet if form == "parquet" else _from_webdataset)(columns, content)
    except Exception as error:  # pyarrow and tarfile have many of their own
        said = " ".join(str(error).split())
        raise InputError(
            f"{address}: expected a shard of records, found a damaged file ({said}); remove it, and the "
            "command that made the corpus makes it anew"
        ) from None


def _arrow() -> Any:
    return load_extra("pyarrow", EXTRA)


def _arrow_type(column: Column) -> Any:
    pa = _arrow()
    kind = pa.string() if column.dtype == "string" else pa.from_numpy_dtype(column.dtype)
    for _ in range(column.dims):
        kind = pa.list_(kind)
    return kind


def _parquet(columns: Sequence[Column], records: Sequence[Record], described: str) -> bytes:
    pa, parquet = _arrow(), load_extra("pyarrow.parquet", EXTRA)
    arrays = [_arrow_array(column, [record[column.name] for record in records]) for column in columns]
    schema = pa.schema([pa.field(column.name, _arrow_type(column)) for column in columns], {METADATA: described})
    sink = io.BytesIO()
    parquet.write_table(pa.table(arrays, schema=schema), sink, compression="zstd", row_group_size=MAX_ROWS)
    return sink.getvalue()


def _arrow_array(column: Column, values: list[Any]) -> Any:
    """Of the buffers themselves: PyArrow's own way imports pandas, which takes a second in each process."""
    import numpy as np

    pa = _arrow()
    if column.dtype == "string":
        texts = [value.encode() for value in values]
        ends = np.cumsum([0, *map(len, texts)]).astype(np.int32)
        return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))
    if not column.dims:
        return _arrow_numbers(np.asarray(values, column.dtype))
    arrays = [np.asarray(value, column.dtype) for value in values]
    flat = np.concatenate([np.zeros(0, column.dtype), *(array.ravel() for array in arrays)])
    made = _arrow_numbers(flat)
    if column.dims == 2:
        rows = np.concatenate([np.zeros(0, np.int64), *(np.full(len(a), a.shape[1]) for a in arrays)])
        made = pa.ListArray.from_arrays(_arrow_numbers(np.append(0, rows.cumsum()).astype(np.int32)), made)
    ends = np.cumsum([0, *map(len, arrays)]).astype(np.int32)
    return pa.ListArray.from_arrays(_arrow_numbers(ends), made)


def _arrow_numbers(values: Any) -> Any:
    """A NumPy array (n,) without a copy."""
    pa = _arrow()
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _from_parquet(columns: Sequence[Column], content: bytes) -> tuple[list[Record], str]:
    import numpy as np

    table = load_extra("pyarrow.parquet", EXTRA).read_table(_arrow().BufferReader(content)).combine_chunks()
    values: dict[str, list[Any]] = {}
    for column in columns:
        found = table.column(column.name)
        if not column.dims or not len(table):
            values[column.name] = found.to_pylist()
            continue
        chunk = found.chunk(0)
        ends, inner = chunk.offsets.to_numpy(), chunk.values
        if column.dims == 1:
            flat = inner.to_numpy(zero_copy_only=False).astype(column.dtype)
            values[column.name] = [flat[a:b] for a, b in itertools.pairwise(ends)]
            continue
        edges, flat = inner.offsets.to_numpy(), inner.values.to_numpy(zero_copy_only=False).astype(column.dtype)
        values[column.name] = [
            flat[edges[a] : edges[b]].reshape(b - a, -1) if b > a else np.zeros((0, 0), column.dtype)
            for a, b in itertools.pairwise(ends)
        ]
    records: list[Record] = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return records, (table.schema.metadata or {}).get(METADATA, b"").decode()


def _webdataset(columns: Sequence[Column], records: Sequence[Record], described: str) -> bytes:
    """A member `NUMBER.NAME.npy` for each array, `NUMBER.json` for the values; `corpus.json` comes first."""
    import numpy as np

    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, ".corpus.json", described.encode())  # readers of WebDataset pass over what begins with a dot
        for number, record in enumerate(records):
            values = {c.name: record[c.name] for c in columns if not c.dims}
            _add(archive, f"{number:06}.json", json.dumps(values, sort_keys=True).encode())
            for column in columns:
                if column.dims:
                    array = io.BytesIO()
                    np.save(array, np.asarray(record[column.name], column.dtype), allow_pickle=False)
                    _add(archive, f"{number:06}.{column.name}.npy", array.getvalue())
    return sink.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # with no time and no owner, so that bytes depend on the content alone
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _from_webdataset(columns: Sequence[Column], content: bytes) -> tuple[list[Record], str]:
    import numpy as np

    records: dict[str, dict[str, Any]] = {}
    described = ""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member)
            data = file.read() if file else b""
            number, _, kind = member.name.partition(".")
            if not number:
                described = data.decode()
            elif kind == "json":
                records.setdefault(number, {}).update(json.loads(data))
            else:
                array = np.load(io.BytesIO(data), allow_pickle=False)
                records.setdefault(number, {})[kind.removesuffix(".npy")] = array
    names = [column.name for column in columns]
    made: list[Record] = [{name: records[number][name] for name in names} for number in sorted(records)]
    return made, described
