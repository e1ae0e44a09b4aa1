"""Whether a woman or a man speaks: a data directory with a class for each utterance, from spk2gender of a corpus.

Usage: python local/gender_task.py <prepared-data> <data-dir>
 e.g.: python local/gender_task.py data/ser data/gender
"""

from speaker_task import run

NAMES = {"f": "female", "m": "male"}

if __name__ == "__main__":
    run(__doc__, "spk2gender", NAMES)
