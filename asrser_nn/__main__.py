"""The commands of asrser_nn. Each reads paths and numbers, calls one function of the modules beside it, and prints."""

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from asrser_io.files import Failure, write_text


class Commands(click.Group):
    """Failures as one line and status 1; Ctrl-C as status 130, which a recipe can tell from a failure."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Failure as error:
            print(f"asrser_nn {context.invoked_subcommand}: {error}", file=sys.stderr)
        except BrokenPipeError:  # the reader of stdout has seen enough, as in `| head`: click ends without a word
            raise
        except OSError as error:
            print(f"asrser_nn {context.invoked_subcommand}: {error.filename}: {error.strerror}", file=sys.stderr)
        except KeyboardInterrupt:
            print(f"\nasrser_nn {context.invoked_subcommand}: interrupted; the same command continues", file=sys.stderr)
            sys.exit(130)
        sys.exit(1)


@click.group(cls=Commands, context_settings={"show_default": True, "max_content_width": 110})
def cli() -> None:
    """The ConvNet of Fayek, Lech and Cavedon (Interspeech 2016): train, use, evaluate, transfer.

    FEATS and LABELS are data directories (their feats.scp, labels.scp) or Kaldi rspecifiers: scp:feats.scp,
    'ark:ali-to-pdf final.mdl ark:ali.ark ark:- |'.
    """


def read_config(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
    """Lines --option=value, then perhaps '# reason', become defaults: what stands on the command line wins."""
    known = {option: p for p in context.command.params for option in p.opts if isinstance(p, click.Option)}
    defaults: dict[str, Any] = dict(context.default_map or {})
    for path in paths:
        for number, line in enumerate(Path(path).read_text().splitlines(), 1):
            setting = line.partition("#")[0].strip()
            if not setting:
                continue
            name, equals, value = setting.partition("=")
            if name not in known or not equals:
                raise Failure(
                    f"{path}, line {number}: expected --option=value with an option of this command, found '{setting}'"
                )
            defaults[str(known[name].name)] = value.strip()
    context.default_map = defaults


class Numbers(click.ParamType):
    """A list such as 64,128, or of pairs such as 5x4,3x3."""

    def __init__(self, pairs: bool = False):
        self.pairs = pairs
        self.name = "FxT,…" if pairs else "N,…"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            if not self.pairs:
                return tuple(int(word) for word in value.split(","))
            pairs = tuple(tuple(int(word) for word in pair.split("x")) for pair in value.split(","))
            if all(len(pair) == 2 for pair in pairs):
                return pairs
        except ValueError:
            pass
        self.fail(f"expected {'pairs such as 5x4,3x3' if self.pairs else 'numbers such as 64,128'}, found '{value}'")


HOW = ("device", "threads", "tensorboard", "cache_gb")  # options that say how to compute, not what


def options(*groups: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


COMPUTE = [
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="auto: a GPU if there is one"
    ),
    click.option("--threads", default=0, help="CPU threads; 0: as many as torch takes"),
    click.option(
        "--precision",
        type=click.Choice(["fp32", "tf32", "bf16"]),
        default="fp32",
        help="of products: tf32 on a GPU, bf16 also on a CPU; sums and weights are float32",
    ),
]
CACHE = click.option(
    "--cache-gb",
    type=click.FloatRange(min=0),
    help="memory to compute the output of constant layers once, not for each minibatch; default: what is free",
)
MATCHING = [
    click.option(
        "--max-lost", default=5.0, help="per cent of utterances that may lack features or labels, or differ in length"
    )
]
NETWORK = [
    click.option("--context", default=15, help="frames on either side of the one to classify"),
    click.option("--channels", type=Numbers(), default="64,128", help="channels of the convolutional layers"),
    click.option("--kernels", type=Numbers(pairs=True), default="5x4,3x3", help="kernels, frequency x time"),
    click.option(
        "--paddings", type=Numbers(pairs=True), default="0x0,0x0", help="zeros on either side, frequency x time"
    ),
    click.option(
        "--pools", type=Numbers(pairs=True), default="2x2,2x2", help="max pooling and its stride, frequency x time"
    ),
    click.option("--hidden", type=Numbers(), default="1024,1024,1024", help="units of the fully connected layers"),
    click.option("--dropout", default=0.4, help="probability to drop a unit of a fully connected layer"),
    click.option("--num-classes", default=0, help="0: the largest label of the training set, plus one"),
    click.option("--class-names", default="", help="comma-separated, in the order of the labels; default: 0,1,…"),
]
METHOD = [
    click.option("--batch-size", default=256, help="frames per minibatch"),
    click.option("--learning-rate", default=1e-3, help="of RMSProp; the paper: 1e-3 for ASR, 1e-4 for SER"),
    click.option("--rmsprop-decay", default=0.99, help="of the mean squared gradient"),
    click.option("--rmsprop-epsilon", default=1e-8, help="added to its root"),
    click.option("--l2", default=1e-3, help="this times the weight is added to a convolutional weight's gradient"),
    click.option("--max-epochs", default=100, help="stop here at the latest"),
    click.option("--patience", default=3, help="stop when dev accuracy has not improved for so many epochs"),
    click.option("--seed", default=1, help="fixes initialisation, order of frames and dropout"),
]
FILES = [
    click.option(
        "--config", multiple=True, type=click.Path(exists=True, dir_okay=False), is_eager=True, expose_value=False,
        callback=read_config, help="file of lines --option=value   # reason; the command line wins",
    ),
    click.option("--tensorboard/--no-tensorboard", default=False, help="events for TensorBoard in DIR/tensorboard"),
]  # fmt: skip
DATA = [click.argument(name) for name in ("train_feats", "train_labels", "dev_feats", "dev_labels")]


def as_text(value: Any) -> str:
    """An option's value as it would be typed."""
    if isinstance(value, tuple):
        return ",".join("x".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value)
    return str(value)


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


