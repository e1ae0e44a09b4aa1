"""FST files, language models to FSTs, and the programs that transform graphs."""

import gzip
import io
import math
import random
import re

import numpy as np
import pytest

from asrser_io.files import Failure
from kaldi_programs import (
    add_self_loops,
    arpa2fst,
    fstaddselfloops,
    fstarcsort,
    fstcompile,
    fstcomposecontext,
    fstconvert,
    fstdeterminizestar,
    fstisstochastic,
    fstminimizeencoded,
    fstprint,
    fstpushspecial,
    fstrmepslocal,
    fstrmsymbols,
    fsttablecompose,
    make_h_transducer,
)
from kaldi_programs.common.epsilons import log_plus, remove_eps_local
from kaldi_programs.common.fst import from_lists, from_wheel, read_binary, read_fst, read_int_list, to_bytes, write_fst


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compiled(name: str, text: str) -> str:
    """Write the FST of some lines, given with blanks for line ends."""
    write_fst(fstcompile.compile_text(text.split("; "), name), name)
    return name


def printed(name: str) -> str:
    return "; ".join(line.replace("\t", " ") for line in fstprint.print_text(read_fst(name)))


def assert_same(found, expected, weight_tolerance=0.0):
    assert (found.start, found.num_states) == (expected.start, expected.num_states)
    np.testing.assert_array_equal(found.first_arcs, expected.first_arcs)
    for name in ("ilabel", "olabel", "nextstate"):
        np.testing.assert_array_equal(found.arcs[name], expected.arcs[name])
    np.testing.assert_allclose(found.arcs["weight"], expected.arcs["weight"], rtol=0, atol=weight_tolerance)
    np.testing.assert_allclose(found.finals, expected.finals, rtol=0, atol=weight_tolerance)


def compiled_list(name: str, *numbers: int) -> str:
    with open(name, "w") as f:
        f.writelines(f"{number}\n" for number in numbers)
    return name


def random_fst(seed: int):
    """Acyclic, so that its paths can be listed; half of its labels are epsilons, every state leads to the last."""
    draw = random.Random(seed)
    num_states = draw.randint(2, 7)
    arcs = []
    for s in range(num_states - 1):
        targets = [s + 1] + [draw.randint(s + 1, num_states - 1) for _ in range(draw.randint(0, 3))]
        arcs.append([(draw.choice([0, 0, 1, 2]), draw.choice([0, 0, 1, 2]), draw.uniform(0, 3), t) for t in targets])
    finals = [draw.choice([math.inf, math.inf, 0.5]) for _ in range(num_states - 1)] + [1.0]
    return from_lists(0, finals, [*arcs, []])


def best_costs(fst, plus=min) -> dict:
    """The summed costs of all paths of each pair of input and output strings."""
    costs: dict = {}
    arcs = fst.arc_lists()

    def follow(state, ilabels, olabels, cost):
        if fst.finals[state] != math.inf:
            key = (ilabels, olabels)
            costs[key] = plus(costs.get(key, math.inf), cost + float(fst.finals[state]))
        for ilabel, olabel, weight, target in arcs[state]:
            follow(target, ilabels + (ilabel,) * (ilabel > 0), olabels + (olabel,) * (olabel > 0), cost + weight)

    follow(fst.start, (), (), 0.0)
    return costs


# Files


@pytest.mark.parametrize("name", ["lang/G.fst", "lang/L.fst", "lang/L_disambig.fst", "graph/HCLG.fst"])
def test_an_fst_of_kaldi_is_written_back_byte_for_byte(golden, name):
    original = (golden / name).read_bytes()
    written = to_bytes(read_fst(str(golden / name)), const=name.endswith("HCLG.fst"))
    properties = original.index(b"standard") + len(b"standard") + 8  # after version and flags; written as unknown
    assert written[:properties] == original[:properties]
    assert written[properties + 8 :] == original[properties + 8 :]


