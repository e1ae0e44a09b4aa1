"""asrser_nn train, and what transfer shares with it."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from asrser_io.files import write_text
from asrser_nn.commands.options import COMPUTE, DATA, FILES, HOW, MATCHING, METHOD, NETWORK, as_text, options


def run_training(context: click.Context, transfer: tuple[str, int] | None = None) -> None:
    """What train and transfer share: from their options to a run directory."""
    from asrser_nn.training.directory import config_text, is_complete

    given = dict(context.params)
    directory = Path(given["dir"])
    config = {
        parameter.opts[0] if isinstance(parameter, click.Option) else name.replace("_", "-"): as_text(given[name])
        for parameter in context.command.params
        if (name := str(parameter.name)) in given and name not in (*HOW, "dir")
    }
    if is_complete(directory, config):
        print(f"asrser_nn: {directory} is complete: nothing to do", file=sys.stderr)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_text(directory / "config", config_text(config))  # now, so that an unwritable folder is found before the work

    from asrser_nn.data.corpus import load_corpus
    from asrser_nn.network.convnet import Shape
    from asrser_nn.training.display import make_display
    from asrser_nn.training.loop import Method
    from asrser_nn.training.run import Transfer, cache_memory, load_data, pick_device, set_threads, train_run

    device = pick_device(given["device"])
    set_threads(given["threads"])
    # Runs of a grid have one display and share memory, and it need not read the same files for each.
    display, load, memory = context.obj or (
        make_display(sys.stderr.isatty(), str(directory / "tensorboard") if given["tensorboard"] else None),
        load_corpus,
        cache_memory(given.get("cache_gb"), device, 1),
    )
    train, dev, class_names = load_data(
        given["train_feats"],
        given["train_labels"],
        given["dev_feats"],
        given["dev_labels"],
        given["context"],
        given["max_lost"],
        given["num_classes"],
        [name for name in given["class_names"].split(",") if name],
        load,
    )
    shape = Shape(
        num_coefficients=train.rows.shape[1],
        num_classes=len(class_names),
        **{name: given[name] for name in ("context", "channels", "kernels", "paddings", "pools", "hidden")},
    )
    method = Method(**{field.name: given[field.name] for field in fields(Method)})
    source = Transfer(*transfer, memory) if transfer else None
    model = train_run(
        directory, config, train, dev, shape, given["dropout"], class_names, method, device, display, source
    )
    error, epoch, epochs = 100 - model.about["dev_accuracy"], model.about["best_epoch"], model.about["epochs"]
    print(f"{directory}: dev frame error {error:.2f} % after epoch {epoch} of {epochs}")


@click.command()
@options(DATA, [click.argument("dir")], FILES, NETWORK, METHOD, MATCHING, COMPUTE)
@click.pass_context
def train(context: click.Context, /, **_: Any) -> None:
    """Train a network on frames and their labels, from scratch; keep the one best on dev in DIR.

    DIR then holds final.pt (written last: complete), config, history.json, learning_curve.png. A training that was
    killed continues from its last epoch and ends with the same network; a complete one is left alone.

    \b
    asrser_nn train --config conf/paper/asr.conf data_fbank/asr/train 'ark:gunzip -c exp/ali/pdf.*.gz |' \\
                    data_fbank/asr/dev ark:exp/ali_dev/pdf.ark exp/asr
    """
    run_training(context)