@cli.command()
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


@cli.command()
@click.option(
    "--from", "source", required=True, metavar="MODEL|random", help="run directory or model file; random: no training"
)
@click.option(
    "--constant-layers", required=True, type=click.IntRange(min=0), help="how many of the first layers stay as they are"
)
@options([CACHE], DATA, [click.argument("dir")], FILES, NETWORK, METHOD, MATCHING, COMPUTE)
@click.pass_context
def transfer(context: click.Context, /, source: str, constant_layers: int, **_: Any) -> None:
    """Train on copied layers: all but the output come from MODEL, the first --constant-layers of them held constant.

    The output layer is new. If copied layers are to be trained, the output layer alone is trained for one epoch first.
    Input is normalised by the new training set. DIR holds what `train` leaves, and transfer.json: checksums of every
    constant layer before and after. The network's sizes must be those of MODEL.
    """
    run_training(context, (source, constant_layers))


@cli.command()
@click.argument("model")
@click.argument("feats")
@click.argument("wspecifier")
@click.option("--pseudo-log-likelihoods", is_flag=True, help="divide by the priors: log p(class|x) - log p(class)")
@click.option(
    "--priors", help="Kaldi vector of label counts to take the priors from, instead of the model's; implies the above"
)
@click.option("--prior-floor", default=1.0, help="label counts below this are raised to it")
@options(COMPUTE)
def forward(model: str, feats: str, wspecifier: str, **given: Any) -> None:
    """Write log posteriors of the classes for each frame of FEATS (raw filterbanks), one matrix per utterance.

    \b
    asrser_nn forward --pseudo-log-likelihoods exp/asr data_fbank/asr/test ark:- | \\
      decode-faster-mapped --acoustic-scale=0.3 exp/mono/final.mdl exp/mono/graph/HCLG.fst ark:- ark,t:words.txt
    """
    from asrser_nn.network.model import load_model
    from asrser_nn.prediction.forward import forward_table
    from asrser_nn.training.run import pick_device, set_threads

    set_threads(given["threads"])
    done = forward_table(
        load_model(model),
        feats,
        wspecifier,
        pick_device(given["device"]),
        given["precision"],
        given["pseudo_log_likelihoods"],
        given["priors"],
        given["prior_floor"],
    )
    print(f"asrser_nn forward: {done} utterances", file=sys.stderr)


