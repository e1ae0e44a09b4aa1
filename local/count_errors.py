"""Count the errors of each utterance, for statistics over speakers.

Usage: local/count_errors.py [--optional sil] <ref> <hyp> <utt2spk> > <per-utt>
Reads transcripts "<utt> <phone> …"; an utterance that is missing in <hyp> counts as empty. Writes, for each of <ref>,
"<utt> <spk> <errors> <phones> <ins> <del> <sub>"; the sums are those of compute-wer --mode=all. A phone given by
--optional may be missing in <hyp> at no cost, as sclite -D has it with "(sil)" in the reference.
"""

import argparse


def edit_distance(ref, hyp, optional=None):
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


def read_table(path):
    with open(path) as f:
        return {key: values for key, *values in map(str.split, f)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--optional")
    for name in ("ref", "hyp", "utt2spk"):
        parser.add_argument(name, type=read_table)
    arguments = parser.parse_args()
    for utt, phones in arguments.ref.items():
        errors, *kinds = edit_distance(phones, arguments.hyp.get(utt, []), arguments.optional)
        print(utt, *arguments.utt2spk[utt], errors, len(phones), *kinds)


if __name__ == "__main__":
    main()
