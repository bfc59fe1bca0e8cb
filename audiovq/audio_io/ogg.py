"""Ogg files that are several on end (chained, RFC 3533 section 4): where each begins."""

from __future__ import annotations

from mmap import mmap

HEAD, BEGINS = 27, 2  # bytes of a page's header; flag of the first page of a stream


def find_links(data: bytes | mmap) -> list[int]:
    """Offsets at which the links of a chain begin; one of a file that is none."""
    links, offset, was_beginning = [], 0, False
    while (offset := data.find(b"OggS", offset)) >= 0 and offset + HEAD <= len(data):
        begins = bool(data[offset + 5] & BEGINS)
        if begins and not was_beginning:
            links.append(offset)
        was_beginning = begins
        segments = data[offset + HEAD - 1]
        offset += HEAD + segments + sum(data[offset + HEAD : offset + HEAD + segments])
    return links
