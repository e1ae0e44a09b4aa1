#!/usr/bin/env python
"""Write what `asrser_nn predict` needs beside a network to find phones: their HMMs and the grammar, as one small file.

Usage: steps/nnet/write_hmm.py [--acoustic-scale S] <lang-dir> <model-dir>
 e.g.: steps/nnet/write_hmm.py data/lang exp/asr
Reads <lang-dir>/{phones.txt,words.txt,L.fst,G.fst} and <model-dir>/final.mdl, a model without phonetic context; the
acoustic scale is the one that was best on dev, <model-dir>/decode_dev/best_scale, if none is given. Writes
<model-dir>/hmm.json, whose form asrser_nn/prediction/viterbi.py describes: the same paths, and the same scores of whole
paths, as the decoding graph of utils/mkgraph.sh at its default scales.
"""

import argparse
import json
import math
from pathlib import Path

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_lines, read_symbol_table, words_of
from asrser_nn.prediction.viterbi import FORMAT, VERSION
from kaldi_programs.common.fst import Fst, read_fst
from kaldi_programs.common.hmm import TransitionModel, read_transition_model

SELF_LOOP_SCALE = 0.1  # of utils/mkgraph.sh
MAX_UNITS = 1000  # of a bigram there are as many as phones; hmm.json grows with the square
NEVER = math.inf


def unit_hmm(model: TransitionModel, phone: int, name: str) -> dict[str, list]:
    """The pdf, and the log-probabilities to stay and to leave, of each state of a phone.

    With one way forward from each state, its transition has all the probability that staying leaves, and so costs
    nothing in the graph but the scaled probability of not staying.
    """
    hmm = model.topology.hmm(phone)[:-1]
    pdfs: list[int] = []
    stay: list[float | None] = []
    leave: list[float] = []
    for number in range(len(hmm)):
        states = [i for i, (p, s, _, _) in enumerate(model.states.tolist(), 1) if (p, s) == (phone, number)]
        if len(states) > 1:
            raise Failure(f"state {number} of phone {name} has {len(states)} pdfs: a model with phonetic context")
        ids = list(model.ids_of_state(states[0])) if states else []
        loops = [i for i in ids if model.is_self_loop[i]]
        if [int(model.destinations[i]) for i in ids if i not in loops] != [number + 1]:
            raise Failure(f"state {number} of phone {name} does not lead to the next alone: no left-to-right HMM")
        if len({int(model.id_to_pdf[i]) for i in ids}) > 1:
            raise Failure(f"state {number} of phone {name} has a pdf of its own for staying, as in chain models")
        pdfs.append(int(model.id_to_pdf[ids[0]]))
        log_stay = float(model.log_probs[loops[0]]) if loops else -NEVER
        stay.append(SELF_LOOP_SCALE * log_stay if loops else None)
        leave.append(SELF_LOOP_SCALE * math.log(max(1e-10, 1 - math.exp(log_stay))))
    return {"pdfs": pdfs, "stay": stay, "leave": leave}


def silence_costs(lexicon: Fst, phones: dict[int, str], words: dict[int, str]) -> tuple[str, float, float]:
    """The phone of silence that may come between words, '' if there is none, and the costs of it and of none."""
    for arc in lexicon.arcs.tolist():
        if arc[1] and phones[arc[0]] != words[arc[1]]:
            raise Failure(f"word {words[arc[1]]} is pronounced with {phones[arc[0]]}: each phone must be its own word")
    if lexicon.num_states == 1:
        return "", NEVER, 0.0
    silent = {arc[0] for arc in lexicon.arcs.tolist() if not arc[1]} - {0}
    at_start = {arc[3]: arc[2] for arc in lexicon.arc_lists()[lexicon.start] if arc[:2] == (0, 0)}
    if lexicon.num_states != 3 or len(silent) != 1 or len(at_start) != 2:
        raise Failure("a lexicon of another form than utils/prepare_lang.sh gives it")
    silence_states = [s for s in at_start if any(arc[0] in silent and not arc[1] for arc in lexicon.arc_lists()[s])]
    if len(silence_states) != 1:
        raise Failure("a lexicon whose silence is not as utils/prepare_lang.sh makes it")
    silence_state = silence_states[0]
    with_silence = at_start.pop(silence_state)
    return phones[silent.pop()], with_silence, next(iter(at_start.values()))


def followers(grammar: Fst, state: int, backoff: int) -> tuple[dict[tuple[int, int], float], float]:
    """What may follow in a state of the grammar: the cost of each (word, state after it), and of the end.

    As in the graph, where a word can be reached with and without backing off the cheaper way counts.
    """
    costs: dict[tuple[int, int], float] = {}
    end = float(grammar.finals[state])
    for label, _, cost, destination in grammar.arc_lists()[state]:
        if label != backoff:
            costs[label, destination] = min(cost, costs.get((label, destination), NEVER))
            continue
        further, further_end = followers(grammar, destination, backoff)
        end = min(end, cost + further_end)
        for key, further_cost in further.items():
            costs[key] = min(cost + further_cost, costs.get(key, NEVER))
    return costs, end


