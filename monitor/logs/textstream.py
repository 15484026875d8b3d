"""Text files as blocks of whole lines: decompressed on the way, in bounded memory, however they end."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from monitor.logs.listing import LogFile, is_young
from monitor.logs.quarantine import Quarantine
from monitor.logs.source import BadFile, Source, is_store_failure, log_error, opened

BLOCK = 1 << 22  # decompressed bytes parsed at a time
STEP = 1 << 16  # decompressed bytes taken at a time
LONGEST_LINE = 10 * 1000 * 1000
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\x04\x22\x4d\x18": "lz4"}

# Where to cut: bytes, whether nothing follows -> length of the part that ends with a complete record.
Cut = Callable[[bytes, bool], int]
# Whether a last line without a newline is complete all the same, in a file that may still be growing.
Complete = Callable[[bytes], bool]


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Parameters
    ----------
    data : bytes
    line : int
        Number of the first line, counted from 1.
    taken : int
        Bytes of the file, as stored, that were taken to get as far as the block's end or a little further.
    """

    data: bytes
    line: int
    taken: int


def cut_at_newline(data: bytes, final: bool) -> int:
    """Lines end at newlines and nowhere else."""
    return len(data) if final else data.rfind(b"\n") + 1


def never(line: bytes) -> bool:
    """Only a newline ends a line."""
    return False


def compression(head: bytes) -> str | None:
    """By what the file begins with, because suffixes lie."""
    return next((codec for magic, codec in MAGIC.items() if head.startswith(magic)), None)


def blocks(
    source: Source,
    file: LogFile,
    quarantine: Quarantine,
    cut: Cut = cut_at_newline,
    complete: Complete = never,
    start: int = 0,
) -> Iterator[Block]:
    """Blocks of whole records, in order, of the file as long as it was when listed.

    What follows the last newline is left for later while the file is young and it is not `complete`. Lines
    beyond `LONGEST_LINE` and what follows a break in a compressed stream are quarantined.

    Parameters
    ----------
    start : int
        Byte to start at; the line that it falls into is skipped. Not for compressed files.

    Raises
    ------
    BadFile
        When the file is gone, replaced, or no UTF-8 text.
    """
    young = is_young(file)
    with opened(source, file.path, file.size, may_grow=True) as handle:
        handle.seek(start)
        stream = _Stream(handle, file.size - start)
        rest, line, too_long = b"", 1, bool(start)
        for chunk in stream.chunks(file.path, quarantine, young):
            if too_long:  # inside a line that is left out: look for its end
                end = chunk.find(b"\n") + 1
                if not end:
                    continue
                chunk, too_long, line = chunk[end:], False, line + 1
            data = rest + chunk
            length = cut(data, False)
            if length:
                yield Block(data[:length], line, stream.taken)
                line += data.count(b"\n", 0, length)
            rest = data[length:]
            if len(rest) > LONGEST_LINE:
                quarantine.add_rows(file.path, f"a line longer than {LONGEST_LINE // 1_000_000} MB", 1, line)
                rest, too_long = b"", True
        if rest.strip() and (not young or rest.endswith(b"\n") or complete(rest)):
            yield Block(rest[: cut(rest, True)], line, stream.taken)


def end_blocks(source: Source, file: LogFile, cut: Cut = cut_at_newline) -> Iterator[Block]:
    """The first and last blocks of a large file that is not compressed, else all."""
    every = blocks(source, file, Quarantine(), cut)
    with opened(source, file.path, file.size, may_grow=True) as handle:
        packed = compression(handle.read(4)) is not None
    if packed or file.size <= 2 * BLOCK:
        yield from every
    else:
        yield next(every)
        yield from blocks(source, file, Quarantine(), cut, start=file.size - BLOCK)


class _Stream:
    """Decompressed bytes of a handle, at most `size` raw bytes of it."""

    def __init__(self, handle: pa.NativeFile, size: int) -> None:
        self._raw = _Limited(handle, size)

    @property
    def taken(self) -> int:
        return self._raw.taken

    def chunks(self, path: str, quarantine: Quarantine, young: bool) -> Iterator[bytes]:
        head = self._raw.peek(4)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise BadFile("is UTF-16 text: only UTF-8 is read")
        codec = compression(head)
        first = True
        for chunk in self._plain(path) if codec is None else self._unpacked(codec, path, quarantine, young):
            yield chunk.removeprefix(b"\xef\xbb\xbf") if first else chunk
            first = False

    def _plain(self, path: str) -> Iterator[bytes]:
        while chunk := self._read(self._raw, BLOCK, path):
            yield chunk

    def _unpacked(self, codec: str, path: str, quarantine: Quarantine, young: bool) -> Iterator[bytes]:
        stream = self._decompressor(codec)
        parts: list[bytes] = []
        size = delivered = 0
        broken = ""
        while not broken:
            try:
                part = stream.read(STEP)
            except OSError as error:
                if is_store_failure(error):
                    raise log_error(error, path) from error
                broken = f"compressed data ({codec}) is broken or ends early: {error}"
                part = self._rest(codec, delivered)
            parts.append(part)
            size += len(part)
            delivered += len(part)
            if size >= BLOCK or broken or not part:
                yield b"".join(parts)
                parts, size = [], 0
            if not part:
                break
        if broken and not young:
            quarantine.add_rows(path, broken, 1)

    def _decompressor(self, codec: str) -> pa.NativeFile:
        return pa.CompressedInputStream(pa.PythonFile(self._raw, mode="r"), codec)

    def _rest(self, codec: str, delivered: int) -> bytes:
        """What can still be had of a stream that broke in the next step: byte by byte, from the beginning."""
        self._raw.rewind()
        stream = self._decompressor(codec)
        while delivered:
            delivered -= len(stream.read(min(STEP, delivered)))
        out = bytearray()
        with contextlib.suppress(OSError):
            while byte := stream.read(1):
                out += byte
        return bytes(out)

    @staticmethod
    def _read(stream: _Limited, size: int, path: str) -> bytes:
        try:
            return stream.read(size)
        except OSError as error:
            if is_store_failure(error):
                raise log_error(error, path) from error
            raise BadFile(f"cannot be read: {error}") from error


class _Limited(io.RawIOBase):
    """The first bytes of a handle, as a Python file."""

    def __init__(self, handle: pa.NativeFile, size: int) -> None:
        self._handle, self._size = handle, size
        self._start = handle.tell()
        self.rewind()

    def rewind(self) -> None:
        """Begin again."""
        self._handle.seek(self._start)
        self._left, self._peeked, self.taken = self._size, b"", 0

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        self._peeked = self.read(size)
        return self._peeked

    def read(self, size: int = -1) -> bytes:
        if self._peeked:
            out, self._peeked = self._peeked, b""
            return out
        out = self._handle.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(out)
        self.taken += len(out)
        return bytes(out)
