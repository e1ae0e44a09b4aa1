"""Write the RESULTS of a work directory's phone recognisers; called by local/results.sh, whose header is the help."""

import argparse
from pathlib import Path

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_lines
from asrser_nn.study.files import as_written, phone_errors
from asrser_nn.study.statistics import CONFIDENCE, NUM_DRAWS, bootstrap_interval

SYSTEMS = {"exp/mono": "GMM-HMM, monophones", "exp/asr": "ConvNet"}


def result_lines(work, decode):
    """What is known of one decoded set: Kaldi's %WER line, and below it the interval and the other ways to count."""
    if not (work / decode / "best_wer").exists():
        return [f"# {decode}: missing"]
    scale = (work / decode / "best_scale").read_text().strip()
    with as_written(scores := work / decode / f"wer_{scale}"):
        wer = scores.read_text().splitlines()[0]
    counts = phone_errors(per_utt := work / decode / "per_utt")
    with as_written(per_utt):
        per = bootstrap_interval([speaker[0] for speaker in counts.values()])
    lines = [
        f"{wer} {decode}/wer_{scale}",
        f"#   {CONFIDENCE:.0%} interval {100 * per.low:.2f} to {100 * per.high:.2f} over {per.num_speakers} speakers",
    ]
    for name in ("wer_sclite", "wer_lenient"):
        if (work / decode / name).exists():
            lines.append("#   " + (work / decode / name).read_text().strip().removeprefix("%WER "))
    return lines


def results(work):
    corpus = " ".join(read_lines(work / "data/asr/corpus"))
    lines = [
        f"# {corpus}: phone error rate at the acoustic scale (after wer_) that is best on dev",
        "# Silence is scored where the transcripts have it.",
        f"# Intervals: percentiles of {NUM_DRAWS} bootstrap draws of speakers, too narrow where speakers are few.",
    ]
    for system, name in SYSTEMS.items():
        lines += ["", f"# {name}"]
        for subset in ("dev", "test"):
            lines += result_lines(work, f"{system}/decode_{subset}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    with as_script("local/results.sh"):
        if not list(work.glob("exp/*/decode_*/best_wer")):
            raise Failure(f"{work}: nothing scored (exp/*/decode_*/best_wer); run.sh --stop-stage 8 makes it")
        text = results(work)
        write_text(work / "exp/RESULTS", text)
        print(text, end="")


if __name__ == "__main__":
    main()
