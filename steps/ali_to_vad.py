"""Mark the frames of speech as an alignment has them: those of no silence phone. In the place of steps/make_vad.sh.

Usage: python steps/ali_to_vad.py <lang-dir> <data-dir> <ali-dir> …
 e.g.: python steps/ali_to_vad.py data/lang data/gender-asr exp/mono_ali_train exp/mono_ali_dev
Reads <lang-dir>/phones/silence.int, and final.mdl and ali.*.gz of the alignments; writes <data-dir>/data/vad.ark and
vad.scp: for each utterance a vector, 1 is speech and 0 silence. An utterance that has no alignment is taken out of
<data-dir>/feats.scp; utils/keep_with_features.sh then takes it out of the rest.
"""

import os
import sys
from pathlib import Path

import numpy as np

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.tables import TableWriter, read_table
from asrser_io.text import read_lines, read_list


def mark_speech(lang: Path, data: Path, alignments: list[Path]) -> None:
    silence = [int(phone) for phone in read_list(lang / "phones/silence.int")]
    wanted = {line.split()[0]: line for line in read_lines(data / "feats.scp")}
    (data / "data").mkdir(exist_ok=True)
    archive = (data / "data/vad.ark").resolve()
    found = set()
    with TableWriter(f"ark,scp:{archive},{data}/vad.scp.tmp", "vector") as writer:
        for folder in alignments:
            parts = " ".join(map(str, sorted(folder.glob("ali.*.gz"))))
            if not parts:
                raise Failure(f"{folder} has no alignment (ali.*.gz)")
            program = f"ali-to-phones --per-frame=true {folder}/final.mdl ark:- ark:- 2>{data}/log/ali_to_vad.log"
            for utterance, phones in read_table(f"ark:gunzip -c {parts} | {program} |", "int_vector"):
                if utterance in wanted:
                    writer.write(utterance, (~np.isin(phones, silence)).astype(np.float32))
                    found.add(utterance)
    if not found:
        raise Failure(f"none of the {len(wanted)} utterances of {data} is in {' '.join(map(str, alignments))}")
    write_text(data / "feats.scp", "".join(f"{line}\n" for utterance, line in wanted.items() if utterance in found))
    os.replace(data / "vad.scp.tmp", data / "vad.scp")


def main() -> None:
    if len(sys.argv) < 4 or sys.argv[1] == "--help":
        print(__doc__, file=sys.stderr)
        sys.exit(0 if "--help" in sys.argv else 1)
    with as_script("ali_to_vad.py"):
        mark_speech(Path(sys.argv[1]), Path(sys.argv[2]), list(map(Path, sys.argv[3:])))


if __name__ == "__main__":
    main()
