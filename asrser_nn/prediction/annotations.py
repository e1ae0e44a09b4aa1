"""Predictions in the forms that people and other programs read: a table, JSON, CTM, Praat's TextGrid."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asrser_io.files import Failure, described, replacing, write_text
from asrser_nn.data.filterbank import SHIFT_SECONDS
from asrser_nn.prediction.predict import Prediction, Segment

STEP = 10  # frames between the probabilities that JSON holds
NO_SPEECH = "no speech found"


def short_names(paths: list[Path]) -> dict[Path, str]:
    """A name for each file: its own without ending. Files of one name keep the ending where they lie in one folder, and
    get as many folders before it as tell them apart where not; all others have their names as ever."""
    folders = {path: path.absolute().parent.parts[1:] for path in paths}
    numbers = {path: i for i, path in enumerate(paths, 1)}
    own = {path: _word(path.stem) for path in paths}
    for form in (lambda path: _word(path.name), lambda path: f"{_word(path.name)}-{numbers[path]}"):
        together = Counter((folders[path], own[path]) for path in paths)
        own |= {path: form(path) for path in paths if together[folders[path], own[path]] > 1}
    names, depths = own, dict.fromkeys(paths, 0)
    while len(set(names.values())) < len(paths):
        times = Counter(names.values())
        for path in [path for path in paths if times[names[path]] > 1]:
            depths[path] += 1
            start = list(map(_word, folders[path][-depths[path] :]))
            number = [str(numbers[path])] if depths[path] > len(folders[path]) else []  # /x-y/a.wav and /x/y/a.wav
            names = names | {path: "-".join([*start, own[path], *number])}
    return names


def _word(text: str) -> str:
    return "_".join(text.split())


def table(prediction: Prediction) -> str:
    """A line for each phone and each stretch of one class: start, end (s), what, which, and how sure."""

    def line(segment: Segment, what: str, certainty: str = "") -> str:
        return f"{segment.start:8.2f} {segment.end:8.2f}  {what:8} {segment.label:10} {certainty}".rstrip()

    lines = [f"{prediction.path}"]
    lines += [line(segment, "phone") for segment in prediction.phones or []]
    if found := prediction.classification:
        lines += [line(segment, found.unit, f"{segment.probability:4.0%}") for segment in found.segments]
    whole = Segment(0, prediction.seconds, NO_SPEECH)
    if prediction.has_speech and found and found.decision:
        others = ", ".join(f"{name} {share:.0%}" for name, share in found.shares.items() if name != found.decision)
        whole.label = found.decision
        lines.append(line(whole, "whole", f"{found.shares[found.decision]:4.0%}   ({others})"))
    elif not prediction.has_speech:
        lines.append(line(whole, "whole"))
    return "\n".join(lines)


def as_dict(prediction: Prediction) -> dict[str, Any]:
    """For JSON. Times are seconds; probabilities over time stand for every tenth of a second."""
    result: dict[str, Any] = {"file": str(prediction.path), "seconds": round(prediction.seconds, 4)}
    if not prediction.has_speech:
        result["note"] = NO_SPEECH
    if prediction.warnings:
        result["warnings"] = prediction.warnings
    if prediction.phones is not None:
        result["phones"] = [
            {"start": round(s.start, 4), "end": round(s.end, 4), "phone": s.label} for s in prediction.phones
        ]
    if found := prediction.classification:
        every = range(0, len(found.over_time), STEP)
        result[found.unit] = {
            "decision": found.decision,
            "shares": {name: round(share, 4) for name, share in found.shares.items()},
            "segments": [
                {"start": round(s.start, 4), "end": round(s.end, 4), "class": s.label, "probability": round(p, 4)}
                for s in found.segments
                if (p := s.probability) is not None
            ],
            "times": [round(frame * SHIFT_SECONDS, 4) for frame in every],
            "probabilities": {
                name: [round(float(found.over_time[frame, i]), 4) for frame in every]
                for i, name in enumerate(found.classes)
            },
        }
    return result


def ctm(name: str, prediction: Prediction) -> str:
    """NIST's form: recording, channel, start and duration (s), phone."""
    return "".join(f"{name} 1 {s.start:.2f} {s.end - s.start:.2f} {s.label}\n" for s in prediction.phones or [])


