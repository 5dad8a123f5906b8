"""Opens the zip container of an uploaded workbook without trusting a word it says about its own sizes."""

import struct
import zipfile
import zlib
from io import BytesIO

from services.registry.domain.errors import DecompressionBomb, EmptyFile, UnreadableFile, UnsupportedFile

MAX_ENTRIES = 2_000
MAX_INFLATED_BYTES = 192 * 1024 * 1024  # of all parts together
MAX_RATIO = 200  # inflated to compressed, once there is enough to tell; honest ledgers stay below 30
RATIO_COUNTS_FROM_BYTES = 16 * 1024 * 1024
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_CHUNK = 1024 * 1024
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = 0x1


def open_archive(data: bytes) -> dict[str, bytes]:
    """Every part of the container, inflated under a bound. Raises a FileRefused that says what is wrong.

    The sizes in the directory are the sender's claim: each part is inflated here, counted as it grows, and must then
    be what the directory said.
    """
    _check_kind(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise UnreadableFile("文件不完整：可能在传输中被截断，请重新上传") from error
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_INFLATED_BYTES:
        raise DecompressionBomb
    if len({entry.filename for entry in entries}) != len(entries):
        raise UnreadableFile("文件内部有同名部件")
    budget = _Budget()
    return {entry.filename: _inflate(data, entry, budget) for entry in entries}


def _check_kind(data: bytes) -> None:
    if not data:
        raise EmptyFile
    if data.startswith(_OLE):
        raise UnsupportedFile("这是旧版 .xls 或带密码的工作簿，请去掉密码并另存为 .xlsx")
    if not data.startswith(b"PK\x03\x04"):
        raise UnsupportedFile("不是 Excel 工作簿，请上传 .xlsx 文件")


class _Budget:
    def __init__(self) -> None:
        self._inflated = 0
        self._compressed = 0

    def read(self, size: int) -> None:
        self._compressed += size

    def spend(self, size: int) -> None:
        self._inflated += size
        suspicious = self._inflated > RATIO_COUNTS_FROM_BYTES and self._inflated > MAX_RATIO * max(self._compressed, 1)
        if self._inflated > MAX_INFLATED_BYTES or suspicious:
            raise DecompressionBomb


def _inflate(data: bytes, entry: zipfile.ZipInfo, budget: _Budget) -> bytes:
    if entry.flag_bits & _ENCRYPTED:
        raise UnsupportedFile("工作簿带密码，请去掉密码后再上传")
    packed = _packed(data, entry)
    budget.read(len(packed))
    if entry.compress_type == zipfile.ZIP_STORED:
        budget.spend(len(packed))
        content = packed
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        content = _deflated(packed, budget)
    else:
        raise UnsupportedFile("工作簿使用了不支持的压缩方式，请用 Excel 或 WPS 另存为 .xlsx")
    if len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
        raise UnreadableFile("文件内容与其校验值不符，可能已损坏")
    return content


def _packed(data: bytes, entry: zipfile.ZipInfo) -> bytes:
    header = data[entry.header_offset : entry.header_offset + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size:
        raise UnreadableFile
    signature, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    start = entry.header_offset + _LOCAL_HEADER.size + name_size + extra_size
    packed = data[start : start + entry.compress_size]
    if signature != b"PK\x03\x04" or len(packed) != entry.compress_size:
        raise UnreadableFile
    return packed


def _deflated(packed: bytes, budget: _Budget) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    chunks = []
    rest = packed
    try:
        while rest and not inflater.eof:
            chunk = inflater.decompress(rest, _CHUNK)
            rest = inflater.unconsumed_tail
            budget.spend(len(chunk))
            chunks.append(chunk)
    except zlib.error as error:
        raise UnreadableFile from error
    if not inflater.eof:
        raise UnreadableFile
    return b"".join(chunks)


def repack(parts: dict[str, bytes]) -> BytesIO:
    """The verified parts as an uncompressed container: what a parser then reads is what was verified."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    target.seek(0)
    return target
