"""Gaussian mixtures: likelihoods, statistics and their files, re-estimation, splitting, and the programs for them."""

import struct

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from asrser_io.tables import TableWriter, read_object
from kaldi_programs import (
    gmm_acc_stats_ali,
    gmm_boost_silence,
    gmm_copy,
    gmm_est,
    gmm_info,
    gmm_init_mono,
    gmm_sum_accs,
)
from kaldi_programs.common.gmm import RandGauss, read_accumulators, read_model, split_targets

DIM = 3
TOPOLOGY = """<Topology> <TopologyEntry> <ForPhones> 1 2 3 </ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State> <State> 1 </State>
</TopologyEntry> </Topology>"""
# Phones 1, 2, 3 have pdfs 0, 1, 2, and transition ids 1 2, 3 4, 5 6 (a loop, and the way out).


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with features, alignments, and 1.mdl with four Gaussians, which is where the test runs."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(7)
    with TableWriter("ark:feats.ark", "matrix") as feats, TableWriter("ark:ali.ark", "int_vector") as alignments:
        for number in range(6):
            length = 30 + number
            phones = np.sort(random.integers(0, 3, length))
            feats.write(f"utt{number}", random.normal(3 * phones[:, None], 1 + phones[:, None], (length, DIM)))
            alignments.write(f"utt{number}", 2 * phones + random.integers(1, 3, length))
    (tmp_path / "topo").write_text(TOPOLOGY)
    run(gmm_init_mono, "--train-feats=ark:feats.ark", "topo", str(DIM), "0.mdl", "tree")
    run(gmm_acc_stats_ali, "0.mdl", "ark:feats.ark", "ark:ali.ark", "0.acc")
    split = ["--update-flags=mvw", "--mix-up=4", "--min-count=5", "--perturb-factor=0.5"]
    run(gmm_est, *split, "0.mdl", "0.acc", "1.mdl")
    return tmp_path


def run(module, *words):
    assert module.main(list(words)) == 0


def refusal(capsys, module, *words) -> str:
    capsys.readouterr()
    assert module.main(["--print-args=false", *words]) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def tables(kind_of_feats="matrix"):
    from asrser_io.tables import read_table

    alignments = dict(read_table("ark:ali.ark", "int_vector"))
    return [(key, feats, alignments[key]) for key, feats in read_table("ark:feats.ark", kind_of_feats)]


def mixture(gmms, pdf):
    """Weights, means and variances of a pdf."""
    of_pdf = gmms.slices()[pdf]
    variances = 1 / gmms.inv_vars[of_pdf].astype(float)
    return gmms.weights[of_pdf].astype(float), gmms.means_invvars[of_pdf] * variances, variances


def statistics_frame_by_frame(gmms, utterances):
    """What gmm-acc-stats-ali computes, straight from the definition: counts, sums, squares, total log-likelihood."""
    occupancies = np.zeros(gmms.num_gauss)
    sums, squares = np.zeros((2, gmms.num_gauss, DIM))
    total = 0.0
    for _, feats, alignment in utterances:
        for x, transition_id in zip(feats.astype(float), alignment, strict=True):
            pdf = (transition_id - 1) // 2
            terms = [w * multivariate_normal.pdf(x, m, np.diag(v)) for w, m, v in zip(*mixture(gmms, pdf), strict=True)]
            total += np.log(sum(terms))
            for gaussian, term in enumerate(terms, start=gmms.slices()[pdf].start):
                occupancies[gaussian] += term / sum(terms)
                sums[gaussian] += term / sum(terms) * x
                squares[gaussian] += term / sum(terms) * x**2
    return occupancies, sums, squares, total


