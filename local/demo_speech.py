"""Speech of a synthesiser, with its phones and words in time: what the two demo corpora share.

espeak-ng (its library and voices come with the PyPI package espeakng-loader) speaks a sentence and says where each
phone begins. A speaker is one of its voice variants, an accent, a length of the vocal tract, a pitch and a rate. Each
utterance is spoken a little differently, in another place of the room and in other noise, so that there is something to
learn.
"""

import argparse
import ctypes
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import espeakng_loader
import numpy as np
import soxr

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.recordings import write_riff16

SAMPLE_RATE = 16000
SENTENCES = Path(__file__).resolve().parent / "demo_sentences.txt"
DEMO_NAME = "synthetic demo, no scientific meaning"

# espeak-ng's mnemonics (without marks of stress) in TIMIT's phones; where there are two, they share the time. Stops are
# cut into closure and release by split_stop.
TIMIT_PHONES = {
    "a": "ae", "aa": "ae", "A:": "aa", "0": "aa", "E": "eh", "I": "ih", "I2": "ix", "I#": "ix", "i": "iy", "i:": "iy",
    "O2": "ao", "O:": "ao", "OI": "oy", "U": "uh", "u:": "uw", "V": "ah", "@": "ax", "@2": "ax", "a#": "ax",
    "aI": "ay", "aU": "aw", "eI": "ey", "oU": "ow", "i@": "iy ax", "aI@": "ay ax", "aI3": "ay axr",
    "3": "axr", "3:": "er", "@L": "el", "n-": "en",
    "A@": "aa r", "O@": "ao r", "o@": "ao r", "e@": "eh r", "i@3": "ih r", "U@": "uh r",
    "p": "p", "b": "b", "t": "t", "t2": "t", "d": "d", "k": "k", "g": "g", "tS": "ch", "dZ": "jh", "t#": "dx", "?": "q",
    "f": "f", "v": "v", "T": "th", "D": "dh", "s": "s", "z": "z", "S": "sh", "Z": "zh", "h": "hh",
    "m": "m", "n": "n", "N": "ng", "l": "l", "r": "r", "r-": "r", "w": "w", "j": "y",
    "_": "pau", "_:": "pau",
}  # fmt: skip
# What British English means by the same mnemonics: no r after a vowel, and a long a in "dance".
BRITISH = {
    "aa": "aa", "3": "ax", "A@": "aa", "O@": "ao", "o@": "ao", "e@": "eh ax", "i@3": "ih ax", "U@": "uh ax",
}  # fmt: skip
ACCENTS = {"en-us": TIMIT_PHONES, "en-gb": TIMIT_PHONES | BRITISH}
VOICE_FILES = {"en-us": "gmw/en-US", "en-gb": "gmw/en"}
LENGTHEN = (":", ";")  # not phones: they prolong the one before, or glide out of it
CLOSURES = {"p": "pcl", "b": "bcl", "t": "tcl", "d": "dcl", "k": "kcl", "g": "gcl", "ch": "tcl", "jh": "dcl"}


class Segment(NamedTuple):
    start: float  # seconds
    end: float
    name: str  # a phone of TIMIT's 61, or a word


@dataclass
class Speech:
    samples: np.ndarray  # (samples,) float64, 1.0 is full scale, at SAMPLE_RATE
    phones: list[Segment]  # from 0 to the end of the samples, without gaps
    words: list[Segment]


@dataclass(frozen=True)
class Prosody:
    """How one utterance is spoken, beside the speaker's habit."""

    rate: float = 1.0  # times the speaker's words per minute
    pitch: float = 0.0  # added to the speaker's, on espeak-ng's scale of 0 to 100
    range: float = 1.0  # times the speaker's movement of the pitch
    gain: float = 0.0  # dB
    tilt: float = 0.0  # of the spectrum: > 0 brighter (a raised voice), < 0 duller; -0.9 to 0.9


@dataclass
class Speaker:
    accent: str  # of ACCENTS
    variant: str  # espeak-ng's voice variant
    tract: float  # formants and pitch of the variant are multiplied by this
    pitch: float  # on espeak-ng's scale of 0 to 100, where 50 is the variant's own
    range: float  # likewise
    rate: float  # words per minute
    level: float  # root mean square of the speech, dB below full scale
    noise: tuple[float, float]  # between these, each time anew; dB below the speech