def test_converting_to_constant_and_back_changes_nothing(golden, work):
    fstconvert.main(["--fst_type=const", golden / "lang/G.fst", "const.fst"])
    fstconvert.main(["--fst_type=vector", "const.fst", "vector.fst"])
    assert b"const" in (work / "const.fst").read_bytes()[:20]
    assert_same(read_fst("vector.fst"), read_fst(str(golden / "lang/G.fst")))


@pytest.mark.parametrize("name", ["lang/G.fst", "graph/HCLG.fst"])
def test_an_fst_cut_anywhere_is_refused(golden, work, name):
    original = (golden / name).read_bytes()
    for length in [0, 3, 10, 30, 60, 70, len(original) // 2, len(original) - 1]:
        (work / "cut.fst").write_bytes(original[:length])
        with pytest.raises(Failure, match="cut.fst: .*(truncated|not an FST)"):
            read_fst("cut.fst")


@pytest.mark.parametrize("name", ["lang/G.fst", "graph/HCLG.fst"])
def test_a_damaged_byte_is_noticed_or_does_no_harm(golden, name):
    original = (golden / name).read_bytes()
    draw = random.Random(0)
    num_refused = 0
    for _ in range(400):
        damaged = bytearray(original)
        damaged[draw.randrange(80)] = draw.randrange(256)
        try:
            read_binary(io.BytesIO(damaged))
        except Failure:
            num_refused += 1
    assert num_refused > 100


def test_an_arc_to_a_state_that_does_not_exist_is_refused(work):
    fst = from_lists(0, [math.inf, 0.0], [[(1, 1, 0.0, 1)], []])
    fst.arcs["nextstate"] = 7
    write_fst(fst, "bad.fst")
    assert fstarcsort.main(["bad.fst", "out.fst"]) == 1
    assert not (work / "out.fst").exists()


@pytest.mark.parametrize("content", [b"0 1 2 2\n1\n", b"", bytes(range(256))])
def test_a_file_that_is_no_fst_is_refused_by_every_program(work, capfd, content):
    (work / "no.fst").write_bytes(content)
    (work / "list").write_text("1\n")
    for program, arguments in [
        (fstarcsort, []),
        (fstconvert, []),
        (fstdeterminizestar, []),
        (fstisstochastic, []),
        (fstminimizeencoded, []),
        (fstprint, []),
        (fstpushspecial, []),
        (fstrmepslocal, []),
        (fstrmsymbols, ["list"]),
        (fstaddselfloops, ["list", "list"]),
        (fstcomposecontext, ["ilabels"]),
    ]:
        assert program.main([*arguments, "no.fst"]) == 1
        assert "no.fst: " in capfd.readouterr().err


def test_symbol_tables_stay_in_the_fst_through_kaldifst(work, capfd):
    (work / "words").write_text("<eps> 0\nyes 1\nno 2\n")
    (work / "text").write_text("0 1 yes no 0.5\n0 1 no yes\n1\n")
    words = ["--isymbols=words", "--osymbols=words"]
    fstcompile.main([*words, "--keep_isymbols=true", "--keep_osymbols", "text", "kept.fst"])
    fstarcsort.main(["--sort_type=olabel", "kept.fst", "sorted.fst"])
    fstprint.main(["sorted.fst", "again"])
    assert (work / "again").read_text() == "0\t1\tno\tyes\n0\t1\tyes\tno\t0.5\n1\n"


# Text


def test_text_becomes_an_fst_and_text_again(work):
    text = "0 1 1 2 0.693147182; 0 2 3 0; 1 2 2 2; 2 1.5"
    assert printed(compiled("a.fst", text)) == text


def test_states_are_numbered_as_they_appear_unless_their_numbers_are_kept(work):
    lines = ["5 3 1 1", "3 0"]
    assert fstprint.print_text(fstcompile.compile_text(lines, "")) == ["0\t1\t1\t1", "1"]
    kept = fstcompile.compile_text(lines, "", keep_state_numbering=True)
    assert (kept.start, kept.num_states) == (5, 6)


def test_an_acceptor_has_one_label_an_arc():
    fst = fstcompile.compile_text(["0 1 7 0.5", "1"], "", acceptor=True)
    assert fst.arcs.tolist() == [(7, 7, 0.5, 1)]
    assert fstprint.print_text(fst, acceptor=True)[0] == "0\t1\t7\t0.5"


@pytest.mark.parametrize(
    "line, message",
    [
        ("0 1 a b", "line 2: symbol 'b' has no number"),
        ("0 1 a", "line 2: expected 'from to ilabel olabel [cost]' or 'state [cost]', found: 0 1 a"),
        ("0 1 a a 1 2", "line 2: expected 'from to ilabel olabel [cost]'"),
        ("0 1 a a x", "line 2: expected numbers"),
    ],
)
def test_a_bad_line_of_text_is_named(work, capfd, line, message):
    (work / "words").write_text("<eps> 0\na 1\n")
    (work / "text").write_text(f"0 1 a a\n{line}\n")
    assert fstcompile.main(["--isymbols=words", "--osymbols=words", "text", "out.fst"]) == 1
    assert message in capfd.readouterr().err
    assert not (work / "out.fst").exists()


@pytest.mark.parametrize("word", ["a\u00a0b".encode(), "\u2028".encode(), b"caf\xe9"])
def test_a_word_of_any_bytes_but_ascii_white_space_stays_whole(work, word):
    (work / "words").write_bytes(b"<eps> 0\n" + word + b" 1\n")
    (work / "text").write_bytes(b"0\t1\t" + word + b"\t" + word + b"\n1\n")
    symbols = ["--isymbols=words", "--osymbols=words"]
    assert fstcompile.main([*symbols, "text", "a.fst"]) == 0
    assert fstprint.main([*symbols, "a.fst", "again"]) == 0
    assert (work / "again").read_bytes() == (work / "text").read_bytes()


def test_a_label_without_symbol_is_not_printed(work, capfd):
    (work / "words").write_text("<eps> 0\na 1\n")
    assert fstprint.main(["--isymbols=words", compiled("a.fst", "0 1 9 9; 1")]) == 1
    assert "label 9" in capfd.readouterr().err


@pytest.mark.parametrize("number", ["99999999999", "x", "1.5", "1_0"])
def test_a_number_that_no_label_can_be_is_refused_with_its_file(work, capfd, number):
    compiled("1.fst", "0 1 1 1; 1")
    (work / "list").write_text(f"{number}\n")
    (work / "table").write_text(f"<eps> 0\na {number}\n")
    for main, words, told in [
        (fstaddselfloops, ["list", "list", "1.fst", "out"], "list: expected one integer a line, found: "),
        (fstcomposecontext, ["--read-disambig-syms=list", "out", "1.fst"], "list: expected one integer a line"),
        (fstrmsymbols, ["list", "1.fst", "out"], "list: expected one integer a line"),
        (fstprint, ["--isymbols=table", "1.fst", "out"], "table, line 2: expected a symbol and its number"),
    ]:
        assert main.main(words) == 1
        assert told in capfd.readouterr().err


def test_a_symbol_table_with_a_bad_line_is_refused(work, capfd):
    (work / "words").write_text("<eps> 0\na\n")
    assert fstprint.main(["--isymbols=words", compiled("a.fst", "0 1 1 1; 1")]) == 1
    assert "words, line 2: expected '<symbol> <number>', found 'a'" in capfd.readouterr().err


# Language models

ARPA = """
\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-99 <s> -0.5
-0.5 </s>
-0.4 a -0.3
-0.6 b

\\2-grams:
-0.1 <s> a
-0.2 a b
-0.3 a </s>

\\end\\
"""


def test_g_is_what_kaldi_made_of_the_same_model(golden, work):
    words = f"--read-symbol-table={golden / 'lang/words.txt'}"
    assert arpa2fst.main(["--disambig-symbol=#0", words, golden / "lang/bigram.arpa", "G.fst"]) == 0
    assert_same(read_fst("G.fst"), read_fst(str(golden / "lang/G.fst")))


@pytest.mark.parametrize(
    "sentence, log10_probability",
    [
        ("a", -0.1 - 0.3),  # both bigrams are in the model
        ("a b", -0.1 - 0.2 + 0 - 0.5),  # b </s> is not, and b has no backoff weight
        ("b a", -0.5 - 0.6 + 0 - 0.4 - 0.3),  # <s> b by the backoff weight of <s> and the unigram; a </s> is in it
        ("", -0.5 - 0.5),
    ],
)
def test_a_backoff_model_gives_a_sentence_its_probability(work, sentence, log10_probability):
    (work / "lm.arpa").write_text(ARPA)
    assert arpa2fst.main(["--disambig-symbol=#0", "--write-symbol-table=words", "lm.arpa", "G.fst"]) == 0
    words = dict(line.split() for line in (work / "words").read_text().splitlines())
    assert words == {"<eps>": "0", "#0": "1", "<s>": "2", "</s>": "3", "a": "4", "b": "5"}
    arcs = [f"{i} {i + 1} 0 {words[word]}" for i, word in enumerate(sentence.split())]
    loops = [f"{i} {i} 0 1" for i in range(len(arcs) + 1)]  # #0 lets the backoff arcs pass
    fsttablecompose.main([compiled("sentence.fst", "; ".join([*loops, *arcs, str(len(arcs))])), "G.fst", "both.fst"])
    assert min(best_costs(read_fst("both.fst")).values()) == pytest.approx(-log10_probability * math.log(10))


def test_without_options_sentence_ends_are_words_and_symbols_are_stored(work):
    (work / "lm.arpa").write_text(ARPA)
    arpa2fst.main(["lm.arpa", "G.fst"])
    fst = read_fst("G.fst")
    assert fst.isymbols == fst.osymbols == {"<eps>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4}
    assert fst.arc_lists()[fst.start][0][:2] == (1, 1)
    into_final = {fst.arcs["ilabel"][i] for i in range(len(fst.arcs)) if fst.finals[fst.arcs["nextstate"][i]] == 0}
    assert into_final == {2}


def test_n_grams_with_unknown_words_are_skipped_with_a_warning(work, capfd):
    (work / "lm.arpa").write_text(ARPA)
    (work / "words").write_text("<eps> 0\n<s> 1\n</s> 2\na 3\n#0 4\n")
    assert arpa2fst.main(["--disambig-symbol=#0", "--read-symbol-table=words", "lm.arpa", "G.fst"]) == 0
    assert "line 10 [-0.6 b] skipped: word 'b' not in symbol table" in capfd.readouterr().err
    assert set(read_fst("G.fst").arcs["ilabel"].tolist()) == {3, 4}


def test_no_more_warnings_are_printed_than_asked_for(work, capfd):
    (work / "lm.arpa").write_text(ARPA)
    (work / "words").write_text("<eps> 0\n<s> 1\n</s> 2\n#0 4\n")
    options = ["--disambig-symbol=#0", "--read-symbol-table=words", "--max-arpa-warnings=1"]
    arpa2fst.main([*options, "lm.arpa", "G.fst"])
    errors = capfd.readouterr().err
    assert errors.count("not in symbol table") == 1
    assert "5 warnings, 1 of them printed" in errors


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: "", "ends before \\\\end"),
        (lambda text: "\\data\\\n\\end\\\n", "section is missing or empty"),
        (lambda text: text.replace("\\end\\", ""), "ends before \\\\end"),
        (lambda text: text.replace("ngram 1=4", "ngram 1=3"), "4 1-grams; the header says 3"),
        (lambda text: text.replace("ngram 1=4", "ngram one=4"), "expected ngram ORDER=COUNT"),
        (lambda text: text.replace("-0.2 a b", "-0.2 a b c d"), "line 14 .*5 columns"),
        (lambda text: text.replace("-0.2 a b", "zero a b"), "line 14 .*zero is no log probability"),
        (lambda text: text.replace("-0.2 a b", "nan a b"), "line 14 .*nan is no log probability"),
        (lambda text: text.replace("-0.4 a -0.3", "-0.4 a inf"), "line 9 .*inf is no log probability or backoff"),
        (lambda text: text.replace("-99 <s> -0.5", "-99 c -0.5"), "no unigram <s>"),
        (lambda text: text.replace("\\2-grams:", "\\3-grams:"), "expected \\\\2-grams:"),
        (lambda text: text.replace("-0.2 a b", "-0.2 a <eps>"), "epsilon"),
        (lambda text: text.replace("-0.6 b", "-0.6 a"), "line 10 .*the 1-gram is there twice"),
        (lambda text: text.replace("-0.2 a b", "-0.2 <s> a"), "line 14 .*the 2-gram is there twice"),
    ],
)
def test_a_bad_language_model_is_refused_with_the_reason(work, capfd, change, message):
    (work / "lm.arpa").write_text(change(ARPA))
    assert arpa2fst.main(["--disambig-symbol=#0", "lm.arpa", "G.fst"]) == 1
    assert re.search(f"lm.arpa.*{message}", capfd.readouterr().err)
    assert not (work / "G.fst").exists()


