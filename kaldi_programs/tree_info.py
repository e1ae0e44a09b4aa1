"""Print the number of pdfs of a decision tree, its context width and its central position."""

from kaldi_programs.common.program import program
from kaldi_programs.common.tree import read_tree


@program("tree-info <tree>", arguments=1)
def main(options, tree_in):
    tree = read_tree(tree_in)
    print(f"num-pdfs {tree.num_pdfs()}")
    print(f"context-width {tree.context_width}")
    print(f"central-position {tree.central_position}")
