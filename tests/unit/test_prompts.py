"""What staff hear: every sound that is named is there, can be heard, and has its words written down."""

from __future__ import annotations

import math
import re
import struct
import wave
from pathlib import Path
from typing import Final

import pytest
from callveil import decision
from harness.heard import heard, pieces

ROOT: Final = Path(__file__).resolve().parents[2]
SOUNDS: Final = ROOT / "dialplan" / "sounds"
ENGLISH: Final = SOUNDS / "en" / "callveil"
DIALPLAN: Final = sorted((ROOT / "dialplan").glob("*.conf"))

MAX_BYTES: Final = 120_000
MAX_SECONDS: Final = 7.0
LOUDNESS: Final = (0.05, 0.3)
"""Root mean square, of full scale: below, speech is hard to hear on a telephone; above, overdriven."""


def named_in_code() -> set[str]:
    """The sounds that a decision may name."""
    return {
        value for value in vars(decision).values() if isinstance(value, str) and value.startswith("callveil/")
    }


def named_in_dialplan() -> set[str]:
    """The sounds that the dialplan names itself."""
    steps = [
        line
        for path in DIALPLAN
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith((";", "#"))
    ]
    return set(re.findall(r"\bcallveil/[a-z-]+", "\n".join(steps)))


def words() -> dict[str, str]:
    """What each prompt says, by its name."""
    lines = (ENGLISH / "prompts.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


NAMED: Final = sorted(named_in_code() | named_in_dialplan())


def samples(path: Path) -> tuple[int, ...]:
    """The audio of a file of 16 bits."""
    with wave.open(str(path)) as audio:
        assert (audio.getframerate(), audio.getsampwidth(), audio.getnchannels()) == (8000, 2, 1)
        assert audio.getcomptype() == "NONE"
        frames = audio.readframes(audio.getnframes())
    return struct.unpack(f"<{len(frames) // 2}h", frames)


def test_sounds_are_found_in_code_and_dialplan() -> None:
    assert len(named_in_code()) >= 6
    assert "callveil/not-made" in named_in_dialplan()
    assert "callveil/hidden-rejected" in named_in_dialplan()


@pytest.mark.parametrize("name", NAMED)
def test_every_named_sound_is_short_telephone_audio_that_can_be_heard(name: str) -> None:
    path = ENGLISH / f"{name.removeprefix('callveil/')}.wav"
    assert path.stat().st_size < MAX_BYTES
    audio = samples(path)
    assert 1.0 < len(audio) / 8000 < MAX_SECONDS
    loudness = math.sqrt(sum(sample * sample for sample in audio) / len(audio)) / 32768
    assert LOUDNESS[0] < loudness < LOUDNESS[1]
    # Nobody waits for it to begin, and it does not end in the middle of a word.
    assert max(map(abs, audio[:800])) < 3000
    assert max(map(abs, audio[:4000])) > 3000
    assert max(map(abs, audio[-800:])) < 3000


@pytest.mark.parametrize("name", NAMED)
def test_every_named_sound_has_its_words(name: str) -> None:
    text = words()[name.removeprefix("callveil/")]
    assert text.isascii()
    assert text.endswith(".")
    assert "!" not in text


def test_no_sound_and_no_words_are_left_over() -> None:
    known = {name.removeprefix("callveil/") for name in NAMED}
    assert {path.stem for path in ENGLISH.glob("*.wav")} == known
    assert set(words()) == known
    assert not [path for path in SOUNDS.rglob("*") if path.is_file() and path.parent not in (SOUNDS, ENGLISH)]


def test_the_readme_explains_each_of_them() -> None:
    table = re.findall(r"^\| `([a-z-]+)\.wav` \|", (SOUNDS / "README.md").read_text(encoding="utf-8"), re.M)
    assert sorted(table) == sorted(words())


@pytest.mark.parametrize("name", sorted(words()))
def test_a_prompt_says_nothing_that_a_listener_should_not_know(name: str) -> None:
    """The one digit is the key to press, in those that wait for one and in no other."""
    text = words()[name]
    waits = f"callveil/{name}" in (decision.OUTSIDE_HOURS, decision.CALL_AGAIN_SHOWN)
    assert re.findall(r"\d+", text) == (["1"] if waits else [])
    assert ("press 1" in text) is waits
    assert not re.search(r"callveil|shelter|hotline|violence|survivor|crisis", text, re.IGNORECASE)


def test_the_tests_can_tell_one_prompt_from_another() -> None:
    known = pieces()
    assert set(known) == set(words())
    for name, piece in known.items():
        assert len(set(piece)) > 10
        assert heard(bytes(100) + piece) == [name]