def test_n_grams_that_the_header_announces_and_that_are_missing_are_counted(work, capfd):
    (work / "lm.arpa").write_text(ARPA.replace("-0.2 a b\n", ""))
    assert arpa2fst.main(["--disambig-symbol=#0", "lm.arpa", "G.fst"]) == 0
    assert "lm.arpa, line 16 [\\end\\] 2 2-grams; the header says 3" in capfd.readouterr().err


def test_a_language_model_of_another_editor_is_the_same(work):
    """A mark of UTF-8, CRLF, tabs; a no-break space is part of a word."""
    text = ARPA.replace("b", "b\u00a0b")
    (work / "lm.arpa").write_text(text)
    (work / "other.arpa").write_bytes(text.replace(" ", "\t").replace("\n", "\r\n").encode("utf-8-sig"))
    for name in ("lm", "other"):
        arguments = ["--disambig-symbol=#0", f"--write-symbol-table={name}.txt", f"{name}.arpa", f"{name}.fst"]
        assert arpa2fst.main(arguments) == 0
    assert (work / "other.fst").read_bytes() == (work / "lm.fst").read_bytes()
    assert (work / "other.txt").read_text() == "<eps>\t0\n#0\t1\n<s>\t2\n</s>\t3\na\t4\nb\u00a0b\t5\n"


