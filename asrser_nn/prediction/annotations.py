"""Predictions in the forms that people and other programs read: a table, JSON, CTM, Praat's TextGrid."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asrser_io.files import Failure, replacing, write_text
from asrser_nn.data.filterbank import SHIFT_SECONDS
from asrser_nn.prediction.predict import Prediction, Segment

STEP = 10  # frames between the probabilities that JSON holds


def short_names(paths: list[Path]) -> dict[Path, str]:
    """A name for each file: its own without ending, after as many folders as it takes to tell it from the others."""
    folders = {path: ["_".join(part.split()) for part in path.absolute().parent.parts[1:]] for path in paths}
    for depth in range(max(map(len, folders.values())) + 1):
        start = {path: parts[max(0, len(parts) - depth) :] for path, parts in folders.items()}
        names = {path: "-".join([*start[path], "_".join(path.stem.split())]) for path in paths}
        if len(set(names.values())) == len(paths):
            return names
    return {path: f"{name}-{i}" for i, (path, name) in enumerate(names.items(), 1)}  # a.wav and a.flac


def table(prediction: Prediction) -> str:
    """A line for each phone and each stretch of one emotion: start, end (s), what, which, and how sure."""

    def line(segment: Segment, what: str, certainty: str = "") -> str:
        return f"{segment.start:8.2f} {segment.end:8.2f}  {what:8} {segment.label:10} {certainty}".rstrip()

    lines = [f"{prediction.path}"]
    lines += [line(segment, "phone") for segment in prediction.phones or []]
    if emotion := prediction.emotion:
        lines += [line(segment, "emotion", f"{segment.probability:4.0%}") for segment in emotion.segments]
        others = ", ".join(f"{name} {share:.0%}" for name, share in emotion.shares.items() if name != emotion.decision)
        certainty = f"{emotion.shares[emotion.decision]:4.0%}   ({others})"
        lines.append(line(Segment(0, prediction.seconds, emotion.decision), "whole", certainty))
    return "\n".join(lines)


def as_dict(prediction: Prediction) -> dict[str, Any]:
    """For JSON. Times are seconds; probabilities over time stand for every tenth of a second."""
    result: dict[str, Any] = {"file": str(prediction.path), "seconds": round(prediction.seconds, 4)}
    if prediction.phones is not None:
        result["phones"] = [
            {"start": round(s.start, 4), "end": round(s.end, 4), "phone": s.label} for s in prediction.phones
        ]
    if emotion := prediction.emotion:
        every = range(0, len(emotion.over_time), STEP)
        result["emotion"] = {
            "decision": emotion.decision,
            "shares": {name: round(share, 4) for name, share in emotion.shares.items()},
            "segments": [
                {"start": round(s.start, 4), "end": round(s.end, 4), "class": s.label, "probability": round(p, 4)}
                for s in emotion.segments
                if (p := s.probability) is not None
            ],
            "times": [round(frame * SHIFT_SECONDS, 4) for frame in every],
            "probabilities": {
                name: [round(float(emotion.over_time[frame, i]), 4) for frame in every]
                for i, name in enumerate(emotion.classes)
            },
        }
    return result


def ctm(name: str, prediction: Prediction) -> str:
    """NIST's form: recording, channel, start and duration (s), phone."""
    return "".join(f"{name} 1 {s.start:.2f} {s.end - s.start:.2f} {s.label}\n" for s in prediction.phones or [])


def textgrid(prediction: Prediction) -> str:
    """Praat's long text form: an interval tier for the phones and one for the emotion."""
    tiers = []
    if prediction.phones is not None:
        tiers.append(("phones", prediction.phones))
    if prediction.emotion is not None:
        tiers.append(("emotion", prediction.emotion.segments))
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
        return lambda name: path
    path.mkdir(parents=True, exist_ok=True)
    return lambda name: path / f"{name}{ending}"


def write_predictions(
    predict: Callable[[Path], Prediction],
    paths: list[Path],
    as_json: bool,
    ctm_path: str | None,
    textgrids: str | None,
    plots: str | None,
) -> int:
    """Predict each file and write all that is wanted; returns how many files could not be read.

    A bad file gets its line on stderr, the others are done.
    """
    names = short_names(paths)
    textgrid_of = place(textgrids, ".TextGrid", len(paths)) if textgrids else None
    plot_of = place(plots, ".png", len(paths)) if plots else None
    failures = 0
    results, ctm_parts = [], []
    for path in paths:
        try:
            prediction = predict(path)
        except Failure as error:
            failures += 1
            print(f"asrser_nn predict: {error}", file=sys.stderr)
            results.append({"file": str(path), "error": str(error)})
            continue
        if as_json:
            results.append(as_dict(prediction))
        else:
            print(table(prediction), flush=True)
        ctm_parts.append(ctm(names[path], prediction))
        if textgrid_of:
            write_text(textgrid_of(names[path]), textgrid(prediction))
        if plot_of:
            from asrser_nn.prediction.figure import draw

            with replacing(plot_of(names[path])) as file:
                draw(prediction, file)
    if as_json:
        print("[\n" + ",\n".join(map(json.dumps, results)) + "\n]")
    if ctm_path:
        write_text(ctm_path, "".join(ctm_parts))
    return failures