def test_statistics_are_those_of_a_loop_over_frames(work, capsys, monkeypatch):
    monkeypatch.setattr(gmm_acc_stats_ali, "FRAMES_AT_ONCE", 70)  # so that utterances go in several batches
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "1.acc")
    found = read_accumulators("1.acc")
    _, gmms = read_model("1.mdl")
    assert gmms.num_gauss == 4
    occupancies, sums, squares, total = statistics_frame_by_frame(gmms, tables())
    np.testing.assert_allclose(found.occupancies, occupancies, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.sums, sums, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.squares, squares, rtol=1e-4, atol=1e-3)
    assert found.log_likelihood == pytest.approx(total, rel=1e-6)
    num_frames = sum(len(feats) for _, feats, _ in tables())
    assert found.frames == num_frames
    ids = np.concatenate([alignment for _, _, alignment in tables()])
    np.testing.assert_array_equal(found.transitions, np.bincount(ids, minlength=7))
    log = capsys.readouterr().err
    assert "Done 6 files, 0 with errors." in log
    assert f"Overall avg like per frame (Gaussian only) = {total / num_frames:.6g} over {num_frames} frames." in log


def test_statistics_have_the_layout_of_kaldi(work):
    """gmm/mle-am-diag-gmm.cc and mle-diag-gmm.cc: sums as floats, flags as uint16, totals as doubles."""
    run(gmm_acc_stats_ali, "0.mdl", "ark:feats.ark", "ark:ali.ark", "0.acc")
    accumulators = read_accumulators("0.acc")

    def floats(token, *shape_and_values):
        *shape, values = shape_and_values
        sizes = b"".join(struct.pack("<bi", 4, size) for size in shape)
        return token + sizes + np.asarray(values, "<f4").tobytes()

    expected = b"\0BDV " + struct.pack("<bi", 4, 7) + accumulators.transitions.tobytes()
    expected += b"<NUMPDFS> " + struct.pack("<bi", 4, 3)
    for pdf in range(3):
        expected += b"<GMMACCS> <VECSIZE> " + struct.pack("<bi", 4, DIM)
        expected += b"<NUMCOMPONENTS> " + struct.pack("<bi", 4, 1) + b"<FLAGS> " + struct.pack("<bH", -2, 15)
        expected += b"<OCCUPANCY> " + floats(b"FV ", 1, accumulators.occupancies[pdf])
        expected += b"<MEANACCS> " + floats(b"FM ", 1, DIM, accumulators.sums[pdf])
        expected += b"<DIAGVARACCS> " + floats(b"FM ", 1, DIM, accumulators.squares[pdf]) + b"</GMMACCS> "
    expected += b"<total_like> " + struct.pack("<bd", 8, accumulators.log_likelihood)
    expected += b"<total_frames> " + struct.pack("<bd", 8, accumulators.frames)
    assert (work / "0.acc").read_bytes() == expected


@pytest.mark.parametrize("binary", ["true", "false"])
def test_the_statistics_of_two_jobs_add_up_to_those_of_one(work, capsys, binary):
    (work / "first").write_text("utt0\nutt1\n")
    half = "ark:python -c 'from kaldi_programs.subset_feats import main; main()' {} ark:feats.ark ark:- |"
    for job, option in (("a", "--include=first"), ("b", "--exclude=first")):
        feats = half.format(option)
        run(gmm_acc_stats_ali, f"--binary={binary}", "1.mdl", feats, "ark:ali.ark", f"{job}.acc")
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "whole.acc")
    capsys.readouterr()
    run(gmm_sum_accs, f"--binary={binary}", "sum.acc", "a.acc", "b.acc")
    total, whole = read_accumulators("sum.acc"), read_accumulators("whole.acc")
    for name in ("transitions", "occupancies", "sums", "squares", "log_likelihood", "frames"):
        np.testing.assert_allclose(getattr(total, name), getattr(whole, name), rtol=1e-5, atol=1e-5)
    log = capsys.readouterr().err
    assert f"Summed 2 stats, total count {whole.frames:g}, avg like/frame" in log