def textgrid(prediction: Prediction) -> str:
    """Praat's long text form: an interval tier for the phones and one for the classes."""
    tiers = []
    if prediction.phones is not None:
        tiers.append(("phones", prediction.phones))
    if found := prediction.classification:
        tiers.append((found.unit, found.segments))
    end = f"{prediction.seconds:.6f}"
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (tier, segments) in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{tier}" ']
        lines += ["        xmin = 0 ", f"        xmax = {end} ", f"        intervals: size = {len(segments)} "]
        for i, segment in enumerate(segments, 1):
            label = segment.label.replace('"', '""')
            lines += [f"        intervals [{i}]:", f"            xmin = {segment.start:.6f} "]
            lines += [f"            xmax = {segment.end:.6f} ", f'            text = "{label}" ']
    return "\n".join(lines) + "\n"


def place(target: str, ending: str, num_files: int) -> Callable[[str], Path]:
    """Where the output of each file goes: `target` itself if it has the ending, else files in it as a folder."""
    path = Path(target)
    if path.suffix.lower() == ending.lower():
        if num_files > 1:
            raise Failure(f"{target}: one output for {num_files} audio files; name a folder instead")
        check_folder_of(path)
        return lambda name: path
    if path.exists() and not path.is_dir():
        raise Failure(f"{target}: a file; expected a folder, or a name that ends in {ending}")
    path.mkdir(parents=True, exist_ok=True)
    return lambda name: path / f"{name}{ending}"


def check_folder_of(path: Path) -> None:
    """So that a mistyped path is found before the work and not behind it."""
    if path.is_dir() or not path.parent.is_dir():
        raise Failure(f"{path}: {'a folder' if path.is_dir() else 'its folder does not exist'}; name a file to write")


class Printer:
    """Prints until that fails, as into a closed pipe or on a full disk; the failure is kept, so that work goes on."""

    def __init__(self) -> None:
        self.error: OSError | None = None

    def __call__(self, text: str) -> None:
        if not self.error:
            try:
                print(text, flush=True)
            except OSError as error:
                self.error = error


def write_predictions(
    predict: Callable[[Path], Prediction],
    paths: list[Path],
    as_json: bool,
    ctm_path: str | None,
    textgrids: str | None,
    plots: str | None,
) -> int:
    """Predict each file and write all that is wanted; returns how many files failed.

    Such a file gets its line on stderr, the others are done. What goes to files does not depend on what can be printed.
    """
    names = short_names(paths)
    textgrid_of = place(textgrids, ".TextGrid", len(paths)) if textgrids else None
    plot_of = place(plots, ".png", len(paths)) if plots else None
    if ctm_path:
        check_folder_of(Path(ctm_path))
    show = Printer()
    failures = 0
    results, ctm_parts = [], []
    for path in paths:
        try:
            prediction = predict(path)
            ctm_parts.append(ctm(names[path], prediction))
            if textgrid_of:
                write_text(textgrid_of(names[path]), textgrid(prediction))
            if plot_of:
                from asrser_nn.prediction.figure import draw

                with replacing(plot_of(names[path])) as file:
                    draw(prediction, file)
        except Exception as error:
            failures += 1
            message = str(error) if isinstance(error, Failure) else f"{path}: {described(error)}"
            print(f"asrser_nn predict: {message}", file=sys.stderr)
            results.append({"file": str(path), "error": message})
            continue
        for warning in prediction.warnings:
            print(f"asrser_nn predict: warning: {path}: {warning}", file=sys.stderr)
        if as_json:
            results.append(as_dict(prediction))
        else:
            show(table(prediction))
    if ctm_path:
        write_text(ctm_path, "".join(ctm_parts))
    if as_json:
        show("[\n" + ",\n".join(map(json.dumps, results)) + "\n]")
    if show.error:
        raise show.error
    return failures