def phone_loop(lang: Path, model: TransitionModel) -> list[dict]:
    """The units of hmm.json."""
    phone_ids, word_ids = read_symbol_table(str(lang / "phones.txt")), read_symbol_table(str(lang / "words.txt"))
    words = {number: name for name, number in word_ids.items()}
    phones = {number: name for name, number in phone_ids.items()}
    lexicon, grammar = read_fst(str(lang / "L.fst")), read_fst(str(lang / "G.fst"))
    for name, labels, table, names in (
        ("L.fst", lexicon.arcs["ilabel"], "phones.txt", phones),
        ("L.fst", lexicon.arcs["olabel"], "words.txt", words),
        ("G.fst", grammar.arcs["ilabel"], "words.txt", words),
    ):
        if unknown := set(labels.tolist()) - set(names):
            raise Failure(f"{lang}/{name} has the label {min(unknown)}, which {lang}/{table} has not: made anew since?")
    for name, fst in (("L.fst", lexicon), ("G.fst", grammar)):
        if fst.start < 0:
            raise Failure(f"{lang}/{name} is empty")
    if "#0" not in word_ids:
        raise Failure(f"{lang}/words.txt has no #0, which marks backing off: is it made by utils/prepare_lang.sh?")
    try:
        silence, with_silence, without = silence_costs(lexicon, phones, words)
    except Failure as error:
        raise Failure(f"{lang}/L.fst: {error}") from error
    for number in {arc[0] for arc in grammar.arcs.tolist()} - {word_ids["#0"]}:
        if words.get(number) not in phone_ids:
            raise Failure(f"{lang}/G.fst has word {words.get(number, number)}, which is no phone of {lang}/phones.txt")
    # A unit is a word and the state of the grammar after it; or a silence, that is no word, in that state.
    word_units = sorted({(arc[0], arc[3]) for arc in grammar.arcs.tolist() if arc[0] != word_ids["#0"]})
    states = sorted({grammar.start, *(state for _, state in word_units)})
    units = [(words[word], word, state) for word, state in word_units]
    if silence:
        units += [(silence, 0, state) for state in states]
    if len(units) > MAX_UNITS:
        raise Failure(f"{lang}/G.fst: a grammar that needs {len(units)} units; a bigram of phones was expected")
    try:
        following = {state: followers(grammar, state, word_ids["#0"]) for state in states}
    except RecursionError:
        raise Failure(f"{lang}/G.fst: backing off leads back to where it began") from None

    def row(state: int, after_word: bool) -> tuple[list[float], float]:
        """The log-probability of each unit in a state of the grammar, and of the end."""
        costs, end = following[state]
        entry = without if after_word else 0.0  # after a silence, no choice is left
        to_units = [
            entry + costs.get((word, after), NEVER) if word
            else (with_silence if after_word and after == state else NEVER)
            for _, word, after in units
        ]  # fmt: skip
        return [-cost for cost in to_units], -(entry + end)

    starts, _ = row(grammar.start, True)
    loop = []
    for (name, word, state), start in zip(units, starts, strict=True):
        after, end = row(state, word != 0)
        hmm = unit_hmm(model, phone_ids[name], name)
        loop.append({"phone": name, **hmm, "start": start, "next": after, "end": end})
    return loop


def as_json(value):
    """Six digits are more than any of these numbers means; JSON has no infinity."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return {key: as_json(item) for key, item in value.items()} if isinstance(value, dict) else value


def read_scale(path: Path) -> float:
    words = words_of(" ".join(read_lines(path)))
    try:
        (scale,) = map(float, words)
    except ValueError:
        scale = math.nan
    if not 0 < scale < math.inf:
        raise Failure(f"{path}: expected one acoustic scale, found '{' '.join(words)}'; score the dev set again")
    return scale


def write(lang: Path, directory: Path, acoustic_scale: float | None) -> None:
    model = read_transition_model(str(directory / "final.mdl"))
    if acoustic_scale is None:
        acoustic_scale = read_scale(directory / "decode_dev/best_scale")
    heading = {"format": FORMAT, "version": VERSION, "num_pdfs": model.num_pdfs, "acoustic_scale": acoustic_scale}
    units = ",\n".join(json.dumps(as_json(unit)) for unit in phone_loop(lang, model))
    write_text(directory / "hmm.json", f'{json.dumps(heading)[:-1]}, "units": [\n{units}\n]}}\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acoustic-scale", type=float, help="weight of the network's scores against the graph")
    parser.add_argument("lang", type=Path)
    parser.add_argument("directory", type=Path, metavar="model-dir")
    arguments = parser.parse_args()
    with as_script(f"steps/nnet/write_hmm.py: {arguments.directory}: no hmm.json written"):
        write(arguments.lang, arguments.directory, arguments.acoustic_scale)


if __name__ == "__main__":
    main()
