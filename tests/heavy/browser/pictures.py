"""Pictures in every format and form that pages and services take."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 131, 97


def draw(folder: Path) -> None:
    """Write all of them."""
    random = np.random.default_rng(0)
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    channels = [np.sin(column / 9), np.cos(row / 7 + column / 20), np.sin(row * column / 99)]
    values = 127.5 + 127.5 * np.stack(channels, -1) + random.normal(0, 8, (HEIGHT, WIDTH, 3))
    pixels: NDArray[np.uint8] = values.clip(0, 255).astype(np.uint8)
    colours = Image.fromarray(pixels)
    alpha = np.dstack([pixels, (column * 2 % 256).astype(np.uint8)])
    translucent = Image.fromarray(alpha)
    few = colours.quantize(32)

    for name, mode in (("rgb", "RGB"), ("grey", "L"), ("palette", "P"), ("bits", "1")):
        colours.convert(mode).save(folder / f"{name}.png")
    translucent.save(folder / "alpha.png")
    translucent.convert("LA").save(folder / "grey-alpha.png")
    few.save(folder / "palette-transparent.png", transparency=3)
    for bits in (1, 2, 4):
        colours.quantize(2**bits).save(folder / f"palette-{bits}.png", bits=bits)
    grey16 = (column * 499 + row * 37) % 65536
    grey16[::5] %= 256
    Image.fromarray(grey16.astype(np.uint16)).save(folder / "grey-16.png")
    (folder / "rgb-16.png").write_bytes(png(_wide(pixels), depth=16, colour_type=2))
    (folder / "alpha-16.png").write_bytes(png(_wide(alpha), depth=16, colour_type=6))
    (folder / "grey-4.png").write_bytes(_grey(pixels[..., 0] // 16, depth=4))
    (folder / "grey-2.png").write_bytes(_grey(pixels[..., 0] // 64, depth=2))
    (folder / "interlaced.png").write_bytes(png(pixels, depth=8, colour_type=2, interlaced=True))
    (folder / "interlaced-small.png").write_bytes(
        png(pixels[:3, :2], depth=8, colour_type=2, interlaced=True)
    )

    colours.save(folder / "usual.jpg", quality=85)
    colours.save(folder / "fine.jpg", quality=95, subsampling=0)
    colours.save(folder / "progressive.jpg", quality=80, progressive=True)
    colours.convert("L").save(folder / "grey.jpg")
    colours.convert("CMYK").save(folder / "print.jpg")
    colours.save(folder / "lossy.webp", quality=80)
    colours.save(folder / "lossless.webp", lossless=True)
    translucent.save(folder / "alpha-lossy.webp", quality=80)
    translucent.save(folder / "alpha-lossless.webp", lossless=True, exact=True)
    few.save(folder / "few.gif")
    few.save(folder / "few-transparent.gif", transparency=3)
    colours.save(folder / "rgb.bmp")
    exif = Image.Exif()
    for orientation in range(2, 9):
        exif[0x0112] = orientation
        colours.save(folder / f"turned-{orientation}.jpg", exif=exif)
        colours.save(folder / f"turned-{orientation}.png", exif=exif)
    colours.save(folder / "turned.webp", exif=exif, lossless=True)
    for side in (1, 31, 32, 33, 700):
        colours.resize((side, 64)).save(folder / f"wide-{side}.png")
        colours.resize((32, side)).save(folder / f"high-{side}.png")


def _wide(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """16 bits in big-endian order, the lower ones not zero."""
    pairs = np.stack([pixels, 255 - pixels], -1)
    return pairs.reshape(*pixels.shape[:2], -1)


def _grey(levels: NDArray[np.integer[Any]], *, depth: int) -> bytes:
    """A grey PNG with several pixels in a byte; each line is padded with zeros."""
    count = 8 // depth
    padded = np.pad(levels, ((0, 0), (0, -levels.shape[1] % count)))
    packed = np.zeros((padded.shape[0], padded.shape[1] // count), np.uint8)
    for place in range(count):
        packed |= padded[:, place::count] << (8 - depth * (place + 1))
    header = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], depth, 0, 0, 0, 0)
    lines = np.pad(packed, ((0, 0), (1, 0)))
    return _file(header, lines.tobytes())


def png(
    samples: NDArray[np.uint8], *, depth: int, colour_type: int, interlaced: bool = False
) -> bytes:
    """A PNG of rows x columns x bytes, each line with another filter."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
        passes += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    lines = b""
    for left, top, across, down in passes:
        part = samples[top::down, left::across]
        if part.size:
            lines += _filtered(part.reshape(part.shape[0], -1), part.shape[2])
    return _file(header, lines)


def _filtered(lines: NDArray[np.uint8], back: int) -> bytes:
    """Lines with the filters 0 to 4 in turns."""
    found = b""
    above = np.zeros(lines.shape[1], np.int64)
    for number, line in enumerate(lines.astype(np.int64)):
        left = np.concatenate([np.zeros(back, np.int64), line[:-back]])
        corner = np.concatenate([np.zeros(back, np.int64), above[:-back]])
        guess = left + above - corner
        near = np.stack([abs(guess - left), abs(guess - above), abs(guess - corner)])
        paeth = np.choose(near.argmin(0), [left, above, corner])
        predicted = [np.zeros_like(line), left, above, (left + above) // 2, paeth][number % 5]
        found += bytes([number % 5]) + ((line - predicted) % 256).astype(np.uint8).tobytes()
        above = line
    return found


def _file(header: bytes, lines: bytes) -> bytes:
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
