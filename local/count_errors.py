"""Count the errors of each utterance, for statistics over speakers.

Usage: local/count_errors.py [--optional sil] <ref> <hyp> <utt2spk> > <per-utt>
Reads transcripts "<utt> <phone> …"; an utterance that is missing in <hyp> counts as empty. Writes, for each of <ref>,
"<utt> <spk> <errors> <phones> <ins> <del> <sub>"; the sums are those of compute-wer --mode=all. A phone given by
--optional may be missing in <hyp> at no cost, as sclite -D has it with "(sil)" in the reference.
"""

import argparse
from collections.abc import Iterator, Sequence

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import read_map, words_of


def edit_distance(ref: Sequence[str], hyp: Sequence[str], optional: str | None = None) -> tuple[int, int, int, int]:
    """Fewest errors that turn ref into hyp: (errors, insertions, deletions, substitutions).

    Of alignments with equally many errors the one that Kaldi takes (util/edit-distance-inl.h): a match or substitution
    only if it beats both others, a deletion only if it beats an insertion.
    """
    costs = [(j, j, 0, 0) for j in range(len(hyp) + 1)]  # of ref up to here against the first j of hyp
    for phone in ref:
        previous, deletion = costs, int(phone != optional)
        errors, ins, dels, sub = previous[0]
        costs = [(errors + deletion, ins, dels + deletion, sub)]
        for j, heard in enumerate(hyp):
            wrong = int(phone != heard)
            by_sub, by_del, by_ins = previous[j][0] + wrong, previous[j + 1][0] + deletion, costs[j][0] + 1
            if by_sub < by_ins and by_sub < by_del:
                _, ins, dels, sub = previous[j]
                costs.append((by_sub, ins, dels, sub + wrong))
            elif by_del < by_ins:
                _, ins, dels, sub = previous[j + 1]
                costs.append((by_del, ins, dels + deletion, sub))
            else:
                _, ins, dels, sub = costs[j]
                costs.append((by_ins, ins + 1, dels, sub))
    return costs[-1]


def count(ref: dict[str, str], hyp: dict[str, str], utt2spk: dict[str, str], optional: str | None) -> Iterator[str]:
    """A line for each utterance of ref; ref, hyp: transcripts by utterance."""
    for utt, transcript in ref.items():
        phones = words_of(transcript)
        errors, *kinds = edit_distance(phones, words_of(hyp.get(utt, "")), optional)
        yield " ".join(map(str, [utt, utt2spk[utt], errors, len(phones), *kinds]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--optional")
    for name in ("ref", "hyp", "utt2spk"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    with as_script("local/count_errors.py", prints_data=True):
        ref, hyp = (read_map(path, "<utterance> …") for path in (arguments.ref, arguments.hyp))
        utt2spk = read_map(arguments.utt2spk, "<utterance> <speaker>")
        for file, utts, other, others in (
            (arguments.utt2spk, utt2spk, arguments.ref, ref),
            (arguments.ref, ref, arguments.hyp, hyp),
        ):
            if strange := [utt for utt in others if utt not in utts]:
                raise Failure(
                    f"{file} lacks {len(strange)} utterances of {other}, the first is {strange[0]}: "
                    "are they of the same data?"
                )
        print(*count(ref, hyp, utt2spk, arguments.optional), sep="\n")


if __name__ == "__main__":
    main()
