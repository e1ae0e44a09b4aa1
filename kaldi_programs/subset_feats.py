"""Copy the first few feature matrices, or those of listed utterances, as Kaldi's subset-feats does."""

from collections.abc import Iterator
from itertools import islice

from asrser_io.files import Failure
from asrser_io.streams import read_lines
from asrser_io.tables import TableWriter, read_table
from asrser_io.text import words_of
from kaldi_programs.common.program import Option, log, program, warn


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
    listed: set[str] = set()
    if options.include or options.exclude:
        listed = first_words(options.include or options.exclude)
        chosen = filter(lambda entry: (entry[0] in listed) == bool(options.include), chosen)
    else:
        chosen = islice(chosen, options.n)
    missing = set(listed) if options.include else set()
    with TableWriter(wspecifier, "matrix") as writer:
        for utterance, feats in chosen:
            writer.write(utterance, feats)
            missing.discard(utterance)
    if missing:
        count = f"{len(missing)} of {len(listed)}"
        warn(f"{count} utterances of {options.include} are not in {rspecifier}, such as {min(missing)}")
    log(f"Wrote {writer.count} utterances.")
    return 0 if writer.count else 1


def first_words(rxfilename: str) -> set[str]:
    lines = [words_of(line) for line in read_lines(rxfilename)]
    if [] in lines:
        raise Failure(f"{rxfilename}, line {lines.index([]) + 1} is empty; expected an utterance")
    return {line[0] for line in lines}
