"""Images as a page sees them, in the one format that Node.js reads as well: PNG."""

from __future__ import annotations

from pathlib import Path

from builder.errors import ConversionError

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".webp")
"""Of what else browsers read."""


def as_png(samples: Path, folder: Path) -> Path:
    """This folder, filled with the images of another one. Raises ConversionError for a damaged one.

    PNG files are taken as they are; of the others the first picture, turned as its EXIF says.
    """
    for number, path in enumerate(sorted(samples.rglob("*"))):
        target = folder / f"{number:06}-{path.stem}.png"
        if path.suffix.lower() == ".png":
            target.symlink_to(path)
        elif path.suffix.lower() in _SUFFIXES:
            _convert(path, target)
    return folder


def _convert(path: Path, target: Path) -> None:
    from PIL import Image, ImageOps  # noqa: PLC0415 - few conversions take Pillow

    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            upright.convert("L" if upright.mode in ("1", "L") else "RGB").save(
                target, compress_level=1
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ConversionError(f"{path}: no image that Pillow reads: {error}") from None
