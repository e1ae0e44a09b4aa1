"""The lang directory of a phone recogniser, against the one that Kaldi's own scripts made."""

import math
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)


def prepare(phones, lang, *options):
    return run(ROOT / "utils/prepare_lang.sh", *options, phones, lang)


def arcs(fst):
    """The arcs and final states of an FST, in order: (state, input, output, next state) or (state,)."""
    import kaldifst

    fields = [line.split() for line in str(kaldifst.StdVectorFst.read(str(fst))).splitlines() if line]
    return [tuple(map(int, (f[0], f[2], f[3], f[1]) if len(f) >= 4 else f[:1])) for f in fields]


@pytest.fixture(scope="module")
def phones(tmp_path_factory, golden):
    """The 48 phones, in no order, as a file."""
    file = tmp_path_factory.mktemp("phones") / "phones"
    words = [line.split()[0] for line in (golden / "lang/words.txt").read_text().splitlines()]
    file.write_text("\n".join(reversed(words[1:49])) + "\n\n")
    return file


@pytest.fixture(scope="module")
def lang(tmp_path_factory, phones):
    directory = tmp_path_factory.mktemp("lang") / "lang"
    result = prepare(phones, directory)
    assert result.returncode == 0, result.stderr
    return directory


@pytest.mark.parametrize("name", ["phones.txt", "words.txt", "topo"])
def test_symbols_and_topology_are_those_of_kaldi(name, lang, golden):
    assert (lang / name).read_bytes() == (golden / "lang" / name).read_bytes()


@pytest.mark.parametrize("name", ["L.fst", "L_disambig.fst"])
def test_the_lexicon_has_the_arcs_of_kaldis_in_their_order(name, lang, golden):
    assert arcs(lang / name) == arcs(golden / "lang" / name)


def test_lists_of_phones_are_written_as_text_numbers_and_colons(lang, golden):
    assert (lang / "phones/disambig.int").read_text() == (golden / "lang/disambig.int").read_text()
    assert (lang / "phones/silence.csl").read_text() == "1\n"
    assert (lang / "phones/nonsilence.csl").read_text() == ":".join(map(str, range(2, 49))) + "\n"
    assert (lang / "phones/sets.int").read_text().split() == [str(i) for i in range(1, 49)]
    assert (lang / "phones/roots.int").read_text().splitlines()[:2] == ["shared split 1", "shared split 2"]
    assert (lang / "oov.int").read_text() == "38\n"  # sil among the words


def test_the_lists_agree_with_their_symbol_table(lang):
    number = dict(line.split() for line in (lang / "phones.txt").read_text().splitlines())
    for name in ("silence", "nonsilence", "optional_silence", "context_indep", "disambig", "sets"):
        names = (lang / f"phones/{name}.txt").read_text().split()
        assert [number[n] for n in names] == (lang / f"phones/{name}.int").read_text().split()


def test_the_phones_of_another_corpus_come_from_its_transcripts(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/text").write_text("a_1 SIL m a SIL\na_2 SIL ä m SIL\n")
    result = prepare(tmp_path / "data", tmp_path / "lang", "--silence-phone", "SIL")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "lang/phones.txt").read_text().split()[::2] == ["<eps>", "SIL", "a", "m", "ä", "#0", "#1"]
    assert (tmp_path / "lang/words.txt").read_text().split()[2:10:2] == ["SIL", "a", "m", "ä"]
    assert "<ForPhones>\n2 3 4\n" in (tmp_path / "lang/topo").read_text()
    assert arcs(tmp_path / "lang/L.fst") == [(0, i, i, 0) for i in range(1, 5)] + [(0,)]


@pytest.mark.parametrize(
    ("phones", "complaint"),
    [
        ("aa\nb\n", "no phone 'sil'; name the one of silence with --silence-phone"),
        ("sil\naa\n#1\n", "'#1' is a name that Kaldi keeps for itself"),
        ("sil\naa\n<s>\n", "'<s>' is a name that Kaldi keeps"),
        ("sil\n", "no phone but silence"),
        ("", "no phone 'sil'"),
    ],
)
def test_phones_that_cannot_be_are_refused(phones, complaint, tmp_path):
    (tmp_path / "phones").write_text(phones)
    result = prepare(tmp_path / "phones", tmp_path / "lang")
    assert result.returncode == 1
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "lang").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a\r\nsil\r\n", "line 1: a carriage return"),
        (b"a\nb c\nsil\n", "line 2: expected one phone a line, found: b c"),
        (b"\xef\xbb\xbfa\nsil\n", "begins with a byte order mark"),
    ],
)
def test_a_list_that_is_not_one_phone_a_line_is_refused(tmp_path, content, complaint):
    (tmp_path / "phones").write_bytes(content)
    result = prepare(tmp_path / "phones", tmp_path / "lang")
    assert result.returncode == 1 and complaint in result.stderr and not (tmp_path / "lang").exists()


