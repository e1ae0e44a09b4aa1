"""asrser_nn info"""

import click


@click.command()
@click.argument("model")
def info(model: str) -> None:
    """Show what MODEL is: its layers and their sizes, its classes, and how it came about."""
    from asrser_nn.network.model import describe, load_model

    print(describe(load_model(model)))