def test_a_model_of_one_gaussian_a_pdf_gets_the_mean_and_variance_of_its_frames(work, capsys):
    run(gmm_est, "0.mdl", "0.acc", "new.mdl")
    _, gmms = read_model("new.mdl")
    feats = np.concatenate([feats for _, feats, _ in tables()]).astype(float)
    pdfs = (np.concatenate([alignment for _, _, alignment in tables()]) - 1) // 2
    before, after = 0.0, 0.0
    for pdf in range(3):
        weights, means, variances = mixture(gmms, pdf)
        np.testing.assert_array_equal(weights, [1])
        np.testing.assert_allclose(means[0], feats[pdfs == pdf].mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(variances[0], feats[pdfs == pdf].var(axis=0), rtol=1e-5)
        after += multivariate_normal.logpdf(feats[pdfs == pdf], means[0], np.diag(variances[0])).sum()
    before = multivariate_normal.logpdf(feats, feats.mean(axis=0), np.diag(feats.var(axis=0))).sum()
    log = capsys.readouterr().err
    gain = float(log.split("GMM update: Overall ")[1].split()[0])
    assert gain == pytest.approx((after - before) / len(feats), rel=1e-4)
    assert f"GMM update: Overall avg like per frame = {before / len(feats):.6g} over {len(feats)} frames." in log


def test_mixtures_get_the_weights_means_and_variances_of_their_shares(work):
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "1.acc")
    run(gmm_est, "--min-gaussian-occupancy=1", "1.mdl", "1.acc", "2.mdl")
    _, old = read_model("1.mdl")
    _, new = read_model("2.mdl")
    occupancies, sums, squares, _ = statistics_frame_by_frame(old, tables())
    for pdf, of_pdf in enumerate(old.slices()):
        weights, means, variances = mixture(new, pdf)
        expected = sums[of_pdf] / occupancies[of_pdf, None]
        np.testing.assert_allclose(weights, occupancies[of_pdf] / occupancies[of_pdf].sum(), rtol=1e-5)
        np.testing.assert_allclose(means, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(variances, squares[of_pdf] / occupancies[of_pdf, None] - expected**2, rtol=1e-3)


def test_training_goes_uphill_and_is_repeatable(work):
    def likelihood_after(options):
        model, likelihoods = "1.mdl", []
        for iteration in range(1, 5):
            run(gmm_acc_stats_ali, model, "ark:feats.ark", "ark:ali.ark", "acc")
            likelihoods.append(read_accumulators("acc").log_likelihood)
            run(gmm_est, *options, model, "acc", f"{iteration + 1}.mdl")
            model = f"{iteration + 1}.mdl"
        return likelihoods, (work / model).read_bytes()

    options = ["--mix-up=8", "--min-count=2", "--min-gaussian-occupancy=1"]
    likelihoods, model = likelihood_after(options)
    assert likelihoods == sorted(likelihoods) and likelihoods[-1] > likelihoods[0] + 1
    assert read_model("5.mdl")[1].num_gauss == 8
    assert likelihood_after(options) == (likelihoods, model)


def test_only_what_the_flags_name_is_updated(work):
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "1.acc")
    old_transitions, old = read_model("1.mdl")
    changed = {}
    for flags in ("m", "v", "w", "t", ""):
        run(gmm_est, "--min-gaussian-occupancy=1", f"--update-flags={flags}", "1.mdl", "1.acc", "2.mdl")
        transitions, new = read_model("2.mdl")
        _, old_means, old_variances = zip(*(mixture(old, pdf) for pdf in range(3)), strict=True)
        _, means, variances = zip(*(mixture(new, pdf) for pdf in range(3)), strict=True)
        changed[flags] = {
            "m": not np.allclose(np.concatenate(means), np.concatenate(old_means), rtol=1e-4),
            "v": not np.allclose(np.concatenate(variances), np.concatenate(old_variances), rtol=1e-4),
            "w": not np.allclose(new.weights, old.weights, rtol=1e-4),
            "t": not np.allclose(transitions.log_probs, old_transitions.log_probs, rtol=1e-4),
        }
    assert changed == {flags: {name: name == flags for name in "mvwt"} for flags in ("m", "v", "w", "t", "")}


