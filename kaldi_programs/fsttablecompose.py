"""Compose two transducers with Kaldi's table matcher, fast where states of one have an arc for nearly every symbol."""

from asrser_io.files import Failure
from kaldi_programs.common.fst import read_fst, to_wheel, write_fst
from kaldi_programs.common.program import Option, program, warn


@program(
    "fsttablecompose [options] <first.fst> <second.fst> [<out.fst>]",
    Option("connect", True, "trim the result: keep only states on a path from the start to a final state"),
    Option("match-side", "left", "side whose arcs go into the table", ("left", "right")),
    Option("compose-filter", "sequence", "filter of epsilon paths", ("alt_sequence", "auto", "match", "sequence")),
    arguments=(2, 3),
)
def main(options, first_fst, second_fst, out_fst="-"):
    import kaldifst

    first, second = to_wheel(read_fst(first_fst)), to_wheel(read_fst(second_fst))
    if not first.is_olabel_sorted:
        warn("The first FST is not olabel sorted.")
    if not second.is_ilabel_sorted:
        warn("The second FST is not ilabel sorted.")
        if not first.is_olabel_sorted:
            raise Failure(
                f"cannot compose: sort {first_fst} with fstarcsort --sort_type=olabel, or {second_fst} with "
                "--sort_type=ilabel"
            )
    # The matcher looks at the last arc of a state for its highest label: of arcs that are not sorted it loses some, or
    # writes beyond its table.
    if options.match_side == "left" and not first.is_olabel_sorted:
        kaldifst.arcsort(first, sort_type="olabel")
    elif options.match_side == "right" and not second.is_ilabel_sorted:
        kaldifst.arcsort(second, sort_type="ilabel")
    composed = kaldifst.compose(
        first,
        second,
        match_side=options.match_side,
        compose_filter=options.compose_filter,
        connect=options.connect,
    )
    write_fst(composed, out_fst)
