"""Turn an n-gram language model in ARPA format into an acceptor of word sequences (G.fst), as Kaldi's arpa2fst does.

Each history is a state. An n-gram is an arc, with its probability, to the state of the longest history that then
applies; a backoff weight is an arc to the next shorter history. With --disambig-symbol, backoff arcs carry that symbol
on their input, the start is the history <s>, and the probability of </s> is the state's final weight.
"""

import math
import re
from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import WHITE_SPACE, read_lines
from asrser_io.text import read_symbol_table, words_of
from kaldi_programs.common.epsilons import remove_eps_local
from kaldi_programs.common.fst import (
    Arc,
    Fst,
    from_lists,
    from_wheel,
    to_wheel,
    write_fst,
    write_lines,
)
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "arpa2fst [options] <lm.arpa> [<G.fst>]",
    Option("bos-symbol", "<s>", "symbol of the beginning of a sentence"),
    Option("eos-symbol", "</s>", "symbol of the end of a sentence"),
    Option("disambig-symbol", "", "input symbol of backoff arcs, such as #0; <s> and </s> become epsilon"),
    Option("read-symbol-table", "", "words and their numbers; n-grams with other words are skipped"),
    Option("write-symbol-table", "", "file to write words and their numbers to"),
    Option("keep-symbols", False, "store the symbol table in the FST (always, if it is neither read nor written)"),
    Option("ilabel-sort", True, "sort the arcs of each state by input label"),
    Option("max-arpa-warnings", 30, "warnings to print about n-grams at most; -1: all", ">= -1"),
    arguments=(1, 2),
)
def main(options, lm_arpa, g_fst="-"):
    import kaldifst

    if options.read_symbol_table:
        symbols = read_symbol_table(options.read_symbol_table)
        if options.disambig_symbol and options.disambig_symbol not in symbols:
            raise Failure(
                f"{options.read_symbol_table} has no symbol {options.disambig_symbol}, which --disambig-symbol names"
            )
    else:
        symbols = {"<eps>": 0}
        if options.disambig_symbol:
            symbols[options.disambig_symbol] = 1
    for symbol in (options.bos_symbol, options.eos_symbol):
        symbols.setdefault(symbol, max(symbols.values()) + 1)
    arpa = ArpaReader(read_lines(lm_arpa), lm_arpa, options.max_arpa_warnings)
    fst = compile_arpa(
        arpa,
        symbols,
        bos=options.bos_symbol,
        eos=options.eos_symbol,
        disambig=options.disambig_symbol,
        add_words=not options.read_symbol_table,
    )
    if options.write_symbol_table:
        write_lines((f"{symbol}\t{number}" for symbol, number in symbols.items()), options.write_symbol_table)
    if options.keep_symbols or not (options.read_symbol_table or options.write_symbol_table):
        fst.isymbols = fst.osymbols = symbols
    g = to_wheel(fst)
    if options.ilabel_sort:
        kaldifst.arcsort(g, sort_type="ilabel")
    write_fst(g, g_fst)


class ArpaReader:
    """The n-grams of an ARPA file, checked as Kaldi's lm/arpa-file-parser.cc checks them."""

    def __init__(self, lines: list[str], name: str, max_warnings: int):
        self._lines = enumerate(lines, 1)
        self._name = name
        self._max_warnings = max_warnings
        self._warnings = 0
        self._line = (0, "")
        self.counts = self._read_counts()  # [0] of unigrams, [1] of bigrams, …
        self.order = len(self.counts)

    def warn(self, problem: str) -> None:
        """Warn about the current line, or not any more."""
        self._warnings += 1
        if self._max_warnings < 0 or self._warnings <= self._max_warnings:
            warn(f"{self._where()} {problem}")

    def fail(self, problem: str) -> NoReturn:
        raise Failure(f"{self._where()}: {problem}")

    def n_grams(self) -> Iterator[tuple[list[str], np.float32, np.float32]]:
        """Yields (words, log probability, log backoff weight), natural logs rounded to float32 as Kaldi rounds them."""
        for order in range(1, self.order + 1):
            self._expect(f"\\{order}-grams:")
            log(f"Reading \\{order}-grams: section.")
            seen = set()
            while not self._next().startswith("\\"):
                fields = words_of(self._line[1])
                least, most = order + 1, order + 1 + (order < self.order)
                if not least <= len(fields) <= most:
                    self.fail(f"{len(fields)} columns; a {order}-gram has {least} to {most}")
                if (n_gram := tuple(fields[1 : order + 1])) in seen:
                    self.fail(f"the {order}-gram is there twice")
                seen.add(n_gram)
                backoff = self._natural_log(fields[order + 1]) if len(fields) > order + 1 else np.float32(0)
                yield fields[1 : order + 1], self._natural_log(fields[0]), backoff
            if len(seen) != (announced := self.counts[order - 1]):
                # As Kaldi, which passes over those that are missing without a word.
                (self.fail if len(seen) > announced else self.warn)(
                    f"{len(seen)} {order}-grams; the header says {announced}"
                )
        self._expect("\\end\\")
        if 0 <= self._max_warnings < self._warnings:
            warn(f"{self._warnings} warnings, {self._max_warnings} of them printed; --max-arpa-warnings=-1 prints all")

    def _read_counts(self) -> list[int]:
        while self._next() != "\\data\\":
            pass
        log("Reading \\data\\ section.")
        counts: dict[int, int] = {}
        while not self._next().startswith("\\"):
            fields = self._line[1].replace("=", " = ").split()
            if len(fields) != 4 or fields[0] != "ngram" or not re.fullmatch("[0-9]+", fields[1] + fields[3]):
                self.fail("expected ngram ORDER=COUNT")
            counts[int(fields[1])] = int(fields[3])
        if sorted(counts) != list(range(1, len(counts) + 1)) or not counts:
            self.fail("the \\data\\ section is missing or empty")
        return [counts[order] for order in sorted(counts)]

    def _next(self) -> str:
        """Go to the next line that is not blank."""
        for number, line in self._lines:
            if text := line.strip(WHITE_SPACE):
                self._line = number, text
                return self._line[1]
        raise Failure(f"{self._name}: the file ends before \\end\\; is it an ARPA language model, and complete?")

    def _expect(self, directive: str) -> None:
        if self._line[1] != directive:
            self.fail(f"expected {directive}")

    def _natural_log(self, text: str) -> np.float32:
        try:
            number = float(np.float32(text))
        except ValueError:
            number = math.nan
        if not number < math.inf:
            self.fail(f"{text} is no log probability or backoff weight")
        return np.float32(number * math.log(10))

    def _where(self) -> str:
        return f"{self._name}, line {self._line[0]} [{self._line[1]}]"