def test_variances_alone_are_taken_around_the_old_means(work):
    run(gmm_est, "--update-flags=v", "0.mdl", "0.acc", "new.mdl")
    feats = np.concatenate([feats for _, feats, _ in tables()]).astype(float)
    pdfs = (np.concatenate([alignment for _, _, alignment in tables()]) - 1) // 2
    _, means, variances = mixture(read_model("new.mdl")[1], 2)
    np.testing.assert_allclose(variances[0], ((feats[pdfs == 2] - means[0]) ** 2).mean(axis=0), rtol=1e-4)


def test_variances_do_not_fall_below_their_floor(work, capsys):
    run(gmm_est, "0.mdl", "0.acc", "free.mdl")
    free = np.concatenate([mixture(read_model("free.mdl")[1], pdf)[2] for pdf in range(3)])
    low = free < 2.5
    assert 0 < low.any(axis=1).sum() < 3  # features of phone 1 have a variance near 1, those of 3 near 9
    capsys.readouterr()
    run(gmm_est, "--min-variance=2.5", "0.mdl", "0.acc", "new.mdl")
    floored = np.concatenate([mixture(read_model("new.mdl")[1], pdf)[2] for pdf in range(3)])
    np.testing.assert_allclose(floored, np.maximum(free, 2.5), rtol=1e-6)
    message = f"{low.sum()} variance elements floored in {low.any(axis=1).sum()} Gaussians, out of 3"
    assert message in capsys.readouterr().err


def test_a_gaussian_of_few_frames_is_removed_unless_it_is_the_last(work, capsys):
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "1.acc")
    occupancies, sizes = read_accumulators("1.acc").occupancies, read_model("1.mdl")[1].sizes
    (pair,) = np.flatnonzero(sizes == 2)
    least, most = np.sort(occupancies[read_model("1.mdl")[1].slices()[pair]])
    run(gmm_est, f"--min-gaussian-occupancy={(least + most) / 2}", "1.mdl", "1.acc", "2.mdl")
    _, gmms = read_model("2.mdl")
    assert gmms.sizes.tolist() == [1, 1, 1] and gmms.weights.tolist() == [1, 1, 1]
    capsys.readouterr()
    run(gmm_est, "--min-gaussian-occupancy=1000", "1.mdl", "1.acc", "3.mdl")
    assert read_model("3.mdl")[1].sizes.tolist() == [1, 1, 1]
    log = capsys.readouterr().err
    assert log.count("Too little data - removing Gaussian") == 1
    assert log.count("not removing it because it is the last Gaussian") == 3
    run(gmm_est, "--min-gaussian-occupancy=1000", "--remove-low-count-gaussians=false", "1.mdl", "1.acc", "4.mdl")
    assert read_model("4.mdl")[1].sizes.tolist() == sizes.tolist()


def test_gaussians_are_shared_out_by_a_power_of_the_counts_and_never_too_thin():
    counts = np.float32([1000, 100, 10])
    # At power 1 the pdf with most frames per Gaussian is split next: 1000, 500, 333, 250 … before the pdf of 100.
    assert split_targets(counts, 8, power=1.0, min_count=1) == [6, 1, 1]
    # At power 0 every pdf counts the same.
    assert sorted(split_targets(counts, 6, power=0.0, min_count=1)) == [2, 2, 2]
    # 10 frames are not enough for two Gaussians of 8, 100 are not for thirteen.
    assert split_targets(counts, 40, power=0.0, min_count=8) == [27, 12, 1]


def test_a_mixture_that_cannot_grow_to_its_target_says_so(capsys):
    assert split_targets(np.float32([30, 0]), 10, power=0.25, min_count=10) == [2, 1]
    assert "Could not split up to 10 due to min-count = 10" in capsys.readouterr().err