@cli.command()
@click.argument("model")
@click.argument("feats")
@click.argument("labels")
@click.option("--json", "json_path", metavar="OUT", help="the figures for programs, with every utterance")
@click.option("--predictions", metavar="OUT", help="a line per utterance, for sort")
@click.option(
    "--silence-class", help="decide on utterances too, by their frames outside this class, and on frames without it"
)
@click.option("--utt2class", metavar="FILE", help="lines '<utterance> <class>'; default: the class its frames have")
@options(MATCHING, COMPUTE)
def evaluate(model: str, feats: str, labels: str, **given: Any) -> None:
    """Count the errors of MODEL on FEATS, whose frames have LABELS: on all frames, by class, averaged over classes.

    With --silence-class the same without silence, and for whole utterances. Chance and majority rates stand beside.
    """
    from asrser_nn.network.model import load_model
    from asrser_nn.prediction.evaluate import evaluate_table, predictions_text, table
    from asrser_nn.training.run import pick_device, set_threads

    set_threads(given["threads"])
    result = evaluate_table(
        load_model(model), feats, labels, given["max_lost"], given["silence_class"], given["utt2class"],
        pick_device(given["device"]), given["precision"],
    )  # fmt: skip
    print(table(result))
    if given["json_path"]:
        write_text(given["json_path"], json.dumps(result, indent=1) + "\n")
    if given["predictions"]:
        write_text(given["predictions"], predictions_text(result))


@cli.command()
@click.option("--only", multiple=True, type=int, help="only this line of LIST, counted from 1; may be repeated")
@click.option(
    "--together", default=0, help="runs made at the same time, which share --threads; 0: what threads and memory allow"
)
@options([CACHE], COMPUTE)
@click.argument("runs", metavar="LIST")
def grid(only: tuple[int, ...], together: int, cache_gb: float | None, runs: str, **compute: Any) -> None:
    """Make every run of LIST that is not complete, some at the same time; several processes may share the work.

    A line of LIST is a directory, a tab, and the commands that fill it, separated by ' ; ', without 'asrser_nn':

    \b
    exp/ser/fold_03<tab>train --config conf/paper/ser.conf … exp/ser/fold_03 ; evaluate exp/ser/fold_03 …
    """
    from asrser_nn.data.corpus import RecentCorpora
    from asrser_nn.training.grid import read_list, run_grid
    from asrser_nn.training.run import cache_memory, own_stream, pick_device, share_of_threads, trainings_at_once

    device = pick_device(compute["device"])
    # By the length of the list, not by what is left of it: a grid that was stopped goes on with as many threads a run.
    most = max(1, len(only or read_list(Path(runs))))
    together = min(together or trainings_at_once(device, compute["threads"]), most)
    compute["threads"] = share_of_threads(compute["threads"], together)
    corpora, memory = RecentCorpora(), cache_memory(cache_gb, device, together)

    def call(words: list[str], display: Any) -> None:
        if words[0] not in cli.commands:
            raise Failure(f"{runs}: there is no command '{words[0]}'")
        taken = {parameter.name for parameter in cli.commands[words[0]].params}
        arguments = [*words[1:], *(f"--{name}={value}" for name, value in compute.items() if name in taken)]
        try:
            with own_stream(device):
                cli.commands[words[0]].main(
                    arguments, f"asrser_nn {words[0]}", standalone_mode=False, obj=(display, corpora.load, memory)
                )
        except click.ClickException as error:
            raise Failure(f"{words[0]}: {error.format_message()}") from error

    failures = run_grid(Path(runs), only, call, sys.stderr.isatty(), together)
    if failures:
        raise Failure(f"{len(failures)} runs failed. {'; '.join(failures)}")