def test_a_compressed_language_model_is_no_arpa_file(work, capfd):
    (work / "lm.gz").write_bytes(gzip.compress(ARPA.encode()))
    assert arpa2fst.main(["lm.gz", "G.fst"]) == 1
    assert "is it an ARPA language model" in capfd.readouterr().err
    assert arpa2fst.main(["gunzip -c lm.gz |", "G.fst"]) == 0


def test_a_symbol_table_without_the_disambiguation_symbol_is_refused(work, capfd):
    (work / "lm.arpa").write_text(ARPA)
    (work / "words").write_text("<eps> 0\na 1\n")
    assert arpa2fst.main(["--disambig-symbol=#0", "--read-symbol-table=words", "lm.arpa", "G.fst"]) == 1
    assert "words has no symbol #0" in capfd.readouterr().err


# Transformations


def test_composition_keeps_paths_whose_middle_labels_match(work):
    first, second = compiled("1.fst", "0 1 1 2 0.5; 0 1 1 3; 1"), compiled("2.fst", "0 1 2 7 0.25; 1 1")
    assert fsttablecompose.main([first, second, "out.fst"]) == 0
    assert printed("out.fst") == "0 1 1 7 0.75; 1 1"


def test_composition_loses_no_arc_of_a_table_side_that_is_not_sorted(work, capfd):
    """Kaldi's table matcher takes a state's last arc for its highest label, and equal labels for neighbours."""
    second = compiled("2.fst", "0 0 1 5; 0 0 2 6; 0 0 900 7; 0")
    for order in ("0 0 1 1; 0 0 900 900; 0 0 3 1; 0 0 4 2; 0", "0 0 4 2; 0 0 3 1; 0 0 900 900; 0 0 1 1; 0"):
        first = compiled("1.fst", order)
        assert fsttablecompose.main([first, second, "out.fst"]) == 0
        arcs = [line.split()[2:4] for line in printed("out.fst").split("; ") if len(line.split()) == 4]
        assert sorted(arcs) == [["1", "5"], ["3", "5"], ["4", "6"], ["900", "7"]]
    assert "first FST is not olabel sorted" in capfd.readouterr().err