def test_random_numbers_are_those_of_kaldi():
    """Printed by a C++ program with the expression of Kaldi's RandGauss on glibc, in a fresh process."""
    expected = [-0.464892656, 0.20956026, 0.139192313, 0.168975875, -1.50944197]
    np.testing.assert_allclose(RandGauss()(5), expected, rtol=3e-7)
    drawn = RandGauss()(4000)
    assert abs(drawn.mean()) < 0.05 and abs(drawn.std() - 1) < 0.05


def test_the_halves_of_a_split_gaussian_move_apart_by_a_fraction_of_the_deviation(work):
    _, gmms = read_model("0.mdl")
    _, means, variances = mixture(gmms, 1)
    gmms.split([1, 2, 1], 0.1, RandGauss())
    weights, halves, new_variances = mixture(gmms, 1)
    offset = 0.1 * RandGauss()(DIM) * np.sqrt(variances[0])
    np.testing.assert_array_equal(weights, [0.5, 0.5])
    np.testing.assert_allclose(halves, [means[0] - offset, means[0] + offset], rtol=1e-5)
    np.testing.assert_array_equal(new_variances[0], new_variances[1])


def test_the_heaviest_gaussian_is_split_first(work):
    _, gmms = read_model("0.mdl")
    gmms.split([4, 1, 1], 0.1, RandGauss())
    assert gmms.weights.tolist() == [0.25, 0.25, 0.25, 0.25, 1, 1]
    gmms.split([5, 1, 1], 0.1, RandGauss())
    assert gmms.weights.tolist() == [0.125, 0.25, 0.25, 0.25, 0.125, 1, 1]


def test_merged_gaussians_keep_the_mean_and_variance_of_their_pdf(work, capsys):
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "1.acc")
    run(gmm_est, "--min-gaussian-occupancy=1", "1.mdl", "1.acc", "2.mdl")
    capsys.readouterr()
    run(gmm_est, "--min-gaussian-occupancy=1", "--mix-down=3", "1.mdl", "1.acc", "merged.mdl")
    assert "merged from 4 to 3" in capsys.readouterr().err
    _, gmms = read_model("merged.mdl")
    assert gmms.sizes.tolist() == [1, 1, 1]
    for pdf in range(3):
        weights, means, variances = mixture(read_model("2.mdl")[1], pdf)
        mean = weights @ means
        _, merged_mean, merged_variance = mixture(gmms, pdf)
        np.testing.assert_allclose(merged_mean[0], mean, rtol=1e-4)
        np.testing.assert_allclose(merged_variance[0], weights @ (variances + means**2) - mean**2, rtol=1e-4)


def test_counts_of_pdfs_are_written_as_text(work):
    run(gmm_est, "--write-occs=occs", "0.mdl", "0.acc", "new.mdl")
    pdfs = (np.concatenate([alignment for _, _, alignment in tables()]) - 1) // 2
    np.testing.assert_array_equal(read_object("occs", "vector"), np.bincount(pdfs))
    assert (work / "occs").read_text().startswith(" [ ")