def make_room(rng: np.random.Generator) -> np.ndarray:
    """The impulse response of a room: the direct sound, and a tail 8 to 16 dB below it, 0.1 to 0.3 s long."""
    tail = np.arange(int(rng.uniform(0.1, 0.3) * SAMPLE_RATE))
    room = rng.standard_normal(len(tail)) * 10 ** (-3 * tail / len(tail))
    room[:80] = 0  # the first reflection comes after 5 ms
    room *= 10 ** (-rng.uniform(8, 16) / 20) / np.sqrt(np.sum(room**2))
    room[0] = 1
    return room


def make_speakers(
    variants: dict[str, str], accents: list[str], noise: tuple[float, float], level: tuple[float, float], seed: int
) -> dict[str, Speaker]:
    """Speakers by name; their traits are drawn, each from a generator of its own, so that none depends on the others.

    variants: espeak-ng's voice variant of each; accents: given in turn; noise, level: between these, see Speaker
    """
    speakers = {}
    for i, (name, variant) in enumerate(variants.items()):
        rng = np.random.default_rng([seed, i])
        speakers[name] = Speaker(
            accent=accents[i % len(accents)],
            variant=variant,
            tract=rng.uniform(0.93, 1.07),
            pitch=rng.uniform(38, 62),
            range=rng.uniform(35, 65),
            rate=rng.uniform(155, 195),
            level=rng.uniform(*level),
            noise=noise,
        )
    return speakers


# ---- The synthesiser


class EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    """espeak_EVENT of espeak-ng's speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", EventId),
    ]


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
END_OF_LIST, PHONEME = 0, 7  # types of event
RATE, PITCH, RANGE = 1, 3, 4  # espeak_SetParameter
RETRIEVAL, PHONEME_EVENTS, UTF8 = 1, 1, 1


class Synthesiser:
    """espeak-ng, through ctypes. Only one can live in a process."""

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL(espeakng_loader.get_library_path())
            self.rate = self.library.espeak_Initialize(
                RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), PHONEME_EVENTS
            )
        except (OSError, RuntimeError) as error:
            raise Failure(f"espeak-ng does not load: {error}; install the package espeakng-loader again") from error
        if self.rate <= 0:
            raise Failure(
                f"espeak-ng finds no voices in {espeakng_loader.get_data_path()}; "
                "install the package espeakng-loader again"
            )
        self.library.espeak_Info.restype = ctypes.c_char_p
        self.version = self.library.espeak_Info(None).decode()
        self.chunks: list[np.ndarray] = []
        self.events: list[tuple[int, int, str]] = []  # sample, position in the text from 0, mnemonic
        self.callback = CALLBACK(self.receive)  # kept: the library holds only its address
        self.library.espeak_SetSynthCallback(self.callback)

    def receive(self, samples, num_samples, events) -> int:  # type: ignore[no-untyped-def]
        if samples and num_samples:
            self.chunks.append(np.ctypeslib.as_array(samples, (num_samples,)).copy())
        i = 0
        while events[i].type != END_OF_LIST:
            if events[i].type == PHONEME:
                # id.string, but all eight bytes may be used, and then no zero ends it.
                name = ctypes.string_at(ctypes.addressof(events[i].id), 8).split(b"\0")[0].decode()
                self.events.append((events[i].sample, events[i].text_position - 1, name))
            i += 1
        return 0

    def speak(
        self, text: str, voice: str, seed: int, **parameters: int
    ) -> tuple[np.ndarray, list[tuple[int, int, str]]]:
        """The samples, float64 and 1.0 full scale, and (sample, position in the text, mnemonic) of each phone.

        seed: of the breath that some voices have; espeak-ng seeds it with the time of day.
        """
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise Failure(f"espeak-ng has no voice {voice}; install the package espeakng-loader again")
        for parameter, value in ((RATE, "rate"), (PITCH, "pitch"), (RANGE, "range")):
            self.library.espeak_SetParameter(parameter, parameters[value], 0)
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self.chunks, self.events = [], []
        encoded = text.encode()
        self.library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, UTF8, None, None)
        self.library.espeak_Synchronize()
        if not self.chunks or not self.events:
            raise Failure(f"espeak-ng says nothing for '{text}' with voice {voice}")
        return np.concatenate(self.chunks) / 32768, self.events


# ---- Its phones as TIMIT's


def split_stop(samples: np.ndarray, rate: float, before: float, start: float, end: float) -> tuple[float, float]:
    """Where the closure of a stop begins and where it is released, in seconds.

    espeak-ng's stop begins with the burst or, if voiced, with the murmur of the closure; the silence of the closure
    counts as the end of the phone before. That phone begins at `before`; the stop lasts from start to end.
    """
    step = 0.002
    # A difference twice taken weakens what lies low, the murmur, against the burst: about 12 dB per octave.
    sharp = np.abs(np.diff(samples, 2))
    size = int(step * rate)

    def energies(signal: np.ndarray, begin: float, stop: float) -> np.ndarray:
        part = signal[int(begin * rate) : int(stop * rate)]
        return (part[: len(part) // size * size].reshape(-1, size) ** 2).mean(axis=1)

    loud = np.flatnonzero(energies(samples, before, start) > 3e-4 * np.mean(samples**2))
    closure = before + step * (loud[-1] + 1) if len(loud) else before
    closure = start if start - closure < 0.008 else max(closure, before + 0.01)
    inside = energies(sharp, start, end)
    burst = np.flatnonzero(inside > 0.2 * inside.max()) if len(inside) else np.zeros(1, int)
    return min(closure, start), start + step * burst[0] if len(burst) and burst[0] * step >= 0.008 else start


def phones_of(
    samples: np.ndarray, rate: float, events: list[tuple[int, int, str]], accent: str
) -> list[tuple[Segment, int]]:
    """TIMIT's phones in time (seconds), and where in the text the word of each begins."""
    table = ACCENTS[accent]
    ends = [event[0] for event in events[1:]] + [len(samples)]
    names = [name if name in ("_", "_:") else name.lstrip("',%=_|") or name for _, _, name in events]
    spoken: list[tuple[Segment, int]] = []
    for i, ((first, position, mnemonic), end) in enumerate(zip(events, ends, strict=True)):
        last = spoken[-1][0] if spoken else None
        if last and names[i] in LENGTHEN or last and last.name == "pau" == table.get(names[i]):
            spoken[-1] = (last._replace(end=end / rate), spoken[-1][1])
            continue
        if end <= first:  # spoken within the vowel before, as in "wall"
            if last and names[i] == "l" and last.name != "el":
                border = last.end - 0.4 * (last.end - last.start)
                spoken[-1] = (last._replace(end=border), spoken[-1][1])
                spoken.append((Segment(border, last.end, "l"), position))
            continue
        if names[i] not in table:
            where = f"TIMIT_PHONES of {__file__}"
            raise Failure(f"espeak-ng's phone '{mnemonic}' (accent {accent}) is not in {where}: add it there")
        phones = table[names[i]].split()
        if phones[-1] == "r" and len(phones) == 2 and names[i + 1 : i + 2] in (["r"], ["r-"]):
            phones = phones[:1]  # the r has an event of its own
        for k, phone in enumerate(phones):
            start, stop = (first + (end - first) * (k + np.arange(2)) / len(phones)) / rate
            if phone in CLOSURES:
                before = last or Segment(start, start, "pau")
                closure, release = split_stop(samples, rate, before.start, start, stop)
                if before.name == "pau":
                    closure = start
                elif closure < start:
                    spoken[-1] = (before._replace(end=closure), spoken[-1][1])
                if closure < release:
                    spoken.append((Segment(closure, release, CLOSURES[phone]), position))
                start = release
            spoken.append((Segment(start, stop, phone), position))
    return spoken