def test_composition_without_a_sorted_side_is_refused(work, capfd):
    first, second = compiled("1.fst", "0 1 1 2; 0 1 1 1; 1"), compiled("2.fst", "0 1 2 2; 0 1 1 1; 1")
    assert fsttablecompose.main([first, second, "out.fst"]) == 1
    assert "sort 1.fst with fstarcsort --sort_type=olabel, or 2.fst with" in capfd.readouterr().err
    fstarcsort.main([second, second])
    assert fsttablecompose.main([first, second, "out.fst"]) == 0
    assert "first FST is not olabel sorted" in capfd.readouterr().err
    assert best_costs(read_fst("out.fst")).keys() == {((1,), (1,)), ((1,), (2,))}


@pytest.mark.parametrize("use_log, cost", [("true", -math.log(2)), ("false", 0)])
def test_determinising_adds_probabilities_or_takes_the_largest(work, use_log, cost):
    fstdeterminizestar.main(
        [f"--use-log={use_log}", compiled("in.fst", "0 1 1 0; 0 2 1 0; 1 3 2 0; 2 3 2 0; 3"), "out.fst"]
    )
    fst = read_fst("out.fst")
    assert np.bincount(fst.sources).max() == 1
    assert best_costs(fst)[(1, 2), ()] == pytest.approx(cost)