def test_the_flat_start_has_the_mean_and_variance_of_all_features(work):
    _, gmms = read_model("0.mdl")
    feats = np.concatenate([feats for _, feats, _ in tables()]).astype(float)
    for pdf in range(3):
        _, means, variances = mixture(gmms, pdf)
        np.testing.assert_allclose(means[0], feats.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(variances[0], feats.var(axis=0), rtol=1e-5)


def test_the_flat_start_from_features_with_kaldis_mean_and_variance_is_kaldis(golden, tmp_path):
    _, kaldi = read_model(str(golden / "mono" / "0.mdl"))
    _, means, variances = mixture(kaldi, 0)
    feats = np.concatenate([means - np.sqrt(variances), means + np.sqrt(variances)])
    with TableWriter(f"ark:{tmp_path}/feats", "double_matrix") as writer:
        writer.write("utt", feats)
    topo, model = str(golden / "lang" / "topo"), str(tmp_path / "0.mdl")
    run(gmm_init_mono, f"--train-feats=ark:{tmp_path}/feats", topo, "39", model, str(tmp_path / "tree"))
    _, ours = read_model(model)
    assert ours.sizes.tolist() == [1] * 144
    np.testing.assert_allclose(ours.gconsts, kaldi.gconsts, rtol=1e-6)
    np.testing.assert_allclose(ours.inv_vars, kaldi.inv_vars, rtol=1e-6)
    np.testing.assert_allclose(ours.means_invvars, kaldi.means_invvars, rtol=1e-6, atol=1e-9)


def test_a_perturbed_flat_start_has_means_of_its_own(work):
    run(gmm_init_mono, "--perturb-factor=0.1", "topo", "3", "perturbed.mdl", "tree")
    _, gmms = read_model("perturbed.mdl")
    means = np.concatenate([mixture(gmms, pdf)[1] for pdf in range(3)])
    np.testing.assert_allclose(means, 1 + 0.1 * RandGauss()(9).reshape(3, 3), rtol=1e-5)


def test_boosting_multiplies_the_likelihood_of_the_phones_named(work, capsys):
    run(gmm_boost_silence, "--boost=1.25", "2", "1.mdl", "boosted.mdl")
    before, after = (read_model(model)[1].pdf_log_likelihoods(tables()[0][1]) for model in ("1.mdl", "boosted.mdl"))
    np.testing.assert_allclose(after - before, np.tile([0, np.log(1.25), 0], (30, 1)), atol=1e-5)
    assert "Boosted weights for 1 pdfs, by factor of 1.25" in capsys.readouterr().err
    run(gmm_boost_silence, "", "1.mdl", "same.mdl")
    assert (work / "same.mdl").read_bytes() == (work / "1.mdl").read_bytes()


def test_a_model_says_how_many_gaussians_it_has(work, capsys):
    capsys.readouterr()
    run(gmm_info, "1.mdl")
    assert capsys.readouterr().out.splitlines()[-2:] == ["feature dimension 3", "number of gaussians 4"]


def test_utterances_without_alignment_or_of_another_length_are_skipped_and_counted(work, capsys):
    with TableWriter("ark:some.ark", "int_vector") as writer:
        for key, _, alignment in tables()[:3]:
            writer.write(key, alignment if key != "utt1" else alignment[1:])
    capsys.readouterr()
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:some.ark", "some.acc")
    log = capsys.readouterr().err
    assert "No alignment for utterance utt5" in log
    assert "Alignments has wrong size 30 vs. 31 frames of utterance utt1" in log
    assert "Done 2 files, 4 with errors." in log
    assert read_accumulators("some.acc").frames == 30 + 32


def test_an_utterance_of_no_frames_is_skipped_and_counted(work, capsys):
    with TableWriter("ark:empty.ark", "matrix") as feats, TableWriter("ark:empty.ali", "int_vector") as alignments:
        for key, matrix, alignment in [("utt", np.zeros((0, 0)), []), tables()[0]]:
            feats.write(key, matrix)
            alignments.write(key, alignment)
    run(gmm_acc_stats_ali, "1.mdl", "ark:empty.ark", "ark:empty.ali", "some.acc")
    log = capsys.readouterr().err
    assert "Zero-length utterance: utt" in log and "Done 1 files, 1 with errors." in log


def test_statistics_of_nothing_are_not_written(work, capsys):
    (work / "none.ark").write_bytes(b"")
    assert gmm_acc_stats_ali.main(["1.mdl", "ark:feats.ark", "ark:none.ark", "none.acc"]) == 1
    assert "Done 0 files, 6 with errors." in capsys.readouterr().err
    assert not (work / "none.acc").exists()


def test_features_of_another_dimension_are_refused_by_their_key(work, capsys):
    with TableWriter("ark:wide.ark", "matrix") as writer:
        writer.write("utt0", np.zeros((30, DIM + 1)))
    error = refusal(capsys, gmm_acc_stats_ali, "1.mdl", "ark:wide.ark", "ark:ali.ark", "wide.acc")
    assert "utterance utt0 has features of dimension 4, but the model's is 3" in error
    assert not (work / "wide.acc").exists()


def test_features_that_are_no_numbers_are_refused_by_their_key(work, capsys):
    with TableWriter("ark:nan.ark", "matrix") as writer:
        writer.write("utt0", np.full((30, DIM), np.nan))
    assert "utt0" in refusal(capsys, gmm_acc_stats_ali, "1.mdl", "ark:nan.ark", "ark:ali.ark", "nan.acc")


def test_alignments_of_another_model_are_refused_by_their_key(work, capsys):
    with TableWriter("ark:other.ark", "int_vector") as writer:
        writer.write("utt0", np.full(30, 7))
    error = refusal(capsys, gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:other.ark", "other.acc")
    assert "utterance utt0 has transition id 7, but the model has 1 to 6" in error


def test_statistics_of_another_model_are_refused(work, capsys):
    run(gmm_acc_stats_ali, "1.mdl", "ark:feats.ark", "ark:ali.ark", "1.acc")
    error = refusal(capsys, gmm_sum_accs, "sum.acc", "0.acc", "1.acc")
    assert "adding 1.acc to 0.acc: statistics of different models" in error
    assert "are of another model" in refusal(capsys, gmm_est, "0.mdl", "1.acc", "2.mdl")
    assert not (work / "sum.acc").exists() and not (work / "2.mdl").exists()


def test_truncated_statistics_are_refused(work, capsys):
    data = (work / "0.acc").read_bytes()
    for size in range(4, len(data), 41):
        (work / "cut.acc").write_bytes(data[:size])
        assert "cut.acc: " in refusal(capsys, gmm_est, "0.mdl", "cut.acc", "2.mdl")


@pytest.mark.parametrize(
    "option, told",
    [("--update-flags=mx", "'x' is none of"), ("--mixup=2", "no such option")],
)
def test_an_option_that_means_nothing_is_refused(work, capsys, option, told):
    assert told in refusal(capsys, gmm_est, option, "0.mdl", "0.acc", "2.mdl")


@pytest.mark.parametrize("phones, told", [("1:9", "phone 9 is not in the model"), ("sil", "expected phone ids")])
def test_boosting_a_phone_that_is_not_there_is_refused(work, capsys, phones, told):
    assert told in refusal(capsys, gmm_boost_silence, phones, "1.mdl", "2.mdl")


def test_gconsts_that_contradict_the_mixture_are_computed_anew(work):
    run(gmm_copy, "--binary=false", "1.mdl", "1.txt")
    _, gmms = read_model("1.mdl")
    text = (work / "1.txt").read_text()
    (work / "edited.txt").write_text(text.replace(f"<GCONSTS>  [ {gmms.gconsts[0]:.7g} ", "<GCONSTS>  [ -1 ", 1))
    assert (work / "edited.txt").read_text() != text
    np.testing.assert_allclose(read_model("edited.txt")[1].gconsts, gmms.gconsts, rtol=1e-5)


def test_a_mixture_with_a_negative_variance_is_refused(work, capsys):
    run(gmm_copy, "--binary=false", "1.mdl", "1.txt")
    text = (work / "1.txt").read_text()
    start = text.index("<INV_VARS>  [\n  ") + len("<INV_VARS>  [\n  ")
    (work / "bad.txt").write_text(text[:start] + "-" + text[start:])
    assert "pdf 0 has a Gaussian whose weight or variance is negative" in refusal(capsys, gmm_info, "bad.txt")
