#!/usr/bin/env bash
# Check the code (ruff, mypy, shellcheck) and run the tests; sets up .venv on first use.
#
# Usage: ./run_tests.sh [arguments of pytest]
#  e.g.: ./run_tests.sh tests/utils -k splitter
#
# In the environment, KALDI_ROOT (a compiled Kaldi) has every program of ours, and the recipe, tried beside Kaldi's;
# KALDI_CHECKOUT (a checkout of Kaldi, default: KALDI_ROOT) has Kaldi's own scripts tried on our programs.
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
cd "$(dirname "$(readlink -f "$0")")"
utils/setup.sh
. ./path.sh

ruff check .
mypy
find . -path ./.venv -prune -o \( -name '*.sh' -o -path ./.ci/run \) -type f -print0 | xargs -0 shellcheck
# Two workers, as most of a test's time is programs being started; a file is run by one, as some of its tests build on others,
# and files come in the order of tests/conftest.py.
# A thread each: two workers with two threads on two cores wait for each other, and MKL may then take fewer threads from one
# call to the next, which rounds otherwise; trainings are the same bit for bit only with the same number of threads.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
exec pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