def test_minimising_merges_states_with_the_same_future(work):
    fstminimizeencoded.main([compiled("in.fst", "0 1 1 1; 0 2 2 2; 1 3 3 3; 2 3 3 3; 3"), "out.fst"])
    assert read_fst("out.fst").num_states == 3


# The examples in the comments of Kaldi's fstrmepslocal.cc and fstrmsymbols.cc, with the answers given there.


@pytest.mark.parametrize(
    "options, text, expected",
    [
        ([], "0 1 1 0; 1 2 0 2; 2 0", "0 1 1 2; 1"),
        ([], "0 1 0 0; 0 0; 1 0", "0"),
        (["--use-log=true"], "0 1 0 0; 0 0; 1 0", "0 -0.693147182"),
    ],
)
def test_local_epsilons_are_removed_as_kaldi_removes_them(work, options, text, expected):
    assert fstrmepslocal.main([*options, compiled("in.fst", text), "out.fst"]) == 0
    assert printed("out.fst") == expected


@pytest.mark.parametrize("plus", [min, log_plus])
def test_removing_local_epsilons_keeps_every_path_cost_and_never_adds_arcs(plus):
    num_smaller = 0
    for seed in range(150):
        before = random_fst(seed)
        after = from_wheel(remove_eps_local(before, plus, log_plus))
        assert best_costs(after, plus) == pytest.approx(best_costs(before, plus), abs=1e-5)
        assert len(after.arcs) <= len(before.arcs)
        num_smaller += len(after.arcs) < len(before.arcs)
    assert num_smaller > 50


def test_removing_local_epsilons_keeps_a_stochastic_fst_stochastic(work, capfd):
    half = math.log(2)
    text = f"0 1 0 1 {half}; 0 2 2 2 {half}; 1 2 3 0 {half}; 1 2 0 4 {half}; 2"
    assert fstrmepslocal.main([compiled("in.fst", text), "out.fst"]) == 0
    assert len(read_fst("out.fst").arcs) == 4  # of the two arcs after the first, one was joined to it, the other stayed
    assert fstisstochastic.main(["out.fst"]) == 0