def test_phones_of_transcripts_may_be_parted_by_tabs(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/text").write_text("u1\tsil m\ta\nu2  a\n")
    assert prepare(tmp_path / "data", tmp_path / "lang").returncode == 0
    words = [line.split()[0] for line in (tmp_path / "lang/words.txt").read_text().splitlines()]
    assert words == ["<eps>", "a", "m", "sil", "#0", "<s>", "</s>"]


def test_a_folder_that_is_no_lang_directory_is_not_replaced(tmp_path):
    (tmp_path / "phones").write_text("a\nsil\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis").write_text("years of work")
    result = prepare(tmp_path / "phones", tmp_path / "mine")
    assert result.returncode == 1 and "mine is there and no lang directory" in result.stderr
    assert (tmp_path / "mine/thesis").read_text() == "years of work"


ARPA = """\\data\\
ngram 1=5
ngram 2=1

\\1-grams:
-99 <s> -0.1
-1 </s>
-1 a -0.1
-1 zz
-1 <unk>

\\2-grams:
-0.1 <s> a

\\end\\
"""


def test_a_word_of_the_model_that_cannot_be_recognised_is_an_error_unless_skipped(tmp_path):
    (tmp_path / "phones").write_text("a\nsil\n")
    assert prepare(tmp_path / "phones", tmp_path / "lang").returncode == 0
    (tmp_path / "arpa").write_text(ARPA)
    (tmp_path / "lang/G.fst").write_text("old")
    grammar = [ROOT / "utils/make_grammar.sh", tmp_path / "arpa", tmp_path / "lang"]
    result = run(*grammar)
    text = f"{tmp_path}/arpa: 1 of its words are not in {tmp_path}/lang/words.txt: zz; "
    assert result.returncode == 1 and text in result.stderr
    assert (tmp_path / "lang/G.fst").read_text() == "old"
    result = run(grammar[0], "--skip-unknown", "true", *grammar[1:])
    assert result.returncode == 0 and f"warning: {text}left out" in result.stderr
    assert {arc[2] for arc in arcs(tmp_path / "lang/G.fst") if len(arc) == 4} == {0, 1}  # back-off, and a
    (tmp_path / "arpa").write_text(ARPA.replace("\n", "\r\n"))
    assert "arpa, line 1: a carriage return" in run(*grammar).stderr


def test_phones_that_are_not_there_are_refused(tmp_path):
    result = prepare(tmp_path / "nowhere", tmp_path / "lang")
    assert result.returncode == 1
    assert "no such file or data directory: " in result.stderr


def test_kaldis_bigram_becomes_kaldis_grammar(lang, golden, tmp_path):
    shutil.copytree(lang, tmp_path / "lang")
    result = run(ROOT / "utils/make_grammar.sh", golden / "lang/bigram.arpa", tmp_path / "lang")
    assert result.returncode == 0, result.stderr
    assert arcs(tmp_path / "lang/G.fst") == arcs(golden / "lang/G.fst")


def test_a_damaged_bigram_leaves_no_grammar(lang, tmp_path):
    shutil.copytree(lang, tmp_path / "lang")
    (tmp_path / "bad.arpa").write_text("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 aa\n")
    result = run(ROOT / "utils/make_grammar.sh", tmp_path / "bad.arpa", tmp_path / "lang")
    assert result.returncode == 1
    assert "ERROR (arpa2fst" in result.stderr
    assert not (tmp_path / "lang/G.fst").exists()


def pronunciations(fst, word):
    """Phones and probability of every path whose output is that one word, both as integers."""
    import kaldifst

    lexicon = kaldifst.StdVectorFst.read(str(fst))
    found, paths = [], [(lexicon.start, (), (), 0.0)]
    while paths:
        state, phones, words, cost = paths.pop()
        if words == (word,) and lexicon.final(state).value == 0:
            found.append((phones, round(math.exp(-cost), 4)))
        for arc in kaldifst.ArcIterator(lexicon, state):
            heard, said = (*phones, *[arc.ilabel][: arc.ilabel]), (*words, *[arc.olabel][: arc.olabel])
            if len(said) < 2:
                paths.append((arc.nextstate, heard, said, cost + arc.weight.value))
    return sorted(found, key=lambda path: path[0])


def test_silence_that_is_no_word_may_come_before_and_after_a_phone(tmp_path):
    (tmp_path / "phones").write_text("a\nm\n")  # in phones.txt sil is 1, a 2, m 3, #0 4, #1 5; in words.txt a is 1
    result = prepare(tmp_path / "phones", tmp_path / "lang", "--silence-prob", "0.1")
    assert result.returncode == 0, result.stderr
    paths = [((1, 2), 0.09), ((1, 2, 1), 0.01), ((2,), 0.81), ((2, 1), 0.09)]
    assert pronunciations(tmp_path / "lang/L.fst", 1) == paths
    marked = [(tuple(p for i in phones for p in ((1, 5) if i == 1 else (i,))), prob) for phones, prob in paths]
    assert pronunciations(tmp_path / "lang/L_disambig.fst", 1) == sorted(marked)
    assert (tmp_path / "lang/oov.txt").read_text() == "sil\n"


@pytest.mark.parametrize("probability", ["1", "-0.1"])
def test_a_probability_of_silence_that_cannot_be_is_refused(probability, tmp_path):
    (tmp_path / "phones").write_text("a\nm\n")
    result = prepare(tmp_path / "phones", tmp_path / "lang", "--silence-prob", probability)
    assert result.returncode == 1 and "--silence-prob is at least 0 and less than 1, not " in result.stderr


def test_a_lexicon_gives_words_their_pronunciations_with_silence_between_them(tmp_path):
    (tmp_path / "phones").write_text("a\nk\nt\n")
    (tmp_path / "lexicon").write_text("at 0.5 a t\nat 1 t\nka 1 k a\n")
    options = ["--silence-prob", "0.5", "--lexicon", tmp_path / "lexicon"]
    result = prepare(tmp_path / "phones", tmp_path / "lang", *options)
    assert result.returncode == 0, result.stderr
    words = dict(line.split() for line in (tmp_path / "lang/words.txt").read_text().splitlines())
    phones = dict(line.split() for line in (tmp_path / "lang/phones.txt").read_text().splitlines())
    assert set(words) == {"<eps>", "at", "ka", "sil", "#0", "<s>", "</s>"}
    by_number = {int(number): phone for phone, number in phones.items()}
    word_of = {int(number): word for word, number in words.items()}
    successors = {}
    for state, *rest in (arc for arc in arcs(tmp_path / "lang/L.fst") if len(arc) == 4):
        successors.setdefault(state, []).append((by_number[rest[0]], word_of[rest[1]], rest[2]))

    def paths(state, said, words, length):
        """Phones and words of all paths from here with so many phones."""
        if length == 0:
            yield tuple(said), tuple(words)
            return
        for phone, word, after in successors.get(state, []):
            more = [] if phone == "<eps>" else [phone]
            yield from paths(after, said + more, words + ([] if word == "<eps>" else [word]), length - len(more))

    found = {(phones, words) for phones, words in paths(0, [], [], 3)}
    assert (("sil", "a", "t"), ("at",)) in found and (("t", "sil", "t"), ("at", "at")) in found
    assert (("k", "a", "t"), ("ka", "at")) in found
    assert not any(phones[:2] == ("sil", "sil") or phones[:2] == ("a", "sil") for phones, _ in found)
    assert not (tmp_path / "lang/L_disambig.fst").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [("at a t", "expected <word> <probability>"), ("at 1 z", 'no phone "z"'), ("<s> 1 a", "cannot be a word")],
)
def test_a_lexicon_that_does_not_fit_is_refused(tmp_path, line, said):
    (tmp_path / "phones").write_text("a\nt\n")
    (tmp_path / "lexicon").write_text(f"{line}\n")
    command = [tmp_path / "phones", tmp_path / "lang", "--lexicon", tmp_path / "lexicon"]
    result = prepare(*command, "--silence-prob", "0.5")
    assert result.returncode == 1 and said in result.stderr and "line 1" in result.stderr
    assert "needs --silence-prob" in prepare(*command).stderr
