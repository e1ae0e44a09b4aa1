"""The commands of asrser_nn, a table of contents."""

import sys
from typing import Any

import click

from asrser_io.files import Failure, described, lacks_memory
from asrser_io.messages import forget_unwritten, prepare_streams, say_warnings_by
from asrser_nn.commands.combine import combine
from asrser_nn.commands.evaluate import evaluate
from asrser_nn.commands.forward import forward
from asrser_nn.commands.grid import grid
from asrser_nn.commands.info import info
from asrser_nn.commands.multitask import multitask
from asrser_nn.commands.predict import predict
from asrser_nn.commands.report import report
from asrser_nn.commands.summary import summary
from asrser_nn.commands.train import train
from asrser_nn.commands.transfer import transfer


class Commands(click.Group):
    """Failures as one line and status 1; Ctrl-C as status 130, which a recipe can tell from a failure."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        prepare_streams()
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # the help cannot be written
            forget_unwritten()
            sys.exit(f"asrser_nn: {described(error)}")

    def invoke(self, context: click.Context) -> Any:
        say_warnings_by(lambda text: print(f"asrser_nn: warning: {text}", file=sys.stderr))
        try:
            return super().invoke(context)
        except BrokenPipeError:  # the reader of stdout has seen enough, as in `| head`: click ends without a word
            raise
        except (Failure, OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not lacks_memory(error):
                raise
            forget_unwritten()
            print(f"asrser_nn {context.invoked_subcommand}: {described(error)}", file=sys.stderr)
        except click.UsageError as error:
            name = f"asrser_nn {context.invoked_subcommand or ''}".rstrip()
            print(f"{name}: {error.format_message()}", file=sys.stderr)
            sys.exit(error.exit_code)
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


for command in (train, transfer, multitask, forward, evaluate, grid, summary, info, predict, report, combine):
    cli.add_command(command)

if __name__ == "__main__":
    cli()
