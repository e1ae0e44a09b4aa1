"""From which of TIMIT's eight dialect regions a speaker is: a data directory with a class for each utterance.

Usage: python local/dialect_task.py <prepared-data> <data-dir>
 e.g.: python local/dialect_task.py data/asr data/dialect
"""

from speaker_task import run

NAMES = {
    "1": "new_england", "2": "northern", "3": "north_midland", "4": "south_midland", "5": "southern",
    "6": "new_york_city", "7": "western", "8": "army_brat",
}  # fmt: skip

if __name__ == "__main__":
    run(__doc__, "spk2dialect", NAMES)
