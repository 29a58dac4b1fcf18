"""Which of Callveil's prompts somebody heard."""

from __future__ import annotations

import wave
from functools import cache
from pathlib import Path
from typing import Final

PROMPTS: Final = Path(__file__).resolve().parents[2] / "dialplan" / "sounds" / "en" / "callveil"

_BIAS: Final = 0x84
_CLIP: Final = 32635
PIECE: Final = slice(-4000, -2400)
"""Samples: a fifth of a second that ends with the last word. Prompts end with silence of the same length."""


def heard(audio: bytes) -> list[str]:
    """Return the names of the prompts that were heard to their end in µ-law audio, in their order.

    Telephone audio of Asterisk is exactly its sound files, in µ-law, as long as nothing is lost.
    """
    found = [(position, name) for name, piece in pieces().items() if (position := audio.find(piece)) >= 0]
    return [name for _, name in sorted(found)]


@cache
def pieces() -> dict[str, bytes]:
    """Return what each prompt is known by."""
    return {path.stem: as_mu_law(path)[PIECE] for path in sorted(PROMPTS.glob("*.wav"))}


def as_mu_law(path: Path) -> bytes:
    """Return a WAV file of 8 kHz and 16 bits in µ-law (ITU-T G.711)."""
    with wave.open(str(path)) as audio:
        frames = audio.readframes(audio.getnframes())
    return bytes(
        _mu_law(int.from_bytes(frames[at : at + 2], "little", signed=True)) for at in range(0, len(frames), 2)
    )


def _mu_law(sample: int) -> int:
    sample |= 3  # Asterisk's table has one entry for four samples, that of the highest
    sign = 0x80 if sample < 0 else 0
    size = min(abs(sample), _CLIP) + _BIAS
    exponent = size.bit_length() - 8
    return ~(sign | exponent << 4 | size >> (exponent + 3) & 0x0F) & 0xFF
