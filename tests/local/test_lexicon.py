"""local/lexicon.py: what a lexicon says, in Kaldi's form and CMUdict's, and what it lacks."""

import pytest

from asrser_io.files import Failure


@pytest.fixture
def lexicon(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "local")
    import lexicon

    return lexicon


@pytest.fixture
def read(lexicon, tmp_path):
    def read(text):
        (tmp_path / "lexicon.txt").write_text(text)
        return lexicon.read_lexicon(tmp_path / "lexicon.txt")

    return read


def test_a_word_may_stand_in_several_lines(read):
    assert read("read r eh d\nred r eh d\nread\tr iy d\n") == {
        "read": [(1.0, ("r", "eh", "d")), (1.0, ("r", "iy", "d"))],
        "red": [(1.0, ("r", "eh", "d"))],
    }


def test_probabilities_are_told_by_every_line_having_one(read):
    assert read("a 1.0 ah\na 0.25 ey\n") == {"a": [(1.0, ("ah",)), (0.25, ("ey",))]}
    assert read("a 1 ah\nb b\n")["a"] == [(1.0, ("1", "ah"))]  # phones that look like one


def test_variants_stress_and_comments_of_cmudict(read):
    text = ";;; comment\n# another\nTOMATO  T AH0 M EY1 T OW2\nTOMATO(2)  T AH0 M AA1 T OW2 # British\n"
    assert read(text + "TOMATO(3) T AH1 M EY0 T OW0\n") == {
        "TOMATO": [(1.0, ("T", "AH", "M", "EY", "T", "OW")), (1.0, ("T", "AH", "M", "AA", "T", "OW"))]
    }


def test_digits_of_other_phones_are_no_stress_and_brackets_of_other_words_no_variants(read):
    assert read("ma m a1\nf(2) e f\n") == {"ma": [(1.0, ("m", "a1"))], "f(2)": [(1.0, ("e", "f"))]}


@pytest.mark.parametrize("numbers", [(".5", ".9"), ("5e-1", "9E-01"), ("0.5", "9e-1")])
def test_probabilities_may_be_written_as_any_program_writes_them(read, numbers):
    assert read("a {} ah\nb {} b iy\n".format(*numbers)) == {"a": [(0.5, ("ah",))], "b": [(0.9, ("b", "iy"))]}


def test_a_comment_may_be_indented(read):
    assert read("a ah\n\t# of a line\n  ;;; too\nb b\n") == {"a": [(1.0, ("ah",))], "b": [(1.0, ("b",))]}


def test_of_pronunciations_that_differ_in_stress_the_likelier_counts(read):
    assert read("A 0.5 AH0\nA 1.0 AH1\nA 0.2 EY1\n") == {"A": [(1.0, ("AH",)), (0.2, ("EY",))]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n", "line 1: a has no phones"),
        ("\n;;; only\n", "no word in it"),
        ("a #0\n", "'#0' is a name that Kaldi"),
        ("a 0.5 ah\nb b\n", "line 2: expected <word> <probability> <phone>"),
        ("a 0.5 ah\nb 1.5 b\n", "line 2: expected <word> <probability> <phone>"),
        ("a 1.0 ah\na 0.0 ey\n", "line 2: expected <word> <probability> <phone>"),
        ("a 1.0 ah\nb 1.0\n", "line 2: b has no phones"),
        ("a 0,5 ah\nb 1,0 b\n", "line 1: expected <word> <probability> <phone>"),
        ("a nan ah\nb inf b\n", "line 1: expected <word> <probability> <phone>"),
        ("a -0.1 ah\nb .5 b\n", "line 1: expected <word> <probability> <phone>"),
        ("a 1.0 0.2 1.0 1.0 ah\n", "line 1: the number 0.2 among the phones"),  # lexiconp_silprob.txt
    ],
)
def test_what_is_no_lexicon_is_refused(read, text, said):
    with pytest.raises(Failure, match=said):
        read(text)


@pytest.fixture
def choose(lexicon, tmp_path):
    def choose(text, max_oov=0.5, **sets):
        (tmp_path / "lexicon.txt").write_text(text)
        texts = {name: {f"{name}-{i}": line.split() for i, line in enumerate(lines)} for name, lines in sets.items()}
        file = tmp_path / "lexicon.txt"
        return lexicon.choose(file, lexicon.read_lexicon(file), texts, "sil", max_oov)

    return choose


def test_an_utterance_with_a_word_without_pronunciation_is_left_out_and_the_word_is_named(choose, capsys):
    good, words = choose("a ah\nb b iy\nc s iy\n", train=["a b", "a zoe", "", "b"], dev=["b"])
    assert good == {"train": {"train-0", "train-3"}, "dev": {"dev-0"}} and sorted(words) == ["a", "b"]
    said = capsys.readouterr().err
    assert "train: left out: train-1: no pronunciation of zoe" in said
    assert "train: left out: train-2: no words" in said
    assert "train: 2 of 4 utterances are left out; 1 of 5 words have no pronunciation: zoe (1)" in said
    with pytest.raises(Failure, match=r"zoe \(1\); add them to the lexicon, or allow more with --max-oov, now 0.4"):
        choose("a ah\nb b iy\n", 0.4, train=["a b", "a zoe"], dev=["b"])


def test_capital_and_small_letters_are_the_same_word_where_only_one_of_them_stands_there(choose, capsys):
    _, words = choose("the dh ah\nIt ih t\nit ih d\n", train=["THE it"], dev=["the"])
    assert {word: some[0].phones for word, some in words.items()} == {
        "THE": ("dh", "ah"), "the": ("dh", "ah"), "it": ("ih", "d"),
    }  # fmt: skip
    assert "1 of 3 words are in other letters" in capsys.readouterr().err


def test_a_word_that_stands_there_in_other_letters_only_has_the_pronunciations_of_all_of_them(choose):
    _, words = choose("The dh ah\nthe dh iy\n", train=["THE"], dev=["THE"])
    assert [some.phones for some in words["THE"]] == [("dh", "ah"), ("dh", "iy")]


def test_a_set_of_which_nothing_is_left_is_refused(choose):
    with pytest.raises(Failure, match="no utterance of dev has a pronunciation for all its words"):
        choose("a ah\n", 1.0, train=["a"], dev=["b"])


def test_phones_that_train_lacks_and_silence_in_words_are_refused(choose):
    with pytest.raises(Failure, match="'zh' of vision, a word of dev, is in no word of train"):
        choose("a ah\nvision v ih zh\nvi v ih\n", train=["a vi"], dev=["vision"])
    with pytest.raises(Failure, match="the word 'sil' is also what silence is called"):
        choose("a ah\nsil s ih l\n", train=["a", "sil"], dev=["a"])
    with pytest.raises(Failure, match="pronounced with 'sil'"):
        choose("a ah sil\n", train=["a"], dev=["a"])