def words_of(phones: list[tuple[Segment, int]], text: str) -> list[Segment]:
    """The words in time. espeak-ng takes some together ("of the"): they share the time by their letters."""
    words: list[Segment] = []
    # A position may be within a word: take the beginning of that word.
    voiced = [(segment, text.rfind(" ", 0, at + 1) + 1) for segment, at in phones if segment.name != "pau"]
    positions = sorted({position for _, position in voiced})
    for position, following in zip(positions, [*positions[1:], len(text)], strict=True):
        start = min(segment.start for segment, at in voiced if at == position)
        end = max(segment.end for segment, at in voiced if at == position)
        spelt = ["".join(c for c in word if c.isalpha() or c == "'") for word in text[position:following].split()]
        letters = np.cumsum([0, *map(len, spelt)])
        borders = start + (end - start) * letters / letters[-1]
        words += [Segment(*span, word.lower()) for *span, word in zip(borders, borders[1:], spelt, strict=False)]
    return words


# ---- A recording


def speak(synthesiser: Synthesiser, speaker: Speaker, text: str, prosody: Prosody, rng: np.random.Generator) -> Speech:
    """One sentence as that speaker's microphone hears it, with a little silence (h#) before and after."""

    def setting(value: float, least: int, most: int) -> int:
        return int(np.clip(round(value), least, most))

    samples, events = synthesiser.speak(
        text,
        f"{VOICE_FILES[speaker.accent]}+{speaker.variant}",
        seed=int(rng.integers(2**31)),
        rate=setting(speaker.rate * prosody.rate / speaker.tract, 80, 400),
        pitch=setting(speaker.pitch + prosody.pitch, 0, 99),
        range=setting(speaker.range * prosody.range, 0, 99),
    )
    rate = synthesiser.rate * speaker.tract  # played faster: a shorter vocal tract, a higher voice
    phones = phones_of(samples, rate, events, speaker.accent)
    while phones[-1][0].name == "pau":
        phones.pop()
    words = words_of(phones, text)
    begin, end = phones[0][0].start, phones[-1][0].end
    speech = soxr.resample(samples[int(begin * rate) : int(np.ceil(end * rate))], rate, SAMPLE_RATE)

    if prosody.tilt:
        power = np.mean(speech**2)
        speech = np.concatenate([speech[:1], speech[1:] - prosody.tilt * speech[:-1]])
        speech *= np.sqrt(power / np.mean(speech**2))
    lead, trail = (int(seconds * SAMPLE_RATE) for seconds in rng.uniform(0.1, 0.25, 2))
    speech = np.concatenate([np.zeros(lead), speech, np.zeros(trail)])
    heard = np.convolve(speech, make_room(rng))[: len(speech)]
    loudness = 10 ** (speaker.level / 20)
    heard *= loudness * 10 ** (prosody.gain / 20) / np.sqrt(np.mean(speech[lead:-trail] ** 2))
    hiss = rng.standard_normal(len(heard) + 1)
    hiss = hiss[1:] + 0.7 * hiss[:-1]  # a little more noise at low frequencies, as in rooms
    heard += loudness * 10 ** (-rng.uniform(*speaker.noise) / 20) * hiss / np.sqrt(1 + 0.7**2)

    offset, total = lead / SAMPLE_RATE - begin, len(heard) / SAMPLE_RATE
    moved = [segment._replace(start=segment.start + offset, end=segment.end + offset) for segment, _ in phones]
    outside = [Segment(0, moved[0].start, "h#"), Segment(moved[-1].end, total, "h#")]
    moved_words = [Segment(start + offset, end + offset, word) for start, end, word in words]
    return Speech(heard, [outside[0], *moved, outside[1]], moved_words)