@pytest.mark.parametrize(
    "options, text, listed, expected",
    [
        ([], "0 0 1 1; 0 0 3 2; 0 0", (3, 4), "0 0 1 1; 0 0 0 2; 0"),
        (["--apply-to-output=true"], "0 0 1 1; 0 0 3 2; 0 0", (2, 3), "0 0 1 1; 0 0 3 0; 0"),
        (["--remove-arcs=true"], "0 0 1 1; 0 0 3 2; 0 0", (3, 4), "0 0 1 1; 0"),
        (["--penalty=2"], "0 0 1 1; 0 0 3 2; 0 0", (3, 4, 5), "0 0 1 1; 0 0 3 2 2; 0"),
    ],
)
def test_symbols_are_removed_as_kaldi_removes_them(work, options, text, listed, expected):
    symbols = compiled_list("list", *listed)
    assert fstrmsymbols.main([*options, symbols, compiled("in.fst", text), "out.fst"]) == 0
    assert printed("out.fst") == expected


def test_removing_the_arcs_of_every_path_is_warned_about(work, capfd):
    fstrmsymbols.main(["--remove-arcs", compiled_list("list", 1), compiled("in.fst", "0 1 1 1; 1"), "out.fst"])
    assert "no path is left" in capfd.readouterr().err
    assert read_fst("out.fst").num_states == 0


def test_pushing_evens_the_sums_and_keeps_every_path_cost():
    for seed in range(50):
        fst = random_fst(seed)
        before = best_costs(fst)
        assert fstpushspecial.push_special(fst, delta=1e-3)
        sums = fstisstochastic.total_costs(fst, in_log=True)
        assert sums.max() - sums.min() <= 1.001e-3
        assert best_costs(fst) == pytest.approx(before, abs=1e-5)


def test_pushing_converges_on_a_chain_of_states():
    """Without the term 0.1 I the power method would circle: all eigenvalues of a chain have one magnitude."""
    fst = fstcompile.compile_text(["0 2 3 3 0", "1 3 1 4 0.5", "2 1 0 0 0.5", "3 0.25"], "")
    assert fstpushspecial.push_special(fst, delta=1e-3)


@pytest.mark.parametrize(
    "text, status, output",
    [
        ("0 1 1 1 0.693147; 0 1 2 2 0.693147; 1", 0, None),
        ("0 1 1 1 0.5; 0 1 2 2 0.693147; 1", 1, "0 -0.10123\n"),  # exp(-0.5) + 0.5 = exp(0.10123)
        ("0 1 1 1 0.5; 1", 1, "0.5 0\n"),
    ],
)
def test_a_sum_other_than_one_is_told_and_gives_status_1(work, capfd, text, status, output):
    assert fstisstochastic.main([compiled("in.fst", text)]) == status
    found = capfd.readouterr().out
    assert output is None or found == output


def test_loops_for_disambiguation_symbols_are_where_words_and_ends_are(work):
    lists = [compiled_list("in.list", 3, 4), compiled_list("out.list", 5, 6)]
    fstaddselfloops.main([*lists, compiled("in.fst", "0 1 0 1; 1 2 1 0; 2"), "out.fst"])
    assert printed("out.fst") == "0 1 0 1; 0 0 3 5; 0 0 4 6; 1 2 1 0; 2 2 3 5; 2 2 4 6; 2"
    assert fstaddselfloops.main(["in.list", compiled_list("short", 5), "in.fst", "out2.fst"]) == 1