@cli.command()
@click.option("--title", default="SER", help="what the figures are of: the corpus, the configuration")
@click.option("--paper/--no-paper", default=True, help="the paper's figures beside them: for its four emotions only")
@click.argument("out", metavar="OUT")
@click.argument("folds", metavar="FOLD_DIR...", nargs=-1, required=True)
def summary(title: str, paper: bool, out: str, folds: tuple[str, ...]) -> None:
    """Sum up the folds of an emotion corpus as OUT.json and, to be read, OUT.txt: mean over folds, each, and pooled.

    A FOLD_DIR holds evaluate_dev.json and evaluate_test.json, which `evaluate --silence-class … --json` wrote.
    """
    from asrser_nn.study.summary import as_text, read_fold, summarise_folds

    result = summarise_folds({Path(fold).name.removeprefix("fold_"): read_fold(Path(fold)) for fold in folds})
    text = as_text(result, title, paper)
    write_text(f"{out}.json", json.dumps({"title": title, **result}, indent=1) + "\n")
    write_text(f"{out}.txt", text)
    print(text, end="")


@cli.command()
@click.argument("model")
def info(model: str) -> None:
    """Show what MODEL is: its layers and their sizes, its classes, and how it came about."""
    from asrser_nn.network.model import describe, load_model

    print(describe(load_model(model)))


@cli.command()
@click.option("--asr", metavar="MODEL", help="run directory of a network of phone states, with its hmm.json")
@click.option("--ser", metavar="MODEL", help="run directory of a network of emotions")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of a table")
@click.option("--ctm", metavar="FILE", help="the phones of all files in NIST's form")
@click.option("--textgrid", metavar="DIR|FILE", help="for Praat, tiers phones and emotion; *.TextGrid: one file")
@click.option("--plot", metavar="DIR|FILE", help="waveform, spectrogram, phones, emotions; *.png: one file")
@click.option("--window", default=0.5, type=click.FloatRange(min=0), help="emotions are averaged over so many seconds")
@click.option("--silence-class", help="left out of the decision on a whole file; default: silence, if it is a class")
@click.option("--acoustic-scale", type=float, help="of the search for phones; default: the one that was best on dev")
@options(COMPUTE)
@click.argument("audio", nargs=-1, required=True)
def predict(
    audio: tuple[str, ...], as_json: bool, ctm: str | None, textgrid: str | None, plot: str | None, **given: Any
) -> None:
    """Phones with times (--asr), emotion over time (--ser) of AUDIO files: WAV, FLAC, OGG, any rate, stereo is mixed.

    The table holds start and end in seconds; lines 'whole' are the decision on a file. The models need nothing of the
    recipe that made them.

    \b
    asrser_nn predict --asr exp/asr --ser exp/ser/fold_03 --plot pictures --textgrid pictures *.wav
    """
    from asrser_nn.prediction.annotations import write_predictions
    from asrser_nn.prediction.predict import Predictor
    from asrser_nn.training.run import pick_device, set_threads

    if ctm and not given["asr"]:
        raise Failure("--ctm is for phones, which need --asr MODEL")
    set_threads(given["threads"])
    predictor = Predictor(
        given["asr"], given["ser"], pick_device(given["device"]), given["precision"],
        given["acoustic_scale"], given["window"], given["silence_class"],
    )  # fmt: skip
    if write_predictions(predictor, list(dict.fromkeys(map(Path, audio))), as_json, ctm, textgrid, plot):
        sys.exit(1)


@cli.command()
@click.option("--about", nargs=2, multiple=True, metavar="NAME VALUE", help="a further line of the report's provenance")
@click.argument("work", metavar="WORK-DIR")
@click.argument("runs", metavar="LIST")
@click.argument("out", metavar="DIR")
def report(about: tuple[tuple[str, str], ...], work: str, runs: str, out: str) -> None:
    """Make the report of the complete runs of LIST (as for grid): DIR/index.html, tables, figures, results.json.

    If WORK-DIR is a results.json, the report is made from it alone, and LIST is not read.
    """
    from asrser_nn.study.report import read_results, summary_text, write_report
    from asrser_nn.study.results import collect

    results = read_results(Path(work)) if work.endswith(".json") else collect(Path(work), Path(runs), about)
    written = write_report(results, Path(out))
    print(summary_text(results))
    print("\n".join(str(path) for path in written))


if __name__ == "__main__":
    cli()
