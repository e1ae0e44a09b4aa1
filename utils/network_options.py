"""Print the options of a network and its training that bear on the result, one a line: "<name>: <value>".

Usage: utils/network_options.py [--config FILE] [options of asrser_nn train]
Equal ones are printed equal, whether given in a file, as an option or not at all. The classes are left out: the data
decide on them.
"""

import sys

import click

from asrser_io.files import Failure, described
from asrser_nn.commands.runs import training_of
from asrser_nn.training.directory import ARGUMENTS, config

LEFT_OUT = {*ARGUMENTS, "num_classes", "class_names"}


def main() -> None:
    try:
        training = training_of(["train", *sys.argv[1:], *["-"] * (len(ARGUMENTS) + 1)])
    except click.ClickException as error:
        sys.exit(f"asrser_nn train: {error.format_message()}")
    except (Failure, OSError) as error:
        sys.exit(f"asrser_nn train: {described(error)}")
    for name, value in config(training).items():
        name = name.removeprefix("--")
        if name.replace("-", "_") not in LEFT_OUT:
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