def test_context_windows_of_triphones_look_one_phone_ahead(work):
    """Example 2 in the comments of Kaldi's fstcomposecontext.cc."""
    disambig = f"--read-disambig-syms={compiled_list('disambig.list', 4, 5)}"
    lines = "0 1 1 1; 1 2 2 2; 2 3 4 4; 3 4 3 3; 4 5 5 5; 5 0"
    options = ["--binary=false", disambig, "--write-disambig-syms=disambig.out"]
    assert fstcomposecontext.main([*options, "ilabels", compiled("in.fst", lines), "out.fst"]) == 0
    windows = [
        [int(number) for number in line.split("[")[-1].split("]")[0].split()]
        for line in (work / "ilabels").read_text().splitlines()
    ]
    path = [arc[:2] for state in read_fst("out.fst").arc_lists() for arc in state]
    assert [(windows[ilabel], olabel) for ilabel, olabel in path] == [
        ([0], 1),  # #-1: no window is complete before the second phone is known
        ([0, 1, 2], 2),
        ([-4], 4),
        ([1, 2, 3], 3),
        ([-5], 5),
        ([2, 3, 0], 0),
    ]
    disambig_out = [int(line) for line in (work / "disambig.out").read_text().split()]
    assert [windows[ilabel] for ilabel in disambig_out] == [[0], [-4], [-5]]


# HMMs


@pytest.fixture
def ilabels(golden, work):
    """The windows of the golden lexicon's phones: monophones and two disambiguation symbols."""
    options = ["--context-size=1", "--central-position=0", f"--read-disambig-syms={golden / 'lang/disambig.int'}"]
    assert fstcomposecontext.main([*options, "ilabels", golden / "lang/L_disambig.fst", "CL.fst"]) == 0
    return "ilabels"


def test_h_has_a_path_of_three_states_for_each_phone(golden, ilabels):
    model = golden / "mono/final.mdl"
    assert make_h_transducer.main(["--disambig-syms-out=disambig", ilabels, golden / "mono/tree", model, "H.fst"]) == 0
    h = read_fst("H.fst")
    assert read_int_list("disambig") == [289], "after 288 transition-ids, #0; #1 is in no arc of the lexicon"
    emitted = h.arcs["ilabel"][(h.arcs["ilabel"] > 0) & (h.arcs["ilabel"] != 289)]
    assert len(emitted) == len(set(emitted.tolist())) == 3 * 48, "one forward transition of each state"
    assert sorted(h.arcs["olabel"][h.arcs["olabel"] > 0].tolist()) == list(range(1, 48 + 1 + 1))


def test_a_tree_with_another_context_or_other_pdfs_is_refused(golden, ilabels, work, capfd):
    tree = (golden / "mono/tree").read_bytes()
    (work / "triphone.tree").write_bytes(tree.replace(b"\4\1\0\0\0\4\0\0\0\0", b"\4\3\0\0\0\4\1\0\0\0", 1))
    assert make_h_transducer.main([ilabels, "triphone.tree", golden / "mono/final.mdl", "H.fst"]) == 1
    assert "a context window of 1 phones; the tree triphone.tree has 3" in capfd.readouterr().err
    (work / "other.tree").write_bytes(tree.replace(b"CE \4\1\0\0\0", b"CE \4\2\0\0\0", 1))
    assert make_h_transducer.main([ilabels, "other.tree", golden / "mono/final.mdl", "H.fst"]) == 1
    assert "incompatible tree and model" in capfd.readouterr().err


def test_a_graph_of_another_model_gets_no_self_loops(golden, work, capfd):
    model = golden / "mono/final.mdl"
    assert add_self_loops.main([model, compiled("large.fst", "0 1 289 1; 1"), "out.fst"]) == 1
    assert "input label 289" in capfd.readouterr().err
    assert add_self_loops.main([model, golden / "graph/HCLG.fst", "out.fst"]) == 1
    assert "already has self-loops" in capfd.readouterr().err
    write_fst(from_lists(-1, [], []), "empty.fst")
    assert add_self_loops.main([model, "empty.fst", "out.fst"]) == 1
    assert "an empty graph" in capfd.readouterr().err
    assert not (work / "out.fst").exists()


def test_grammar_fsts_are_refused_by_name(golden, ilabels, capfd):
    option = "--nonterm-phones-offset=50"
    assert make_h_transducer.main([option, ilabels, golden / "mono/tree", golden / "mono/final.mdl", "H.fst"]) == 1
    assert fstcomposecontext.main([option, "ilabels2", "CL.fst", "out.fst"]) == 1
    assert capfd.readouterr().err.count("grammar FSTs are not supported") == 2