def compile_arpa(arpa: ArpaReader, symbols: dict[str, int], bos: str, eos: str, disambig: str, add_words: bool) -> Fst:
    """The acceptor of a language model; states and arcs in the order of Kaldi's lm/arpa-lm-compiler.cc.

    symbols:   words and their numbers; with add_words, words of the model are added, otherwise n-grams with others are
               skipped with a warning
    disambig:  the symbol on the input of backoff arcs; "" for epsilon, which keeps <s> and </s> as words
    """
    bos_id, eos_id, backoff_id = symbols[bos], symbols[eos], symbols[disambig] if disambig else 0
    states: dict[tuple[int, ...], int] = {(): 0}
    finals: list[float] = []
    arcs: list[list[Arc]] = []
    start = -1

    def new_state() -> int:
        finals.append(math.inf)
        arcs.append([])
        return len(finals) - 1

    def state_of(history: tuple[int, ...], backoff_cost: float) -> int:
        if history not in states:
            states[history] = state = new_state()
            shorter = history[1:]
            while shorter not in states:
                shorter = shorter[1:]
            arcs[state].append((backoff_id, 0, backoff_cost, states[shorter]))
        return states[history]

    new_state()  # the empty history, to which every unigram backs off
    if not disambig:
        end = new_state()
        finals[end] = 0.0

    for words, log_prob, log_backoff in arpa.n_grams():
        if bos in words[1:] or eos in words[:-1]:
            arpa.warn("skipped: n-gram has invalid BOS/EOS placement")
            continue
        if add_words:
            for word in words:
                symbols.setdefault(word, len(symbols))
        unknown = [word for word in words if word not in symbols]
        if unknown:
            arpa.warn(f"skipped: word '{unknown[0]}' not in symbol table")
            continue
        ids = tuple(symbols[word] for word in words)
        if 0 in ids or (disambig and backoff_id in ids):
            arpa.fail("epsilon or the disambiguation symbol cannot be a word of the model")
        if ids[:-1] not in states:
            arpa.warn("skipped: no parent (n-1)-gram exists")
            continue
        source, label, cost = states[ids[:-1]], ids[-1], -float(log_prob)
        if label == eos_id:
            if disambig:
                finals[source] = cost
            else:
                arcs[source].append((label, label, cost, end))
            continue
        # After an n-gram of the highest order only its last n-1 words matter.
        target = state_of(ids[len(words) == arpa.order :], -float(log_backoff))
        if label != bos_id:
            arcs[source].append((label, label, cost, target))
        elif disambig:
            start = target
        else:
            start = new_state()
            arcs[start].append((label, label, 0.0, target))
    if start < 0:
        arpa.fail(f"the model has no unigram {bos}, the beginning of a sentence")
    fst = from_lists(start, finals, arcs)
    if not disambig:
        return fst
    # A state that is left by its backoff arc alone need not be a state: its arc becomes an epsilon and goes.
    alone = (np.diff(fst.first_arcs) == 1) & np.isinf(fst.finals)
    only_arcs = fst.first_arcs[:-1][alone]
    only_arcs = only_arcs[fst.arcs["ilabel"][only_arcs] == backoff_id]
    fst.arcs["ilabel"][only_arcs] = 0
    reduced = from_wheel(remove_eps_local(fst))
    log(f"Reduced num-states from {fst.num_states} to {reduced.num_states}")
    return reduced