# ---- Files


def read_sentences() -> dict[str, list[str]]:
    """Part of demo_sentences.txt -> its sentences."""
    parts: dict[str, list[str]] = {}
    for line in SENTENCES.read_text().splitlines():
        if line.startswith("["):
            part = parts.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            part.append(line)
    return parts


def write_wav(path: Path, samples: np.ndarray) -> None:
    """samples: (samples,), 1.0 is full scale; clipped where louder. 16 bit, mono."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        write_riff16(file, SAMPLE_RATE, np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)[np.newaxis])


README = """{name}

Speech made by a synthesiser, laid out on disk as {layout}, so that the recipe can be tried without
a corpus. It says nothing about people's speech; figures from it are {name}.

Made by:     {command}
Synthesiser: espeak-ng {version} (library and voices of the PyPI package espeakng-loader; GPL-3.0-or-later).
             The licence is the program's: speech generated with it is not covered by it.
Sentences:   local/demo_sentences.txt of this project (Apache-2.0)
"""


def make_corpus(purpose: str, layout: str, make: Callable[[Path, int, int, Synthesiser], str]) -> None:
    """The command line of both demo corpora: [--seed N] [--sentences N] <out-dir>, made whole or not at all.

    make(folder, seed, sentences, synthesiser) fills the folder and returns one line about it.
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--seed", type=int, default=1, help="another seed, other speakers (default: 1)")
    parser.add_argument(
        "--sentences",
        type=int,
        default=0,
        help="at most so many per speaker, or per speaker and dialogue (default: all)",
    )
    parser.add_argument("out", type=Path, metavar="<out-dir>")
    given = parser.parse_args()
    if given.seed < 0 or given.sentences < 0:
        parser.error("--seed and --sentences are 0 or more")
    program = Path(sys.argv[0]).name
    readme = given.out / "README.demo"
    with as_script(program):
        synthesiser = Synthesiser()
        text = README.format(
            name=DEMO_NAME,
            layout=layout,
            command=f"local/{program} --seed {given.seed} --sentences {given.sentences}",
            version=synthesiser.version,
        )
        if readme.exists() and readme.read_bytes() == text.encode():
            print(f"{given.out}: complete, nothing to do")
            return
        if given.out.exists():
            raise Failure(f"{given.out} exists and is not this corpus; remove it, or choose another folder")
        folder = given.out.with_name(f"{given.out.name}.tmp{os.getpid()}")
        try:
            summary = make(folder, given.seed, given.sentences or sys.maxsize, synthesiser)
            (folder / readme.name).write_text(text)
            folder.rename(given.out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{given.out}: {DEMO_NAME}: {summary}")
