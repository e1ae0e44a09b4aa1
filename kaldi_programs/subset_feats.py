"""Copy the first few feature matrices, or those of listed utterances, as Kaldi's subset-feats does."""

from collections.abc import Iterator
from itertools import islice

from asrser_io.files import Failure
from asrser_io.streams import open_input
from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.program import Option, log, program


@program(
    "subset-feats [options] <in-rspecifier> <out-wspecifier>",
    Option("n", 10, "how many utterances to copy, from the first on", ">= 1"),
    Option("include", "", "file whose first words are the utterances to copy"),
    Option("exclude", "", "file whose first words are the utterances to leave out"),
    arguments=2,
)
def main(options, rspecifier, wspecifier):
    if bool(options.include) + bool(options.exclude) + (options.n != 10) > 1:
        raise Failure("--n, --include and --exclude exclude each other")
    chosen: Iterator = read_table(rspecifier, "matrix")
    if options.include or options.exclude:
        listed = first_words(options.include or options.exclude)
        chosen = filter(lambda entry: (entry[0] in listed) == bool(options.include), chosen)
    else:
        chosen = islice(chosen, options.n)
    with TableWriter(wspecifier, "matrix") as writer:
        for utterance, feats in chosen:
            writer.write(utterance, feats)
    log(f"Wrote {writer.count} utterances.")
    return 0 if writer.count else 1


def first_words(rxfilename: str) -> set[str]:
    with open_input(rxfilename) as f:
        lines = [line.decode(errors="surrogateescape").split() for line in f]
    if [] in lines:
        raise Failure(f"{rxfilename}, line {lines.index([]) + 1} is empty; expected an utterance")
    return {line[0] for line in lines}
